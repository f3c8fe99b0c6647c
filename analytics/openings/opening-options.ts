/** What the desk of openings works with: stores, bounds, and the ways out of the process. */
import type { SqlDatabase } from "../../config/runtime/sql.ts";
import type { JobRequest, OutputMessage } from "../../protocol/messages/ckks.ts";
import type { Reading } from "../homomorphic/circuit-book.ts";
import type { Job } from "../store/job.ts";
import type { JobStore } from "../store/job-store.ts";
import type { ResultStore } from "../store/result-store.ts";
import type { Backoff, Quorum } from "./opening.ts";

export interface OpeningDeskOptions {
  readonly db: SqlDatabase;
  readonly jobs: JobStore;
  readonly results: ResultStore;
  readonly quorum: Quorum;
  /** Whether this is the aggregator's signed word that it is ready for the job with this transcript. */
  readonly isWord: (aggregator: number, transcript: Uint8Array, word: Uint8Array) => boolean;
  readonly backoff: Backoff;
  /** Jobs that are told to aggregators at the same time, besides those that have waited for long. */
  readonly maxOpen: number;
  /** Bytes of ciphertexts in one message. */
  readonly messageBytes: number;
  /**
   * Seconds after which a job that no t aggregators have answered fails, objections to single inputs no longer pass by
   * themselves, and a job that waits no longer holds up others.
   */
  readonly answerSeconds: number;
  readonly ask: (job: string, aggregator: number, request: JobRequest) => Promise<void>;
  readonly handOver: (job: string, output: OutputMessage) => Promise<void>;
  readonly bytesOf: (meter: string, series: string, firstSlot: number) => Uint8Array | undefined;
  readonly openingHalves: (transcript: Uint8Array, outputs: readonly Uint8Array[]) => Promise<Uint8Array[]>;
  /** Meters of the transcript's inputs, in its order. */
  readonly inputMeters: (transcript: Uint8Array) => readonly string[];
  /** Names of the transcript's outputs: two jobs that give one have the same name for it. */
  readonly outputNames: (transcript: Uint8Array) => readonly string[];
  /** Throws RangeError where the numbers do not fit the circuit. */
  readonly read: (job: Job, outputs: readonly Uint8Array[], metersBySlot: readonly number[]) => Reading;
  /** Computes a job anew without these meters; false when that changes nothing. */
  readonly again: (number: number, exclude: readonly string[]) => boolean;
  /** Ciphertexts of these meters came late: computes a job anew that lacked them; false where it did not. */
  readonly came: (number: number, meters: readonly string[]) => boolean;
  readonly ended: (job: Job) => void;
  /** Seconds that do not go back. */
  readonly monotonic: () => number;
  /** Unix seconds. */
  readonly now: () => number;
  readonly refuse: (code: string, detail: string) => void;
  readonly crash: (error: unknown) => void;
}
