/** Puts the opening desk together over the aggregator's database and what it knows of members, digests and loads. */
import type { SqlDatabase } from "../../config/runtime/sql.ts";
import type { JobRules, SeriesBook } from "./job-rules.ts";
import type { KeyBook } from "./key-book.ts";
import type { Machine } from "./machine.ts";
import { NumberBudget } from "./number-budget.ts";
import { OpeningDesk } from "./opening-desk.ts";
import type { OpeningDeskOptions } from "./opening-options.ts";
import { OpeningStore } from "./opening-store.ts";

/** What an aggregator with homomorphic keys is started with. */
export interface JobDeskSettings {
  readonly keys: KeyBook;
  readonly series: SeriesBook;
  readonly machine: () => Machine;
  /** Openings in the life of a key. */
  readonly openings: number;
  readonly limits?: Partial<typeof LIMITS>;
}

const MIB = 2 ** 20;

/** Bounds of the process that no installation needs to tune. */
export const LIMITS = {
  queuedJobs: 64,
  queuedBytes: 64 * MIB,
  inputBytes: 64 * MIB,
  stallSeconds: 30,
  waitingJobs: 256,
  keptPartials: 4_096,
};

type Ports = Pick<
  OpeningDeskOptions,
  "index" | "signer" | "directory" | "answer" | "give" | "now" | "monotonic" | "refuse"
>;

export interface JobDeskOptions extends Ports {
  readonly db: SqlDatabase;
  readonly minMeters: number;
  readonly rules: Omit<JobRules, "series">;
  /** Undefined where no keys were dealt. */
  readonly settings: JobDeskSettings | undefined;
}

export function createJobDesk({ db, minMeters, rules, settings, ...ports }: JobDeskOptions): OpeningDesk {
  const limits = { ...LIMITS, ...settings?.limits, openings: settings?.openings ?? 0 };
  const store = new OpeningStore(db, new NumberBudget(db, minMeters), limits);
  return new OpeningDesk({
    ...ports,
    keys: settings?.keys,
    rules: { ...rules, series: settings?.series ?? new Map() },
    store,
    machine: () => settings!.machine(),
    limits,
  });
}
