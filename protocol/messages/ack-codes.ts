/** What an aggregator says of one slot of a share message. `late`: stored, but after the load of its slot was endorsed. */
export const ACK_CODES = { stored: 0, duplicate: 1, conflict: 2, closed: 3, resend: 4, late: 5 } as const;

export type AckCodeName = keyof typeof ACK_CODES;
export type AckCode = (typeof ACK_CODES)[AckCodeName];

/** A run of consecutive slots of one kind with the same code. */
export interface AckEntry {
  readonly kind: number;
  readonly firstSlot: number;
  readonly count: number;
  readonly code: AckCode;
}

/**
 * What is said of a ciphertext: by an aggregator of its digest (`stored` to `closed`), by analytics of the ciphertext
 * itself. `refused`: it is malformed, or not what its series takes.
 */
export const CIPHERTEXT_CODES = { stored: 0, duplicate: 1, conflict: 2, closed: 3, refused: 5 } as const;
export type CiphertextCode = (typeof CIPHERTEXT_CODES)[keyof typeof CIPHERTEXT_CODES];

/** What an aggregator says of the digest of one window of a series. */
export interface DigestAck {
  readonly series: string;
  readonly firstSlot: number;
  readonly code: Exclude<CiphertextCode, 5>;
}

/** What an aggregator says of a home's update of a learning round. `refused`: it is not what the round takes. */
export const UPDATE_CODES = { stored: 0, duplicate: 1, conflict: 2, closed: 3, refused: 5 } as const;
export type UpdateCode = (typeof UPDATE_CODES)[keyof typeof UPDATE_CODES];

export interface UpdateAck {
  /** The id of the round: 32 hex digits. */
  readonly round: string;
  readonly code: UpdateCode;
}

/** The number pair of a sealed message; ordered by boot, then by counter. Both are unsigned 32-bit integers. */
export interface MessageNumber {
  readonly boot: number;
  readonly counter: number;
}

/** Negative, zero or positive as `a` comes before, is, or comes after `b`. */
export function compareMessageNumbers(a: MessageNumber, b: MessageNumber): number {
  return a.boot - b.boot || a.counter - b.counter;
}
