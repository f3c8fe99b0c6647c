/** Splits pending runs into shares, once for all aggregators, and keeps each part until it is sent. */
import { type BitsByKind, bitsOfKind } from "../../protocol/range/bit-entries.ts";
import { splitBits } from "../../protocol/range/split-bits.ts";
import { ENTRY_BYTES } from "../../protocol/shamir/share-entries.ts";
import { type SplitBatch, splitBatch } from "../../protocol/shamir/split.ts";
import type { PendingRun } from "./pending-runs.ts";

export interface ShareCutterOptions {
  /** The device-only polynomial key, 32 bytes. */
  readonly key: Uint8Array;
  /** Shares f(1) to f(n). */
  readonly n: number;
  readonly t: number;
  readonly bits: BitsByKind;
  /** Told of each part as it is handed out. */
  readonly cut?: (run: PendingRun, x: number, entries: Uint8Array) => void;
}

/** Gives the entries of aggregator x for a run; asking again splits again, to the same shares. */
export type ShareCutter = (run: PendingRun, x: number) => Uint8Array;

export function createShareCutter({ key, n, t, bits: bitsByKind, cut }: ShareCutterOptions): ShareCutter {
  const partOf: ShareCutter = (run, x) => {
    const kept = run.shares?.[x - 1];
    if (kept !== undefined && run.shares !== undefined) {
      run.shares[x - 1] = undefined;
      return kept;
    }
    const { kind, firstSlot, readings } = run;
    const bits = bitsOfKind(bitsByKind, kind);
    const base = { key, kind, firstSlot, readings, n, t };
    const out = bits === 0 ? splitWhole(base) : splitBits({ ...base, bits });
    const own = out[x - 1]!;
    const shares: (Uint8Array | undefined)[] = out;
    shares[x - 1] = undefined;
    run.shares = shares;
    return own;
  };
  return (run, x) => {
    const part = partOf(run, x);
    cut?.(run, x, part);
    return part;
  };
}

function splitWhole(input: Omit<SplitBatch, "out">): Uint8Array[] {
  const size = ENTRY_BYTES * input.readings.length;
  // Views of one piece of a pooled buffer: a buffer of its own for each share is dear to make and to collect.
  const all = Buffer.allocUnsafe(input.n * size);
  const out: Buffer[] = [];
  for (let at = 0; at < all.length; at += size) out.push(all.subarray(at, at + size));
  splitBatch({ ...input, out });
  return out;
}
