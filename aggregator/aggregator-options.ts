/** What one aggregator is made of: its keys, its database, its settings, and its ways in and out. */
import type { SqlDatabase } from "../config/runtime/sql.ts";
import type { Party } from "../config/keys/index.ts";
import type { SubsetKeyList } from "../protocol/keys/index.ts";
import type { IntakeOptions } from "./intake/intake-options.ts";
import type { VectorLimits } from "./learning/vector-store.ts";
import type { JobDeskSettings } from "./openings/job-desk.ts";
import type { ShareStoreOptions } from "./store/share-store.ts";
import type { Notice } from "./workers/notices.ts";

type IntakeSettings = Pick<IntakeOptions, "slotSeconds" | "windowSlots" | "futureSlots" | "commitMessages" | "bits">;

export interface AggregatorSettings extends IntakeSettings, ShareStoreOptions, VectorLimits {
  readonly minMeters: number;
  readonly minSlots: number;
  /** Days after which shares that are in a bill may go; 0: they stay. */
  readonly shareDays: number;
}

/** What one of several workers of an aggregator does, and what the others do. */
export interface WorkersPart {
  /** Whether this worker takes in a meter, by its name or by its number here. */
  readonly owns: (meter: string) => boolean;
  readonly ownsNumber: (meter: number) => boolean;
  /** Whether this one answers rounds, jobs and enrolments. */
  readonly hasDesk: boolean;
  /** Tells the others. */
  readonly tell: (notice: Notice) => void;
}

export interface AnsweredRound {
  readonly round: string;
  /** What was asked, and what it was answered with. */
  readonly asked: string;
  readonly answered: string;
  readonly milliseconds: number;
}

export interface AggregatorOptions {
  readonly index: number;
  readonly db: SqlDatabase;
  readonly party: Pick<Party, "id" | "directory" | "signKey" | "sealKey">;
  readonly settings: AggregatorSettings;
  /** Left out: shares are not tested before they are summed. */
  readonly subsetKeys?: SubsetKeyList | undefined;
  /** Unix seconds; undefined while a simulation has not told the time. */
  readonly now: () => number | undefined;
  /** Unix seconds of the machine, also in a simulation. */
  readonly wallTime: () => number;
  /** Seconds that do not follow a simulation, for the age of unfinished messages. */
  readonly monotonic: () => number;
  /** Asks for `commit` to be called within aggregator.commitMilliseconds. */
  readonly scheduleCommit: () => void;
  readonly send: (topic: string, payload: Uint8Array) => void;
  readonly refuse: (code: string, detail?: string) => void;
  /** Told of every answer to the utility, by round. */
  readonly answered?: (entry: AnsweredRound) => void;
  /** Lets other work run for a moment during a long answer. */
  readonly pause: () => Promise<void>;
  /** Left out: this process does all of it. */
  readonly part?: WorkersPart | undefined;
  /** Left out: jobs on ciphertexts are refused. */
  readonly homomorphic?: JobDeskSettings;
}
