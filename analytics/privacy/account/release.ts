/** What is released about households, and what an account says of one. */

/** Covered by the account: each carries noise. */
export type NoisedKind = "model-round" | "noised-load" | "noised-histogram";

export interface NoisedRelease {
  /** Names it once and for all: `round-17`. What is tried again under its name is paid for once. */
  readonly id: string;
  readonly kind: NoisedKind;
  /** How its noise was made, for people and for the log: `{ noise: "skellam", variance: 1234, l2: 80 }`. */
  readonly mechanism: Readonly<Record<string, unknown>>;
  /** What it costs each household that it is about, at the account's orders. */
  readonly rdp: readonly number[];
  /** Whom it is about: everyone in the agreed set. */
  readonly households: readonly string[];
  /**
   * Makes what is to be released, noise and all. It is called once, inside the transaction that spends: trying again gives
   * the same bytes, since releasing one value under two noises would cost twice. Not needed where clients add the noise.
   */
  readonly noised?: () => Uint8Array;
}

export interface ExactRelease {
  readonly id: string;
  /** What was shown, for people: `load of f-1, slot 1900000`. */
  readonly about: string;
  readonly households: readonly string[];
}

/** What `spend` answers. */
export interface Spent {
  /** False: it was paid for before. */
  readonly fresh: boolean;
  /** What `noised` made when it was paid for. */
  readonly payload: Uint8Array | undefined;
  /** It was marked as released. */
  readonly released: boolean;
  /** The largest epsilon at the account's delta among its households, after it. */
  readonly epsilon: number;
}

export interface StatementEntry {
  readonly id: string;
  readonly kind: NoisedKind;
  readonly mechanism: Readonly<Record<string, unknown>>;
  /** Of this release alone, at the account's delta. Epsilons of several do not add up: together they cost less. */
  readonly epsilon: number;
  readonly spentAt: number;
  readonly released: boolean;
}

export interface Statement {
  readonly household: string;
  readonly budget: { readonly epsilon: number; readonly delta: number };
  /** Of all noised releases together, at the budget's delta; the order that gives it. */
  readonly epsilon: number;
  readonly order: number;
  /** budget.epsilon - epsilon. */
  readonly left: number;
  readonly entries: readonly StatementEntry[];
  /** Exact releases: no noise, so nothing here covers them. */
  readonly notCovered: readonly { readonly id: string; readonly about: string; readonly at: number }[];
}
