/** The tables of opened ciphertexts (docs/database.md): what waits to be combined, what came out, what was compared. */
import type { Generated, Selectable } from "kysely";

/** What analytics sent; the ciphertexts go when the job is settled. */
export interface HeOutputsTable {
  job: string;
  transcript: Uint8Array;
  /** JSON: indices of the aggregators that open it. */
  active: string;
  /** CBOR: the first half of each output. */
  c0: Uint8Array | null;
  settled: Generated<number>;
  received_at: number;
}

export interface HePartialsTable {
  job: string;
  aggregator: number;
  /** SHA-256 of the transcript that the aggregator opened. */
  transcript_hash: Uint8Array;
  active: string;
  /** JSON: for each slot, how many meters have a value. */
  meters: string;
  /** CBOR: the part of each output. */
  outputs: Uint8Array;
  received_at: number;
}

export interface HeResultsTable {
  job: string;
  circuit: string;
  /** JSON. */
  parameters: string;
  /** Names, separated by commas. */
  feeders: string;
  series: string;
  /** Unix seconds, [start, end). */
  window_start: number;
  window_end: number;
  slots: number;
  meters: number;
  /** JSON: how many of them have a value, for each slot; null where nothing came out. */
  meters_by_slot: string | null;
  inputs: number;
  unit: string;
  /** Largest error of the main numbers that the analysis allows for, in `unit`. */
  error_bound: number | null;
  /** Largest magnitude where zeros must come out, and what noise alone can make of it. */
  residue: number | null;
  residue_bound: number | null;
  /** Indices of aggregators, separated by commas. */
  opened_by: string;
  epoch: number;
  parameter_set: string;
  /** `final`, or why nothing came out. */
  status: string;
  reason: string;
  opened_at: number;
  /** CBOR: the opened slots of each output as doubles; what analytics is told. */
  opened: Uint8Array | null;
  published: Generated<number>;
}

export type HeResultRow = Selectable<HeResultsTable>;

export interface HeValuesTable {
  job: string;
  name: string;
  position: number;
  /** Unix seconds; null for numbers about the whole window. */
  slot_start: number | null;
  value: number;
  unit: string;
  error_bound: number | null;
}

export interface HeChecksTable {
  job: string;
  feeders: string;
  series: string;
  /** Unix seconds, [start, end). */
  window_start: number;
  window_end: number;
  slots_compared: number;
  slots_waiting: number;
  slots_differing: number;
  /** 1 or 0; null while nothing could be compared. */
  agree: number | null;
  largest_difference: number | null;
  /** Start of the slot with the largest difference. */
  differs_at: number | null;
  bound: number | null;
  unit: string;
  /** The least of the loads that differ, or of all when none does. */
  spare_answers: number | null;
  status: string;
  reason: string;
  checked_at: number;
}

export interface OpenedTables {
  he_outputs: HeOutputsTable;
  he_partials: HePartialsTable;
  he_results: HeResultsTable;
  he_values: HeValuesTable;
  he_checks: HeChecksTable;
  current_he_results: HeResultsTable;
}
