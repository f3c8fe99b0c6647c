/** The machine's keys in the worker thread: engines made when first used, public material read and checked there. */
import { readPolys, readCiphertextHeader } from "../../protocol/ckks/seal/layout.ts";
import { loadCkksMaterial } from "../../config/keys/index.ts";
import { createContext } from "../../protocol/ckks/seal/context.ts";
import { CkksEngine } from "../../protocol/ckks/seal/engine.ts";
import { loadSeal, uncompressed } from "../../protocol/ckks/seal/load.ts";
import type { PublicKeyPolys } from "../../protocol/ckks/threshold/index.ts";
import type { CkksEpoch, CkksPart, CkksSet } from "../../protocol/keys/index.ts";
import type { MachineKey } from "./ckks-machine.ts";

/** Keys that are kept ready; `strong` takes hundreds of megabytes. */
const MAX_READY = 3;

export class MachineKeys {
  readonly #data: string;
  readonly #epochs: ReadonlyMap<number, CkksEpoch>;
  readonly #shareOf: (epoch: number, set: string) => Promise<Uint8Array>;
  readonly #ready = new Map<string, Promise<MachineKey>>();

  constructor(
    data: string,
    epochs: readonly CkksEpoch[],
    shareOf: (epoch: number, set: string) => Promise<Uint8Array>,
  ) {
    this.#data = data;
    this.#epochs = new Map(epochs.map((epoch) => [epoch.epoch, epoch]));
    this.#shareOf = shareOf;
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
    const epoch = this.#epochs.get(number);
    const set = epoch?.sets.get(name);
    if (epoch === undefined || set === undefined) throw new RangeError(`set: epoch ${number} has no set ${name}`);
    const { parameters, digests } = set;
    const engine = await CkksEngine.create(parameters, { insecureForTests: epoch.insecureForTests });
    const parts = (["relinKeys", "galoisKeys"] as const).filter((part) => digests[part] !== undefined);
    if (parts.length > 0) engine.loadKeys(loadCkksMaterial<CkksPart>(this.#data, epoch, name, parts));
    return { engine, publicKey: await this.#publicKey(epoch, set), share: await this.#shareOf(number, name) };
  }

  /** The file has a seed in place of the second polynomial; SEAL expands it. */
  async #publicKey(epoch: CkksEpoch, { parameters }: CkksSet): Promise<PublicKeyPolys> {
    const { publicKey: bytes } = loadCkksMaterial(this.#data, epoch, parameters.name, ["publicKey"]);
    const seal = await loadSeal();
    const { context, levels } = createContext(seal, parameters, { insecureForTests: epoch.insecureForTests });
    const key = seal.PublicKey();
    try {
      key.loadArray(context, bytes);
      const saved = key.saveArray(uncompressed(seal));
      const [first, second] = readPolys(saved, readCiphertextHeader(saved));
      return [first!, second!];
    } finally {
      key.delete();
      for (const { parmsId } of levels) parmsId.delete();
      context.delete();
    }
  }
}
