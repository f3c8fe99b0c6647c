/** What the server and its worker threads say to each other. Everything is copied or transferred between them. */
import type { Config } from "../../config/index.ts";
import type { JobInput, JobOutput } from "../../protocol/ckks/job.ts";
import type { CkksEpoch } from "../../protocol/keys/index.ts";

/** A thread's surroundings. */
export interface ThreadData {
  readonly database: string;
  /** Folder under which the public keys lie. */
  readonly data: string;
  /** Rising; the last is what meters encrypt under now. */
  readonly epochs: readonly CkksEpoch[];
  readonly homomorphic: Pick<Config["homomorphic"], "insecureForTests" | "maxReadingWh" | "series">;
}

/** Every answer tells what the thread takes. */
export interface Reported<T> {
  readonly thread: number;
  /** JavaScript's heap and what lies outside of it, WebAssembly's memory above all. */
  readonly bytes: number;
  readonly answer: T;
}

export interface CheckTask {
  readonly meter: string;
  readonly series: string;
  readonly bytes: Uint8Array;
}

export type CheckAnswer =
  | {
      readonly ok: true;
      readonly epoch: number;
      readonly firstSlot: number;
      readonly slots: number;
      readonly stride: number;
      readonly parameters: Uint8Array;
    }
  | {
      readonly ok: false;
      readonly code: string;
      readonly message: string;
      /** Where it could be read. */
      readonly firstSlot: number | undefined;
    };

/** Positions in the shared control array. */
export const CONTROL = { cancel: 0, done: 1 } as const;

export interface FoldTask {
  readonly epoch: number;
  readonly circuit: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly series: readonly string[];
  readonly firstSlot: number;
  /** Numbers in a ciphertext. */
  readonly slots: number;
  readonly inputs: readonly JobInput[];
  readonly control: SharedArrayBuffer;
}

export interface FoldedOutput {
  /** Residues of c0, then of c1, as little-endian words. */
  readonly bytes: Uint8Array;
  readonly output: JobOutput;
}

export type FoldAnswer =
  | { readonly ok: true; readonly parametersId: Uint8Array; readonly outputs: readonly FoldedOutput[] }
  | {
      readonly ok: false;
      readonly code: "damaged-input" | "missing-input" | "failed" | "cancelled";
      readonly message: string;
    };

export interface HalvesTask {
  readonly transcript: Uint8Array;
  readonly outputs: readonly Uint8Array[];
}
