/** What the conductor and a host of simulated meters tell each other over IPC: time and progress, never readings. */

import type { TrueLine } from "../feeder/head-model.ts";
import type { Theft } from "../feeder/thefts.ts";

/** The work of one host, written by the fleet to a file that the host reads at start. */
export interface HostPlan {
  readonly name: string;
  readonly configFile: string;
  /** Data folder; keys are at `<data>/keys/<meter>`. */
  readonly data: string;
  /** Meters of this host as indices into the source's list. */
  readonly meters: readonly number[];
  readonly feed: FeedPlan;
  readonly network: string;
  readonly seed: number;
}

/** Where the readings come from; every process rebuilds the same source from it. */
export type FeedPlan =
  | {
      readonly kind: "generated";
      readonly seed: number;
      readonly meters: readonly { readonly id: string; readonly feeder: string }[];
      readonly range: { readonly from: number; readonly to: number };
      readonly slotSeconds: number;
      readonly timezone: string;
      /** Left out: nobody steals. */
      readonly thefts?: readonly Theft[];
      /** Lines of feeders that have a meter at their head; left out: none has. */
      readonly heads?: Readonly<Record<string, TrueLine>>;
    }
  | { readonly kind: "replayed"; readonly file: string; readonly slotSeconds: number };

/** Conductor to host. */
export type HostCommand =
  /** Every slot up to and including this one has ended: read the meters. */
  | { readonly type: "advance"; readonly slot: number }
  /** Send batches that are not full, and report this number as flushed. */
  | { readonly type: "flush"; readonly number: number };

/** To what was loaded before the host, for runs in which its clock and its disk fail. */
export interface ForeignMessage {
  readonly type: "wall-clock" | "clock-skew" | "no-room";
}

/** Host to conductor, after every change and a few times a second. */
export interface HostProgress {
  readonly type: "progress";
  /** The last slot whose readings are taken, or null before the first. */
  readonly fed: number | null;
  /** The lowest slot that a present aggregator has not settled, or null. */
  readonly oldest: number | null;
  /** Aggregators that the host no longer waits for: silent for longer than the patience. */
  readonly absent: readonly number[];
  readonly connected: number;
  /** The last flush that was carried out, or null. */
  readonly flushed: number | null;
  readonly counters: HostCounters;
  /** Left out where nothing is encrypted. */
  readonly ciphertexts?: CiphertextProgress;
}

export interface CiphertextProgress {
  /** Ciphertexts that someone has to answer, and windows that are to become ones. */
  readonly waiting: number;
  /** Totals since the host's start. */
  readonly made: number;
  readonly settled: number;
  /** Conflicts, windows given up, and other answers than stored or duplicate. */
  readonly refused: number;
  /** Sent on second connections, repetitions included. */
  readonly bytes: number;
  /** Time of encoding, encrypting and packing, in the thread for it. */
  readonly milliseconds: number;
}

/** Totals since the host's start. */
export interface HostCounters {
  /** Import and export of one slot are two readings. */
  readings: number;
  /** Those of them that are of export. */
  exports: number;
  settled: number;
  shareMessages: number;
  shareSlots: number;
  shareBytes: number;
  gaps: number;
  refused: number;
}
