/** Collects what is to be said about slots until the next commit; consecutive slots with one code become one entry. */
import {
  ACK_CODES,
  type AckCode,
  type AckCodeName,
  type AckEntry,
  type DigestAck,
  type UpdateAck,
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
  #updates = new Map<string, UpdateAck>();

  get isEmpty(): boolean {
    return this.#runs.length === 0 && this.#digests.length === 0 && this.#updates.size === 0;
  }

  /** Of several about one round the last counts: a repeat after its share was stored says so. */
  addUpdate(ack: UpdateAck): void {
    this.#updates.set(ack.round, ack);
  }

  takeUpdates(): readonly UpdateAck[] {
    const updates = [...this.#updates.values()];
    if (updates.length > 0) this.#updates = new Map();
    return updates;
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
