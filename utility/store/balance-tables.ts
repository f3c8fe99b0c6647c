/** The tables of feeder balances, as Kysely sees them (docs/database.md says what they mean). */
import type { Generated } from "kysely";

export interface FeederBalancesTable {
  feeder_id: string;
  slot_start: number;
  /** In at the head less what flows on to the meters, of either sign; NULL where it was not released. */
  balance_wh: number | null;
  /** The load of the slot, as it was when the balance was judged. */
  import_wh: number | null;
  export_wh: number | null;
  /** The technical loss by the books. */
  loss_wh: number | null;
  /** What neither meters nor books explain: balance_wh less loss_wh. */
  residual_wh: number | null;
  status: string;
  spare_answers: number | null;
  round_id: string;
}

export interface BalanceAlertsTable {
  feeder_id: string;
  kind: string;
  since: number;
  detected_at: number;
  size_w: number | null;
  published: Generated<number>;
}

/** Of each feeder how far it was asked, and what the detector remembers (JSON). */
export interface BalanceWatchTable {
  feeder_id: string;
  asked_to: number;
  state: string | null;
}

export interface BalanceTables {
  feeder_balances: FeederBalancesTable;
  balance_alerts: BalanceAlertsTable;
  balance_watch: BalanceWatchTable;
}
