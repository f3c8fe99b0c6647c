/**
 * The border to the worker thread: recomputing a job from its meters' ciphertexts, and this aggregator's part of opening
 * it. One job is recomputed at a time; openings may come in between. Holds the key share.
 */
import type { JobOutput } from "../../protocol/ckks/job.ts";

/** What is to be recomputed. Everything stands in the transcript or in this aggregator's own configuration. */
export interface MachineJob {
  readonly epoch: number;
  readonly set: string;
  readonly circuit: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly series: readonly string[];
  readonly firstSlot: number;
  /** Slots of the ciphertexts that are used. */
  readonly slots: number;
  readonly meters: number;
  /** Largest number that a meter encrypts. */
  readonly maxValue: number;
  /** For each series, the primes of its ciphertexts, and whether they are cut to what sums need. */
  readonly levels: readonly number[];
  readonly sumsOnly: readonly boolean[];
  readonly outputs: readonly JobOutput[];
}

export interface MachineInput {
  /** Who must have made it. */
  readonly meter: string;
  readonly series: string;
  readonly digest: Uint8Array;
  readonly bytes: Uint8Array;
}

/** What an opening starts from. */
export interface ComputedOutput {
  readonly level: number;
  /** Flooding: its standard deviation is 2^sigmaBits. */
  readonly sigmaBits: number;
  /** Digest of c1. */
  readonly c1Digest: Uint8Array;
  /** Residues in NTT form, little-endian words, prime-major. */
  readonly c1: Uint8Array;
}

export interface OpeningOrder {
  readonly epoch: number;
  readonly set: string;
  readonly slots: number;
  readonly active: readonly number[];
  readonly transcript: Uint8Array;
  readonly outputs: readonly ComputedOutput[];
}

export interface OpenedOutput {
  /** Digest of c1 after randomisation: what the key share was multiplied with. */
  readonly c1: Uint8Array;
  /** As it travels. */
  readonly partial: Uint8Array;
}

export interface Machine {
  /** Begins a job, and abandons the one before it. Rejects with JobError. */
  start(job: MachineJob): Promise<void>;
  /** Takes the next inputs, in the transcript's order. Rejects with JobError; `where` counts from the job's first. */
  fold(inputs: readonly MachineInput[]): Promise<void>;
  /** Rejects with JobError `other-output` where the outputs are not the transcript's, byte for byte. */
  finish(): Promise<ComputedOutput[]>;
  /** Drops the job that was begun. */
  abandon(): Promise<void>;
  open(order: OpeningOrder): Promise<OpenedOutput[]>;
  close(): Promise<void>;
}

/** The machine broke; a new one may be made. What it was doing has no result. */
export class MachineLost extends Error {}
