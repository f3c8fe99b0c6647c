/** What the desk of openings works with: rules, store, bounds, and the ways out. */
import type { Signer } from "../../protocol/envelope/index.ts";
import type { Directory } from "../../protocol/keys/index.ts";
import type { JobAnswer, PartialMessage } from "../../protocol/messages/ckks.ts";
import type { JobRules } from "./job-rules.ts";
import type { KeyBook } from "./key-book.ts";
import type { Machine } from "./machine.ts";
import type { OpeningStore } from "./opening-store.ts";

export interface OpeningLimits {
  /** Jobs that wait to be recomputed, and bytes of their transcripts. */
  readonly queuedJobs: number;
  readonly queuedBytes: number;
  /** Ciphertexts in memory. */
  readonly inputBytes: number;
  /** A job whose inputs do not come for so long gives way to others. */
  readonly stallSeconds: number;
  /** Openings in the life of a key. */
  readonly openings: number;
}

export interface OpeningDeskOptions {
  readonly index: number;
  readonly signer: Signer;
  readonly directory: Pick<Directory, "servers" | "q">;
  /** Undefined where no homomorphic keys were dealt. */
  readonly keys: KeyBook | undefined;
  readonly rules: JobRules;
  readonly store: OpeningStore;
  /** Made with the first job that passes. */
  readonly machine: () => Machine;
  readonly limits: OpeningLimits;
  readonly answer: (answer: JobAnswer) => Promise<void>;
  readonly give: (partial: PartialMessage) => Promise<void>;
  /** Unix seconds. */
  readonly now: () => number;
  /** Seconds that do not go back. */
  readonly monotonic: () => number;
  readonly refuse: (code: string, detail: string) => void;
}

export interface OpeningCounters {
  recomputed: number;
  opened: number;
  repeated: number;
  refused: number;
}
