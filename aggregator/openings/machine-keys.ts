/** The machine's keys in the worker thread: engines made when first used, public material read and checked there. */
import { loadCkksMaterial } from "../../config/keys/index.ts";
import { CkksEngine } from "../../protocol/ckks/seal/engine.ts";
import type { CkksPart } from "../../protocol/keys/index.ts";
import type { MachineKey } from "./ckks-machine.ts";
import type { HeldKey } from "./worker-calls.ts";

/** Keys that are kept ready; `strong` takes hundreds of megabytes. */
const MAX_READY = 3;

export class MachineKeys {
  readonly #data: string;
  readonly #heldKey: (epoch: number, set: string) => Promise<HeldKey>;
  readonly #ready = new Map<string, Promise<MachineKey>>();

  constructor(data: string, heldKey: (epoch: number, set: string) => Promise<HeldKey>) {
    this.#data = data;
    this.#heldKey = heldKey;
  }

  /** Rejects with RangeError for what was never dealt, KeyFolderError for files that do not fit. */
  obtain(epoch: number, set: string): Promise<MachineKey> {
    const name = `${epoch}/${set}`;
    const key = this.#ready.get(name) ?? this.#make(epoch, set);
    this.#ready.delete(name);
    this.#ready.set(name, key);
    const oldest = this.#ready.size > MAX_READY ? this.#ready.keys().next().value : undefined;
    if (oldest !== undefined) {
      void this.#ready.get(oldest)!.then(({ engine }) => engine.close());
      this.#ready.delete(oldest);
    }
    return key;
  }

  async #make(number: number, name: string): Promise<MachineKey> {
    const { epoch, share } = await this.#heldKey(number, name);
    const set = epoch.sets.get(name);
    if (set === undefined) throw new RangeError(`set: epoch ${number} has no set ${name}`);
    const { parameters, digests } = set;
    const engine = await CkksEngine.create(parameters, { insecureForTests: epoch.insecureForTests });
    const parts = (["relinKeys", "galoisKeys"] as const).filter((part) => digests[part] !== undefined);
    if (parts.length > 0) engine.loadKeys(loadCkksMaterial<CkksPart>(this.#data, epoch, name, parts));
    const { publicKey: bytes } = loadCkksMaterial(this.#data, epoch, name, ["publicKey"]);
    return { engine, publicKey: engine.keys.publicPolys(bytes), share };
  }
}
