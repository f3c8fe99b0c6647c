/** Collects what is to be said about slots until the next commit; consecutive slots with one code become one entry. */
import { ACK_CODES, type AckCode, type AckCodeName, type AckEntry } from "../../protocol/messages/ack-codes.ts";

interface Run {
  readonly kind: number;
  readonly firstSlot: number;
  count: number;
  readonly code: AckCode;
}

export class AckBatch {
  #runs: Run[] = [];

  get isEmpty(): boolean {
    return this.#runs.length === 0;
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
