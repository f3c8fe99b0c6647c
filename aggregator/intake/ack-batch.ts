/** Collects what is to be said about slots until the next commit; consecutive slots with one code become one entry. */
import {
  ACK_CODES,
  type AckCode,
  type AckCodeName,
  type AckEntry,
  type DigestAck,
} from "../../protocol/messages/ack-codes.ts";

interface Run {
  readonly kind: number;
  readonly firstSlot: number;
  count: number;
  readonly code: AckCode;
}

export class AckBatch {
  #runs: Run[] = [];
  #digests: DigestAck[] = [];

  get isEmpty(): boolean {
    return this.#runs.length === 0 && this.#digests.length === 0;
  }

  addDigest(ack: DigestAck): void {
    this.#digests.push(ack);
  }

  /** What was said of digests, at most `most` at once; the rest stays. */
  takeDigests(most: number): readonly DigestAck[] {
    return this.#digests.splice(0, most);
  }

  add(kind: number, slot: number, code: AckCodeName, count = 1): void {
    const value = ACK_CODES[code];
    const last = this.#runs.at(-1);
    if (last?.code === value && last.kind === kind && last.firstSlot + last.count === slot) last.count += count;
    else this.#runs.push({ kind, firstSlot: slot, count, code: value });
  }

  /** Hands out what was collected and starts anew. */
  take(): readonly AckEntry[] {
    const runs = this.#runs;
    this.#runs = [];
    return runs;
  }
}
