/** What crosses between the aggregator's main thread and its computing thread: calls, their results, and a key share. */
import type { JobRefusalCode } from "../../protocol/messages/ckks.ts";
import type { CkksEpoch } from "../../protocol/keys/index.ts";
import type { Machine } from "./machine.ts";

export type MachineMethod = Exclude<keyof Machine, "close">;

/** What was dealt in an epoch, and this aggregator's share of one of its keys. */
export interface HeldKey {
  readonly epoch: CkksEpoch;
  readonly share: Uint8Array;
}

export interface WorkerSetUp {
  readonly data: string;
  readonly statisticalBits: number;
  readonly openings: number;
}

export type ToWorker =
  | { readonly type: "call"; readonly id: number; readonly method: MachineMethod; readonly argument: unknown }
  | { readonly type: "key"; readonly key: string; readonly held: HeldKey };

export type FromWorker =
  | { readonly type: "result"; readonly id: number; readonly value: unknown }
  | {
      readonly type: "refused";
      readonly id: number;
      readonly code: JobRefusalCode;
      readonly message: string;
      readonly where: readonly number[];
    }
  | { readonly type: "failed"; readonly id: number; readonly message: string }
  | { readonly type: "wanted"; readonly key: string; readonly epoch: number; readonly set: string };
