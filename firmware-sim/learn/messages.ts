/** What the processes of a learning run tell whoever started them, over IPC: progress, and no home's data. */

/** What became of one round, as the coordinator keeps it. */
export interface RoundEntry {
  readonly step: number;
  readonly round?: string | undefined;
  readonly homes: number;
  readonly updateNorm: number;
  readonly epsilon: number | null;
  /** Of a round with a bound: homes in the set that are proved to be within it, those that are not, those left out. */
  readonly bound?: { readonly proved: number; readonly unproved: number; readonly leftOut: number } | undefined;
  readonly validation?: { readonly maeWh: number } | undefined;
}

export type CoordinatorMessage =
  | { readonly type: "campaign"; readonly rounds: number; readonly history: readonly RoundEntry[] }
  | { readonly type: "announced"; readonly round: string; readonly step: number; readonly closesAt: number }
  | { readonly type: "settled"; readonly entry: RoundEntry; readonly reason?: string }
  | { readonly type: "done"; readonly file: string };

/** Of a host of homes, after every change. */
export interface HomesMessage {
  readonly type: "homes";
  readonly round: string;
  /** Of these nothing more is to come: settled, refused, not ready, or dropped out. */
  readonly finished: number;
  readonly refused: Readonly<Record<string, number>>;
}

/** The work of the process with the homes, in its `plan.json`. */
export interface HomesPlan {
  readonly configFile: string;
  readonly data: string;
  readonly readings: string;
  /** Homes by their ids, with the slot at which their history ends: later readings nobody trains on. */
  readonly homes: readonly { readonly id: string; readonly endSlot: number }[];
  readonly dropOut: number;
  readonly seed: number;
}
