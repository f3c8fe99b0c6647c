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
  /** Of the HTTP interface of a fleet that runs, whose folder is `data`; a benchmark that can starts one of its own without it. */
  readonly address?: string | undefined;
  /** Where a fleet that runs has its accounts. */
  readonly data: string;
  /** Where results go; pictures into a folder of their own there. */
  readonly results: string;
}

export interface Bench {
  readonly name: string;
  readonly about: string;
  /** Measures, prints tables unless `json`, and returns all figures. */
  readonly run: (options: BenchOptions) => Promise<Record<string, unknown>>;
}
