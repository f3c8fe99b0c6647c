/** What a check of an installation found. */

export type State =
  /** As it should be. */
  | "ok"
  /** Works, but worth knowing: something optional is missing, or not made yet. */
  | "note"
  /** Something will not work. */
  | "fault";

export interface Finding {
  readonly area: string;
  readonly check: string;
  readonly state: State;
  readonly detail: string;
  /** What to do about it; empty where nothing is to be done. */
  readonly remedy: string;
}

/** Makes findings of one area. */
export function findingsOf(area: string) {
  const make =
    (state: State) =>
    (check: string, detail: string, remedy = ""): Finding => ({ area, check, state, detail, remedy });
  return { ok: make("ok"), note: make("note"), fault: make("fault") };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
