/** Splits pending runs into shares, once for all aggregators, and keeps each part until it is sent. */
import { ENTRY_BYTES } from "../../protocol/shamir/share-entries.ts";
import { splitBatch } from "../../protocol/shamir/split.ts";
import type { PendingRun } from "./pending-runs.ts";

export interface ShareCutterOptions {
  /** The device-only polynomial key, 32 bytes. */
  readonly key: Uint8Array;
  /** Shares f(1) to f(n). */
  readonly n: number;
  readonly t: number;
}

/** Gives the entries of aggregator x for a run; asking again splits again, to the same shares. */
export type ShareCutter = (run: PendingRun, x: number) => Uint8Array;

export function createShareCutter({ key, n, t }: ShareCutterOptions): ShareCutter {
  return (run, x) => {
    const kept = run.shares?.[x - 1];
    if (kept !== undefined && run.shares !== undefined) {
      run.shares[x - 1] = undefined;
      return kept;
    }
    const { kind, firstSlot, readings } = run;
    const size = ENTRY_BYTES * readings.length;
    // Views of one piece of a pooled buffer: a buffer of its own for each share is dear to make and to collect.
    const all = Buffer.allocUnsafe(n * size);
    const out: Buffer[] = [];
    for (let at = 0; at < all.length; at += size) out.push(all.subarray(at, at + size));
    splitBatch({ key, kind, firstSlot, readings, n, t, out });
    const own = out[x - 1]!;
    const shares: (Uint8Array | undefined)[] = out;
    shares[x - 1] = undefined;
    run.shares = shares;
    return own;
  };
}
