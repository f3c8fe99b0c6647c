/**
 * The public and evaluation keys that an engine computes with, loaded once. Whoever hands in the bytes has checked their
 * digests against what the authority signed; here only what would abort the WebAssembly instance is refused.
 */
import { CkksError } from "../errors.ts";
import type { ContextChain } from "./context.ts";
import { assertSealObject, parmsIdOf, readCiphertextHeader, readPolys, type RnsPoly } from "./layout.ts";
import { LiveObjects, uncompressed } from "./load.ts";
import type { SealLibrary } from "./load.ts";

/** Serialized keys as generateKeys gives them. */
export interface PublicMaterial {
  readonly publicKey?: Uint8Array;
  readonly relinKeys?: Uint8Array;
  readonly galoisKeys?: Uint8Array;
}

type Encryptor = ReturnType<SealLibrary["Encryptor"]>;
type RelinKeys = ReturnType<SealLibrary["RelinKeys"]>;
type GaloisKeys = ReturnType<SealLibrary["GaloisKeys"]>;

interface LoadableKey {
  readonly delete: () => void;
  readonly loadArray: (context: ContextChain["context"], array: Uint8Array) => void;
}

/** Slots rotate by powers of three, whose Galois element is 3^steps modulo 2N (SEAL, util/galois.cpp). */
function galoisElement(steps: number, degree: number): number {
  const order = degree / 2;
  let element = 1;
  for (let left = ((steps % order) + order) % order; left > 0; left--) element = (element * 3) % (2 * degree);
  return element;
}

export class EngineKeys {
  readonly #seal: SealLibrary;
  readonly #chain: ContextChain;
  #encryptor: Encryptor | undefined;
  #relin: RelinKeys | undefined;
  #galois: GaloisKeys | undefined;

  constructor(seal: SealLibrary, chain: ContextChain) {
    this.#seal = seal;
    this.#chain = chain;
  }

  /** Replaces the keys that are given, leaves the others. Throws CkksError `malformed` or `wrong-parameters`. */
  load(material: PublicMaterial): void {
    if (material.publicKey !== undefined) {
      const key = this.#loaded("public key", material.publicKey, this.#seal.PublicKey());
      const encryptor = this.#seal.Encryptor(this.#chain.context, key); // copies the key
      key.delete();
      LiveObjects.remove();
      this.#encryptor = this.#replaced(this.#encryptor, this.#counted(encryptor));
    }
    if (material.relinKeys !== undefined) {
      const key = this.#loaded("relinearisation keys", material.relinKeys, this.#seal.RelinKeys());
      this.#relin = this.#replaced(this.#relin, key);
    }
    if (material.galoisKeys !== undefined) {
      const key = this.#loaded("Galois keys", material.galoisKeys, this.#seal.GaloisKeys());
      this.#galois = this.#replaced(this.#galois, key);
    }
  }

  /**
   * Both polynomials of a public key at key level, in NTT form: its file has a seed in place of the second, which SEAL
   * expands. Throws as `load`.
   */
  publicPolys(publicKey: Uint8Array): readonly [RnsPoly, RnsPoly] {
    const key = this.#loaded("public key", publicKey, this.#seal.PublicKey());
    try {
      const saved = key.saveArray(uncompressed(this.#seal));
      const [first, second] = readPolys(saved, readCiphertextHeader(saved));
      return [first!, second!];
    } finally {
      key.delete();
      LiveObjects.remove();
    }
  }

  get encryptor(): Encryptor {
    return this.#encryptor ?? missing("public key");
  }

  get relin(): RelinKeys {
    return this.#relin ?? missing("relinearisation keys");
  }

  get galois(): GaloisKeys {
    return this.#galois ?? missing("Galois keys");
  }

  /** Throws RangeError unless there is a key for exactly this rotation: SEAL would compose others, at more noise. */
  assertStep(steps: number): void {
    if (!this.galois.hasKey(galoisElement(steps, this.#chain.degree))) {
      throw new RangeError(`steps: no Galois key for a rotation by ${steps}`);
    }
  }

  close(): void {
    this.#encryptor = this.#replaced(this.#encryptor, undefined);
    this.#relin = this.#replaced(this.#relin, undefined);
    this.#galois = this.#replaced(this.#galois, undefined);
  }

  #counted<T>(object: T): T {
    LiveObjects.add();
    return object;
  }

  #replaced<T extends { readonly delete: () => void }>(old: T | undefined, next: T | undefined): T | undefined {
    if (old !== undefined) {
      old.delete();
      LiveObjects.remove();
    }
    return next;
  }

  #loaded<T extends LoadableKey>(what: string, bytes: Uint8Array, key: T): T {
    this.#counted(key);
    try {
      assertSealObject(what, bytes);
      if (Buffer.compare(parmsIdOf(bytes), this.#chain.levels[0]!.parmsIdBytes) !== 0) {
        throw new CkksError("wrong-parameters", `${what}: made for another parameter set`);
      }
      // SEAL's binding wants a plain Uint8Array, not a Buffer.
      key.loadArray(this.#chain.context, bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes));
      return key;
    } catch (cause) {
      key.delete();
      LiveObjects.remove();
      if (cause instanceof CkksError) throw cause;
      throw new CkksError("malformed", `${what}: SEAL refuses it`, { cause });
    }
  }
}

function missing(what: string): never {
  throw new RangeError(`keys: no ${what} loaded`);
}
