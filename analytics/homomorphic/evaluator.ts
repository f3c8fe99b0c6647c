/**
 * The border to the worker threads: what may be computed on ciphertexts, without saying where. Everything behind it is
 * deterministic to the byte, since aggregators repeat it.
 */
import type { CheckedCiphertext } from "../ingest/ingest.ts";
import type { Window } from "../../config/windows.ts";

export interface ComputeRequest {
  /** Of the keys: of all its inputs. */
  readonly epoch: number;
  readonly circuit: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly label: string;
  readonly feeders: readonly string[];
  readonly series: readonly string[];
  readonly window: Window;
  /** Meters in order of their names; each has a stored ciphertext of every series. */
  readonly inputs: readonly JobInput[];
}

export interface JobInput {
  readonly meter: string;
  readonly series: string;
  readonly digest: Uint8Array;
}

export interface Computed {
  /** Hash of the transcript, in hex: the job's id. */
  readonly job: string;
  readonly transcript: Uint8Array;
  readonly outputs: readonly Uint8Array[];
  readonly milliseconds: number;
}

export interface Watch {
  readonly signal: AbortSignal;
  readonly progress: (done: number, total: number) => void;
}

export interface Plan {
  readonly fits: boolean;
  /** Why not, and what would do; empty where it fits. */
  readonly reason: string;
  /** Of every named result that has a bound: its unit and the largest error to expect. */
  readonly errors: readonly { readonly name: string; readonly unit: string; readonly bound: number }[];
  /** For people, in order: `["depth", "0"]`. */
  readonly lines: readonly (readonly [name: string, value: string])[];
}

export interface Evaluator {
  /** Checks the bytes of a meter's ciphertext. Rejects with IngestError or ProtocolError. */
  check(meter: string, series: string, bytes: Uint8Array): Promise<CheckedCiphertext>;
  /** Rejects with ComputeError, or with the signal's reason. */
  compute(request: ComputeRequest, watch: Watch): Promise<Computed>;
  /** Computes a transcript's outputs once more, from the inputs as they are stored now. Rejects as `compute`. */
  recompute(transcript: Uint8Array, watch: Watch): Promise<Computed>;
  /** What is opened of the first halves of the outputs: for the utility, which randomises them. */
  openingHalves(transcript: Uint8Array, outputs: readonly Uint8Array[]): Promise<Uint8Array[]>;
  /** What the threads said last that they take, in bytes. */
  readonly threadBytes: number;
  /** Goes on with new threads, which begin without keys; resolves when the old ones have ended. */
  renew(): Promise<void>;
  close(): Promise<void>;
}

export type ComputeErrorCode = "damaged-input" | "missing-input" | "does-not-fit" | "failed" | "out-of-memory";

/** A computation that cannot be done; the message says why. */
export class ComputeError extends Error {
  readonly code: ComputeErrorCode;

  constructor(code: ComputeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ComputeError";
    this.code = code;
  }
}
