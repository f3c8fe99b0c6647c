/** The homomorphic keys that this aggregator has a share of: what was dealt, by epoch and parameter set. */
import type { CkksParameters } from "../../protocol/ckks/parameters.ts";
import { parametersId } from "../../protocol/ckks/parameters.ts";
import type { CkksEpoch } from "../../protocol/keys/index.ts";
import { JobError } from "./job-error.ts";

export interface KnownKey {
  readonly epoch: number;
  readonly n: number;
  readonly t: number;
  readonly parameters: CkksParameters;
}

export class KeyBook {
  readonly #epochs: ReadonlyMap<number, CkksEpoch>;
  readonly #ids = new Map<string, KnownKey>();

  constructor(epochs: readonly CkksEpoch[]) {
    this.#epochs = new Map(epochs.map((epoch) => [epoch.epoch, epoch]));
    for (const { epoch, n, t, sets } of epochs) {
      for (const { parameters } of sets.values()) {
        this.#ids.set(`${epoch} ${hex(parametersId(parameters))}`, { epoch, n, t, parameters });
      }
    }
  }

  /** The key of a job. Throws JobError `wrong-epoch` or `wrong-parameters`. */
  find(epoch: number, id: Uint8Array): KnownKey {
    if (!this.#epochs.has(epoch)) {
      const known = [...this.#epochs.keys()].join(", ");
      throw new JobError("wrong-epoch", `there are keys of epoch ${known} here, the job is of ${epoch}`);
    }
    const key = this.#ids.get(`${epoch} ${hex(id)}`);
    if (key === undefined)
      throw new JobError("wrong-parameters", `epoch ${epoch} has no keys for parameters ${hex(id)}`);
    return key;
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
