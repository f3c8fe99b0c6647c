/**
 * The streams of events that are open: how many each account may have, and whether it still may. A right is looked at again at
 * every heartbeat, and at once when this process takes it away; then the stream ends.
 */
import { Problem } from "../problem.ts";

export interface StreamLimits {
  readonly maxStreams: number;
  readonly streamsPerAccount: number;
  /** Of `maxStreams`, so many are kept free for the staff. */
  readonly staffStreams: number;
}

export interface OpenStream {
  readonly account: string;
  readonly isStaff: boolean;
  /** Whether what it was opened with still holds, with the same role. */
  readonly may: () => boolean;
  /** Called once, when it may no more. */
  readonly end: () => void;
}

/** Seconds before another attempt is worth it. */
const RETRY_SECONDS = 10;

export class Streams {
  readonly #limits: StreamLimits;
  readonly #open = new Set<OpenStream>();

  constructor(limits: StreamLimits) {
    this.#limits = limits;
  }

  /** Throws a Problem where there are too many: of the account, or of all. */
  open(stream: OpenStream): void {
    const { maxStreams, streamsPerAccount, staffStreams } = this.#limits;
    const all = [...this.#open];
    const retryAfter = { retryAfter: RETRY_SECONDS };
    if (all.filter(({ account }) => account === stream.account).length >= streamsPerAccount) {
      const detail = `${stream.account} has ${streamsPerAccount} streams open already: close one`;
      throw new Problem(429, "too-many-own-streams", detail, retryAfter);
    }
    const customers = all.filter(({ isStaff }) => !isStaff).length;
    if (all.length >= maxStreams || (!stream.isStaff && customers >= maxStreams - staffStreams)) {
      throw new Problem(503, "too-many-streams", "too many streams are open", retryAfter);
    }
    this.#open.add(stream);
  }

  /** It has gone by itself. */
  close(stream: OpenStream): void {
    this.#open.delete(stream);
  }

  /** Whether it goes on; ends it where not. */
  check(stream: OpenStream): boolean {
    if (!this.#open.has(stream)) return false;
    if (holds(stream)) return true;
    this.#open.delete(stream);
    stream.end();
    return false;
  }

  /** Looks at all of an account at once. */
  checkAll(account: string): void {
    for (const stream of [...this.#open]) if (stream.account === account) this.check(stream);
  }
}

/** What cannot be looked up does not hold: whoever has the right opens another stream. */
function holds({ may }: OpenStream): boolean {
  try {
    return may();
  } catch {
    return false;
  }
}
