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
  readonly #dealt: () => readonly CkksEpoch[];
  #epochs: readonly CkksEpoch[] = [];
  readonly #ids = new Map<string, KnownKey>();

  /** `dealt`: rising; another list as soon as a redealing has reached this aggregator. */
  constructor(dealt: () => readonly CkksEpoch[]) {
    this.#dealt = dealt;
  }

  /**
   * The key of a job. Throws JobError `wrong-parameters`, `wrong-epoch`, or `unknown-epoch` for one that may have been
   * dealt since.
   */
  find(epoch: number, id: Uint8Array): KnownKey {
    this.#follow();
    if (!this.#epochs.some((one) => one.epoch === epoch)) {
      const known = this.#epochs.map((one) => one.epoch);
      const code = known.every((one) => one < epoch) ? "unknown-epoch" : "wrong-epoch";
      throw new JobError(code, `there are keys of epoch ${known.join(", ")} here, the job is of ${epoch}`);
    }
    const key = this.#ids.get(`${epoch} ${hex(id)}`);
    if (key === undefined)
      throw new JobError("wrong-parameters", `epoch ${epoch} has no keys for parameters ${hex(id)}`);
    return key;
  }

  #follow(): void {
    const epochs = this.#dealt();
    if (epochs === this.#epochs) return;
    this.#epochs = epochs;
    this.#ids.clear();
    for (const { epoch, n, t, sets } of epochs) {
      for (const { parameters } of sets.values()) {
        this.#ids.set(`${epoch} ${hex(parametersId(parameters))}`, { epoch, n, t, parameters });
      }
    }
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
