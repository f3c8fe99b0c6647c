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
  /** Made when there is one: most meters of most systems send neither. */
  #digests: DigestAck[] | undefined;
  #updates: Map<string, UpdateAck> | undefined;

  get isEmpty(): boolean {
    return this.#runs.length === 0 && this.#digests === undefined && this.#updates === undefined;
  }

  /** Of several about one round the last counts: a repeat after its share was stored says so. */
  addUpdate(ack: UpdateAck): void {
    this.#updates ??= new Map();
    this.#updates.set(ack.round, ack);
  }

  takeUpdates(): readonly UpdateAck[] {
    const updates = this.#updates;
    this.#updates = undefined;
    return updates === undefined ? [] : [...updates.values()];
  }

  addDigest(ack: DigestAck): void {
    this.#digests ??= [];
    this.#digests.push(ack);
  }

  /** What was said of digests, at most `most` at once; the rest stays. */
  takeDigests(most: number): readonly DigestAck[] {
    const some = this.#digests?.splice(0, most) ?? [];
    if (this.#digests?.length === 0) this.#digests = undefined;
    return some;
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
