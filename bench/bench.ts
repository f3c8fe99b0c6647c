/** What every benchmark is given and gives back. */

export interface BenchOptions {
  /** Nothing but the result may go to stdout, and that by the caller. */
  readonly json: boolean;
  /** Shorter, for a first impression. */
  readonly quick: boolean;
  /** Write a CPU profile of each process of the system into this folder. */
  readonly cpuProfile?: string | undefined;
}

export interface Bench {
  readonly name: string;
  readonly about: string;
  /** Measures, prints tables unless `json`, and returns all figures. */
  readonly run: (options: BenchOptions) => Promise<Record<string, unknown>>;
}
