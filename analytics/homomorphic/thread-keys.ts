/**
 * What a worker thread computes with, by epoch and parameter set: ring and public key for checks, small; an engine with
 * evaluation keys for circuits, which may take hundreds of megabytes, so that few are kept. Public keys only.
 */
import { loadCkksMaterial } from "../../config/keys/index.ts";
import { CkksError } from "../../protocol/ckks/errors.ts";
import type { PackingRing } from "../../protocol/ckks/packed.ts";
import { parametersId } from "../../protocol/ckks/parameters.ts";
import { Ring, type RnsPoly } from "../../protocol/ckks/ring/index.ts";
import { primesOf } from "../../protocol/ckks/seal/context.ts";
import { CkksEngine } from "../../protocol/ckks/seal/engine.ts";
import { loadSeal } from "../../protocol/ckks/seal/load.ts";
import { publicKeyPolys } from "../../protocol/ckks/seal/public-key.ts";
import type { CkksEpoch, CkksSet } from "../../protocol/keys/index.ts";

/** What checks of ciphertexts take. */
interface Checking {
  readonly at: PackingRing;
  /** The public key's second polynomial, at key level, in NTT form. */
  readonly a: RnsPoly;
}

/** Engines that are kept ready. */
const MAX_ENGINES = 2;

export class ThreadKeys {
  readonly #data: string;
  readonly #epochs: ReadonlyMap<number, CkksEpoch>;
  readonly #checking = new Map<string, Promise<Checking>>();
  readonly #engines = new Map<string, Promise<CkksEngine>>();

  constructor(data: string, epochs: readonly CkksEpoch[]) {
    this.#data = data;
    this.#epochs = new Map(epochs.map((epoch) => [epoch.epoch, epoch]));
  }

  /** Throws CkksError `wrong-parameters` for keys that were never dealt. */
  setOf(epoch: number, name: string): { readonly epoch: CkksEpoch; readonly set: CkksSet } {
    const dealing = this.#epochs.get(epoch);
    const set = dealing?.sets.get(name);
    if (dealing === undefined || set === undefined) {
      throw new CkksError("wrong-parameters", `no keys of epoch ${epoch} were dealt for the parameter set ${name}`);
    }
    return { epoch: dealing, set };
  }

  /** Rejects as setOf throws, and with KeyFolderError. */
  async checking(epoch: number, name: string): Promise<Checking> {
    const { set, epoch: dealing } = this.setOf(epoch, name);
    return await kept(this.#checking, `${epoch} ${name}`, async () => {
      const { parameters } = set;
      const primes = primesOf(await loadSeal(), parameters, dealing);
      const { publicKey } = loadCkksMaterial(this.#data, dealing, name, ["publicKey"]);
      const [, a] = await publicKeyPolys(publicKey, parameters, dealing);
      return { at: { parameters, id: parametersId(parameters), ring: Ring.create(parameters.degree, primes) }, a };
    });
  }

  /** With evaluation keys. Of no use once two others were asked for. Rejects as setOf throws, and with KeyFolderError. */
  async engine(epoch: number, name: string): Promise<CkksEngine> {
    const of = this.setOf(epoch, name);
    const key = `${epoch} ${name}`;
    const engine = kept(this.#engines, key, () => this.#makeEngine(of));
    // The last one used is the last to go.
    this.#engines.delete(key);
    this.#engines.set(key, engine);
    for (const [other, oldest] of [...this.#engines].slice(0, -MAX_ENGINES)) {
      this.#engines.delete(other);
      (await oldest).close();
    }
    return await engine;
  }

  async #makeEngine({ epoch, set }: { epoch: CkksEpoch; set: CkksSet }): Promise<CkksEngine> {
    const { parameters, digests } = set;
    const engine = await CkksEngine.create(parameters, epoch);
    const parts = (["relinKeys", "galoisKeys"] as const).filter((part) => digests[part] !== undefined);
    if (parts.length > 0) engine.loadKeys(loadCkksMaterial(this.#data, epoch, parameters.name, parts));
    return engine;
  }
}

/** Made once; what could not be made is tried again. */
function kept<T>(all: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const known = all.get(key);
  if (known !== undefined) return known;
  const made = make();
  all.set(key, made);
  made.catch(() => all.delete(key));
  return made;
}
