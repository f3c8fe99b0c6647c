/** The table of learning rounds, as Kysely sees it (docs/database.md says what it means). */
import type { Generated } from "kysely";

export interface ModelRoundsTable {
  /** The id of the announced round: 32 hex digits. */
  round: string;
  campaign: string;
  step: number;
  /** `train`, `histogram` or `load`. */
  task: string;
  closes_at: number;
  min_meters: number;
  max_meters: number;
  /** JSON: the vector, the noise and the bound, as announced. */
  shape: string;
  /** SHA-256 of the model that homes start from, or of the task. */
  model: Uint8Array;
  /** `announced`, `asked`, `final`, or why there is no sum. */
  status: string;
  reason: string;
  /** Of table `rounds`, once it was opened. */
  round_id: string | null;
  set_id: Uint8Array | null;
  /** Homes in the sum. */
  meters: number | null;
  /** The coordinates of the sum, int64, little endian. */
  sum: Uint8Array | null;
  spare_answers: number | null;
  /** Of a round with a bound: homes in the sum that are proved to be within it, those that are not, and those beyond it. */
  proved: number | null;
  unproved: number | null;
  left_out: number | null;
  settled_at: number | null;
  published: Generated<number>;
}

export interface LearningTables {
  model_rounds: ModelRoundsTable;
}
