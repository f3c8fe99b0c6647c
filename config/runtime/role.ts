/** What a command of the system is, as its `main.ts` describes it, and what it gets to run with. */
import { ExplainedError } from "../faults.ts";
import type { Origin } from "../faults.ts";
import type { Config } from "../schema.ts";
import type { Logger, ProcessLog } from "./logger.ts";

/** 0 done; 1 something failed; 2 wrong usage or configuration; 130 interrupted before it had stopped. */
export const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** Wrong use of a command that its flags alone do not show: printed without a stack, exit code 2. */
export class UsageError extends ExplainedError {
  override readonly exitCode = EXIT.usage;

  constructor(message: string) {
    super(message);
    this.name = "UsageError";
  }
}

/** What is added to `metrics.basePort`, so that the roles of one machine can share a configuration. */
export const METRICS_OFFSETS = {
  ...{ broker: 0, utility: 1, analytics: 2, api: 3, witness: 4, gateway: 5, meter: 6 },
  /** And the index of the aggregator. */
  aggregator: 10,
} as const;

export type OptionValues = Readonly<Record<string, unknown>>;

/** A flag of a command. With `path` it sets that field of the configuration, else it is found in `options`. */
export interface CommandFlag {
  /** As commander takes it: `--meters <number>`, `--keep-running`. */
  readonly flags: string;
  readonly description: string;
  /** `section.field` of the configuration. */
  readonly path?: string;
  readonly required?: boolean;
  /** May be given several times: `options` has a list. */
  readonly repeated?: boolean;
}

export interface RoleContext {
  readonly config: Config;
  /** Where each field's value comes from, by `section.field`. */
  readonly origins: ReadonlyMap<string, Origin>;
  readonly log: Logger;
  readonly process: ProcessLog;
  /** Values of the command's own flags by their camel-case name. */
  readonly options: OptionValues;
  /** Arguments that are not flags. */
  readonly operands: readonly string[];
  /** `--json`: only JSON goes to stdout. */
  readonly json: boolean;
  /** Where the configuration came from, to hand on to further processes: `["--config", "x.yaml", ...]`. */
  readonly configArguments: readonly string[];
  /** Aborts on SIGINT, SIGTERM and SIGHUP: stop cleanly and return. */
  readonly signal: AbortSignal;
}

export interface RoleCommand {
  /** The script's name: `aggregator`. */
  readonly name: string;
  readonly description: string;
  readonly flags?: readonly CommandFlag[];
  /** For `--help`: `[file]`; without it operands are refused. */
  readonly operands?: string;
  /** Text after the list of flags. A line that begins with `Exit codes:` stands in place of the usual one. */
  readonly help?: string;
  /** Command lines for the end of `--help`, each as it would be typed: `npm run aggregator -- --id 2`. */
  readonly examples?: readonly string[];
  /** Who the log lines are of; the command's name if left out. */
  readonly party?: (options: OptionValues) => string;
  /**
   * For a role that keeps running: what is added to `metrics.basePort` for the port on which it shows its figures, or
   * undefined where this run of it shows none.
   */
  readonly metricsOffset?: (options: OptionValues, operands: readonly string[]) => number | undefined;
  /** The profile that holds when none is named. */
  readonly profile?: string;
  /** False for a command that only reads: it leaves no log files, its errors go to stderr. */
  readonly logFiles?: boolean;
  /** Runs until the work is done or the signal aborts; may return an exit code. */
  readonly run: (context: RoleContext) => Promise<number | undefined> | Promise<void>;
}
