/**
 * The tables of `utility.db`, as Kysely sees them (docs/database.md says what they mean). Energy is integer Wh, money
 * integer micro-units; both stay below 2^53 in a database row, which `exactNumber` checks when they are read.
 */
import type { BalanceTables } from "./balance-tables.ts";
import type { Generated } from "kysely";
import type { LearningTables } from "./learning-tables.ts";
import type { LedgerTables } from "./ledger-tables.ts";
import type { OpenedTables } from "./opened-tables.ts";

export interface MetaTable {
  key: string;
  value: string;
}

export interface RollTable {
  meter_id: string;
  serial: number;
  certificate: Uint8Array;
}

export interface RoundsTable {
  id: string;
  purpose: string;
  feeder_id: string;
  /** Unix seconds: what the round is about, [start, end). */
  range_start: number;
  range_end: number;
  state: string;
  status: string;
  reason: string;
  sets: number;
  opened_at: number;
  evidence: string | null;
  set_id: Uint8Array | null;
  /** CBOR: the question, the fixed set, endorsements and exclusions. */
  question: Uint8Array;
  content: Uint8Array | null;
  endorsements: Uint8Array;
  excluded: string;
  held: Uint8Array;
  /** CBOR: what the test of the set's shares has shown. */
  tested: Uint8Array | null;
  /** Meters of the set whose shares were not tested; null before, and in rounds of older versions. */
  untested_meters: number | null;
  /** Meters whose readings are known to be in range, and those of which it is not; null where none is shared by bits. */
  proved_meters: number | null;
  unproved_meters: number | null;
}

export interface DetectionsTable {
  round_id: string;
  aggregator: number;
  /** `wrong-sums`, `equivocation`, `inconsistent-shares` or `wrong-proofs`. */
  code: string;
  /** `liar`, or `disputed` between the aggregator and meters. */
  verdict: string;
  detail: string;
  detected_at: number;
  /** CBOR: the aggregator's COSE_Sign1 answers, one that is wrong or two that exclude each other. */
  answers: Uint8Array;
}

/** Whether all readings in it are known to be in range; null where the round's are not shared by bits. */
export type RangeProof = "proved" | "unproved";

export interface FeedersTable {
  feeder_id: string;
  /** Slots before this one have been asked for as loads, asked a second time, and billed. */
  load_to: number;
  swept_to: number;
  billed_to: number;
}

export interface FeederLoadsTable {
  feeder_id: string;
  slot_start: number;
  energy_wh: number | null;
  export_wh: number | null;
  meters: number;
  status: string;
  spare_answers: number | null;
  round_id: string | null;
  published: Generated<number>;
}

export interface ReleasedTotalsTable {
  round_id: string;
  meter_id: string;
  feeder_id: string;
  /** Local dates of the bill that the energy enters. */
  period_start: string;
  period_end: string;
  /** Local dates of the period whose slots and prices it has: an earlier one for late energy. */
  source_start: string;
  source_end: string;
  row: string;
  kind: string;
  cells: number;
  energy_wh: number;
  spare_answers: number;
  range_proof: RangeProof | null;
}

export interface FeederPeriodsTable {
  feeder_id: string;
  period_start: string;
  period_end: string;
  /** `final`, or why the feeder's part of the bills is missing. */
  status: string;
  round_id: string | null;
}

export interface BillsTable {
  meter_id: string;
  period_start: string;
  period_end: string;
  energy_wh: number | null;
  amount_micro: number | null;
  currency: string;
  version: number;
  status: string;
  spare_answers: number | null;
  range_proof: RangeProof | null;
  gaps: number;
  catchup_wh: number | null;
  export_wh: number | null;
  tariff_id: string;
  totals: string | null;
  /** How many released totals entered the bill. */
  released_rows: number;
  issued_at: number;
  /** How often the broker has taken it. */
  sent: Generated<number>;
}

export interface BillTotalsTable {
  meter_id: string;
  period_start: string;
  period_end: string;
  band: string;
  kind: string;
  position: number;
  energy_wh: number;
  amount_micro: number;
  currency: string;
  version: number;
  status: string;
}

export interface GapsTable {
  meter_id: string;
  period_start: string;
  period_end: string;
  feeder_id: string;
  kind: string;
  /** Unix seconds, [start, end). */
  slot_start: number;
  slot_end: number;
  slots: number;
  reason: string;
  /** First date of the later bill that the energy entered. */
  billed_period_start: string | null;
}

export interface TariffsTable {
  id: string;
  source: string;
  yaml: string;
}

/** The tariffs by which a period is billed, by id: that of most meters, and as JSON those of single ones. */
export interface PeriodTariffsTable {
  period_start: string;
  period_end: string;
  common: string;
  own: string;
}

/** Customers' keys that came after the key folder's. */
export interface CustomersTable {
  meter_id: string;
  public_key: Uint8Array;
}

/** The last hello of each meter that its bills were sent again for. */
export interface MetersSeenTable {
  meter_id: string;
  challenge: string;
  seen_at: number;
}

export interface UtilityTables extends OpenedTables, LedgerTables, BalanceTables, LearningTables {
  meta: MetaTable;
  roll: RollTable;
  rounds: RoundsTable;
  detections: DetectionsTable;
  feeders: FeedersTable;
  feeder_loads: FeederLoadsTable;
  released_totals: ReleasedTotalsTable;
  feeder_periods: FeederPeriodsTable;
  bills: BillsTable;
  bill_totals: BillTotalsTable;
  gaps: GapsTable;
  tariffs: TariffsTable;
  period_tariffs: PeriodTariffsTable;
  customers: CustomersTable;
  meters_seen: MetersSeenTable;
  current_bills: BillsTable;
  current_bill_totals: BillTotalsTable;
}

/** A bigint as a database integer; both sides of the border read it exactly. Throws RangeError beyond 2^53. */
export function exactNumber(name: string, value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new RangeError(`${name}: expected an integer below 2^53, got ${value}`);
  return number;
}
