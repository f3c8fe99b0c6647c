/** A round as it is kept: everything that must survive a kill, saved before anything that follows from it is sent. */
import type { Question, RefusalCode } from "../../protocol/messages/round.ts";
import type { Tested } from "./tested.ts";

/**
 * `opened`: asking what the aggregators hold; `fixed`: one set is chosen and endorsements are asked for; `endorsed`: q
 * have endorsed it and sums are asked for; then `finished` or `failed`. What a state is waiting for is not kept: the
 * question is simply asked again.
 */
export type RoundState = "opened" | "fixed" | "endorsed" | "finished" | "failed";

/** `open`: going on; `waiting`: cannot go on, see the reason; `final`: done; else the code of why it failed. */
export type RoundStatus = "open" | "waiting" | "final" | (string & {});

/** What aggregators refused and the utility therefore left out: indices in the question, with the rule. */
export interface Excluded {
  readonly units: readonly number[];
  /** Parts of units: the cells of a refused output, as [unit, mask in base64]. */
  readonly parts: readonly (readonly [number, string])[];
  readonly code: RefusalCode;
  readonly detail: string;
}

/** Agreed cells of one unit that the utility kept out of the set, and the rule for which it did. */
export interface HeldCells {
  readonly unit: number;
  readonly cells: Uint8Array;
  readonly reason: string;
}

export interface RoundRecord {
  readonly id: string;
  readonly question: Question;
  /** Unix seconds of the (possibly simulated) clock. */
  readonly openedAt: number;
  readonly state: RoundState;
  readonly status: RoundStatus;
  readonly reason: string;
  /** The fixed set as encoded, from `fixed` on. */
  readonly content: Uint8Array | undefined;
  readonly setId: Uint8Array | undefined;
  /** What the test of the set's shares has shown; undefined before, and in rounds of older versions. */
  readonly tested: Tested | undefined;
  /** How many sets were fixed: more than one only after a quorum had become impossible by refusals. */
  readonly sets: number;
  readonly endorsements: readonly Uint8Array[];
  readonly excluded: readonly Excluded[];
  /** What waits for a later round though the aggregators hold it. */
  readonly held: readonly HeldCells[];
  /** Why a round failed, for people and for later proof; never a sum. */
  readonly evidence: string | undefined;
}

/** A new round. Its id names purpose, feeder and first slot, and `serial` keeps two of them apart. */
export function newRound(question: Question, openedAt: number, serial: number): RoundRecord {
  const prefix = { load: "l", billing: "b", balance: "f", vector: "v" }[question.purpose];
  const slot = question.segments[0]?.[0] ?? 0;
  return {
    id: `${prefix}-${question.feeder.slice(0, 32)}-${slot}-${serial}`.slice(0, 64),
    question,
    openedAt,
    state: "opened",
    status: "open",
    reason: "",
    content: undefined,
    setId: undefined,
    tested: undefined,
    sets: 0,
    endorsements: [],
    excluded: [],
    held: [],
    evidence: undefined,
  };
}

/** True when nothing is left to do. */
export function isSettled(record: Pick<RoundRecord, "state">): boolean {
  return record.state === "finished" || record.state === "failed";
}

/** The set is chosen. */
export function fixed(
  record: RoundRecord,
  content: Uint8Array,
  setId: Uint8Array,
  held: readonly HeldCells[],
  tested: Tested,
): RoundRecord {
  const sets = record.sets + 1;
  const open = { state: "fixed", status: "open", reason: "", endorsements: [] } as const;
  return { ...record, ...open, content, setId, sets, held, tested };
}

/** q aggregators have endorsed it. */
export function endorsed(record: RoundRecord, endorsements: readonly Uint8Array[]): RoundRecord {
  return { ...record, state: "endorsed", status: "open", reason: "", endorsements };
}

/** The set is dead; what was named is left out of the next one. */
export function reopened(record: RoundRecord, excluded: Excluded, reason: string): RoundRecord {
  const all = [...record.excluded, excluded];
  const none = { content: undefined, setId: undefined, tested: undefined };
  return { ...record, state: "opened", status: "open", reason, ...none, excluded: all };
}

export function finished(record: RoundRecord, held = record.held): RoundRecord {
  return { ...record, state: "finished", status: "final", reason: "", held };
}

export function failed(record: RoundRecord, code: string, reason: string, evidence: unknown): RoundRecord {
  return { ...record, state: "failed", status: code, reason, evidence: JSON.stringify(evidence) };
}

/**
 * A reason as anyone may read it. Which home lacks something, or does not fit, is nobody's business: the utility's log and
 * database name it, the world hears of "a meter".
 */
export function namingNobody(text: string, { question }: Pick<RoundRecord, "question">): string {
  const meters = new Set(question.meters);
  return text.replace(/[a-z0-9][a-z0-9-]*/g, (word) => (meters.has(word) ? "a meter" : word));
}
