/** What every benchmark is given and gives back. */

export interface BenchOptions {
  /** Nothing but the result may go to stdout, and that by the caller. */
  readonly json: boolean;
  /** Shorter, for a first impression. */
  readonly quick: boolean;
  /** Write a CPU profile of each process of the system into this folder. */
  readonly cpuProfile?: string | undefined;
  /** Feeders that the meters are spread over, where a benchmark lets one choose. */
  readonly feeders?: number | undefined;
  /** A prepared data folder: used when it is there, made when it is not. */
  readonly prepared?: string | undefined;
  /** Loads and bills fall due in one moment, instead of the loads before. */
  readonly together?: boolean;
}

export interface Bench {
  readonly name: string;
  readonly about: string;
  /** Measures, prints tables unless `json`, and returns all figures. */
  readonly run: (options: BenchOptions) => Promise<Record<string, unknown>>;
}
