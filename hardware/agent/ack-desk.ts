/** What an aggregator's answer does to the readings that wait: settles them, makes them gaps, or sends them again. */
import { ACK_CODES, type AckEntry } from "../../protocol/messages/ack-codes.ts";
import { type Kind, kindOf } from "../../protocol/units.ts";
import type { Batch } from "./batches.ts";
import type { Channel } from "./channel.ts";
import type { Gap } from "./outbox.ts";
import { aggregatorBit, isOutstanding, type PendingRun, type PendingRuns, settleSlot } from "./pending-runs.ts";

export interface AckDeskOptions {
  readonly pending: PendingRuns;
  readonly channels: readonly Channel[];
  /** From the history. */
  readonly readingAt: (kind: Kind, slot: number) => number | undefined;
  /** Sends a run to the aggregators in `mask`. */
  readonly admit: (run: Batch, mask: number) => void;
  /** Every aggregator has settled this run. */
  readonly finish: (run: PendingRun) => void;
  readonly gap: (gap: Gap) => void;
  /** An aggregator has stored slots [from, to), but after the load of their slot. */
  readonly late: (kind: Kind, from: number, to: number, aggregator: number) => void;
}

const ALL = 0xff;

export class AckDesk {
  readonly #options: AckDeskOptions;

  constructor(options: AckDeskOptions) {
    this.#options = options;
  }

  apply(channel: Channel, entry: AckEntry): void {
    const { pending, finish, gap, late } = this.#options;
    const { firstSlot, count, code } = entry;
    const x = channel.aggregator;
    const kind = kindOf(entry.kind);
    if (code === ACK_CODES.resend) {
      this.#sendAgain(kind, entry, x);
      return;
    }
    if (code === ACK_CODES.late) late(kind, firstSlot, firstSlot + count, x);
    if (code === ACK_CODES.conflict || code === ACK_CODES.closed) {
      const reason = `${code === ACK_CODES.conflict ? "conflict" : "closed"}:${x}`;
      gap({ kind, from: firstSlot, to: firstSlot + count, reason });
    }
    for (let slot = firstSlot; slot < firstSlot + count; slot++) {
      const run = pending.at(kind, slot);
      if (run === undefined || !settleSlot(run, slot, x)) continue;
      channel.settled(run);
      if (!isOutstanding(run, ALL)) finish(run);
    }
  }

  #sendAgain(kind: Kind, { firstSlot, count }: AckEntry, x: number): void {
    const { pending, channels, readingAt, admit } = this.#options;
    const mask = aggregatorBit(x);
    for (let slot = firstSlot; slot < firstSlot + count; slot++) {
      const run = pending.at(kind, slot);
      if (run !== undefined) {
        // It is on its way to someone: this aggregator joins in.
        const index = slot - run.firstSlot;
        const bits = run.outstanding[index] ?? 0;
        if ((bits & mask) !== 0) continue;
        run.outstanding[index] = bits | mask;
        channels.find((one) => one.aggregator === x)?.enqueue(run);
        continue;
      }
      const reading = readingAt(kind, slot);
      if (reading !== undefined) admit({ kind, firstSlot: slot, readings: [reading] }, mask);
    }
  }
}
