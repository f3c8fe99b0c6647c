/** The tables of learning rounds, as Kysely sees them (docs/database.md says what they mean). */
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
  /** JSON of what a release announced, but for when it closes; NULL for training. */
  content: string | null;
}

export interface NoisedReleasesTable {
  round: string;
  name: string;
  step: number;
  /** `load` or `histogram`. */
  type: string;
  kind: string;
  unit: string;
  window_start: number;
  window_end: number;
  meters: number | null;
  min_meters: number;
  /** Of the homes in the sum, and of the fewest that are counted. */
  noise_sd: number | null;
  least_noise_sd: number;
  clip: number;
  epsilon: number;
  delta: number;
  spare_answers: number | null;
  status: string;
  reason: string;
  settled_at: number;
}

export interface NoisedValuesTable {
  round: string;
  position: number;
  /** Of a load. */
  slot_start: number | null;
  /** Of a histogram; NULL where the bucket is open. */
  from_wh: number | null;
  to_wh: number | null;
  value: number;
}

export interface LearningTables {
  model_rounds: ModelRoundsTable;
  noised_releases: NoisedReleasesTable;
  noised_values: NoisedValuesTable;
}
