/** What the intake is made of: stores, settings, a clock, and ways out. */
import type { SqlDatabase } from "../../config/runtime/sql.ts";
import type { BitsByKind } from "../../protocol/range/bit-entries.ts";
import type { VectorStore } from "../learning/vector-store.ts";
import type { DigestStore } from "../openings/digest-store.ts";
import type { ReleaseStore } from "../release/release-store.ts";
import type { ShareStore } from "../store/share-store.ts";
import type { MeterTable } from "./meter-table.ts";

export interface IntakeOptions {
  readonly db: SqlDatabase;
  readonly store: ShareStore;
  readonly digests: DigestStore;
  readonly vectors: VectorStore;
  /** Which loads were endorsed, to tell a meter what came too late for them. */
  readonly loads: Pick<ReleaseStore, "newestLoad" | "isLoadWithout">;
  readonly meters: MeterTable;
  /** Where other workers take in the rest. */
  readonly isOwn?: ((meter: string) => boolean) | undefined;
  /** Unix seconds; undefined while a simulation has not told the time. Nothing is answered before it has. */
  readonly now: () => number | undefined;
  /** Unix seconds of the machine, also in a simulation. */
  readonly wallTime: () => number;
  readonly slotSeconds: number;
  readonly windowSlots: number;
  readonly futureSlots: number;
  /** Kinds that are taken as shares of bits, and then only so. */
  readonly bits: BitsByKind;
  /** Messages after which a commit happens at once. */
  readonly commitMessages: number;
  /** Asks for `commit` to be called soon (a timer of aggregator.commitMilliseconds). */
  readonly scheduleCommit: () => void;
  readonly send: (topic: string, payload: Uint8Array) => void;
  readonly refuse: (code: string, detail?: string) => void;
}
