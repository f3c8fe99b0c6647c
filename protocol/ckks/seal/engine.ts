/**
 * CKKS for one parameter set in this thread: encode, encrypt, evaluate, and the way to and from raw residues.
 * Evaluation is deterministic to the byte: the same inputs and keys give the same output on every machine. Everything
 * is made inside a scope and dies with it. It never sees a secret key.
 *
 * Every argument is checked here, because an exception inside node-seal 6.0.3 loses stack and heap of its WebAssembly
 * instance: some hundred of them end in "memory access out of bounds".
 */
import { CkksError } from "../errors.ts";
import { dataBits, dataLevels, parametersId } from "../parameters.ts";
import type { CkksParameters } from "../parameters.ts";
import { Ring } from "../ring/index.ts";
import { Arena } from "./arena.ts";
import type { Scope } from "./arena.ts";
import { assertAlike, assertLevel, assertProduct, assertRaw, assertScale } from "./checks.ts";
import { createContext } from "./context.ts";
import type { ContextChain } from "./context.ts";
import { EngineKeys } from "./engine-keys.ts";
import type { PublicMaterial } from "./engine-keys.ts";
import {
  parmsIdOf,
  readCiphertextHeader,
  readPlaintext,
  readPolys,
  writeCiphertext,
  writePlaintext,
} from "./layout.ts";
import type { RawCiphertext, RawPlaintext } from "./layout.ts";
import { loadSeal, uncompressed } from "./load.ts";
import type { SealCiphertext, SealLibrary } from "./load.ts";
import { Ciphertext, Plaintext } from "./objects.ts";

export interface EncodeOptions {
  /** The factor that values are multiplied with; the parameters' scale unless given. */
  readonly scale?: number;
  /** The number of primes; all data primes unless given. */
  readonly level?: number;
}

export class CkksEngine {
  readonly parameters: CkksParameters;
  /** Names the parameter set on the wire. */
  readonly id: Uint8Array;
  readonly degree: number;
  /** Slots of a ciphertext: half the degree. */
  readonly slots: number;
  /** The data primes, then the special prime. */
  readonly primes: readonly bigint[];
  readonly dataLevels: number;
  /** The scale of fresh ciphertexts. */
  readonly scale: number;
  readonly keys: EngineKeys;
  /** Arithmetic on residues of all primes, for what SEAL does not offer. */
  readonly ring: Ring;
  readonly #seal: SealLibrary;
  readonly #chain: ContextChain;
  readonly #arena = new Arena();
  readonly #encoder: ReturnType<SealLibrary["CKKSEncoder"]>;
  readonly #evaluator: ReturnType<SealLibrary["Evaluator"]>;

  private constructor(seal: SealLibrary, parameters: CkksParameters, chain: ContextChain) {
    this.parameters = parameters;
    this.id = parametersId(parameters);
    this.degree = parameters.degree;
    this.slots = parameters.degree / 2;
    this.primes = chain.primes;
    this.dataLevels = dataLevels(parameters);
    this.scale = 2 ** parameters.scaleBits;
    this.keys = new EngineKeys(seal, chain);
    this.ring = Ring.create(parameters.degree, chain.primes);
    this.#seal = seal;
    this.#chain = chain;
    this.#encoder = seal.CKKSEncoder(chain.context);
    this.#evaluator = seal.Evaluator(chain.context);
  }

  /** Throws CkksError `not-secure` below 128-bit security unless `insecureForTests`, RangeError for impossible sets. */
  static async create(parameters: CkksParameters, options: { insecureForTests?: boolean } = {}): Promise<CkksEngine> {
    const seal = await loadSeal();
    return new CkksEngine(seal, parameters, createContext(seal, parameters, options));
  }

  /** Runs `work`, then deletes all that was made in it, but for what it kept with `scope.keep`. */
  scope<T>(work: (scope: Scope) => T): T {
    return this.#arena.run(work);
  }

  /** Takes over public and evaluation keys, in place of earlier ones; their digests are checked by the caller. */
  loadKeys(material: PublicMaterial): void {
    this.keys.load(material);
  }

  /** Frees the context and all keys; the engine is of no use afterwards. */
  close(): void {
    this.keys.close();
    this.#evaluator.delete();
    this.#encoder.delete();
    for (const { parmsId } of this.#chain.levels) parmsId.delete();
    this.#chain.context.delete();
  }

  // --- plaintexts ---

  /** Values in slots from 0 on, the rest zero. Throws RangeError for NaN, infinity, and what does not fit the level. */
  encode(values: ArrayLike<number>, options: EncodeOptions = {}): Plaintext {
    const { scale, level } = this.#encodeOptions(options);
    if (values.length > this.slots) {
      throw new RangeError(`values: expected at most ${this.slots} of them, got ${values.length}`);
    }
    const array = Float64Array.from(values);
    const most = 2 ** (dataBits(this.parameters, level) - 2) / scale;
    for (const [slot, value] of array.entries()) {
      // SEAL encodes NaN without a word.
      if (!(Math.abs(value) < most)) throw new RangeError(`values[${slot}]: expected less than ${most}, got ${value}`);
    }
    const plaintext = this.#own(new Plaintext(this.#encoder.encode(array, scale) as never, this.dataLevels));
    return level === this.dataLevels ? plaintext : this.#lowered(plaintext, level);
  }

  /** The same value in every slot. */
  encodeConstant(value: number, options: EncodeOptions = {}): Plaintext {
    return this.encode(new Float64Array(this.slots).fill(value), options);
  }

  /** The slots of a plaintext. */
  decode(plaintext: Plaintext | RawPlaintext): Float64Array {
    if (plaintext instanceof Plaintext) return this.#encoder.decode(plaintext.object);
    return this.scope(() => this.#encoder.decode(this.loadPlaintext(plaintext).object));
  }

  rawPlaintext(plaintext: Plaintext): RawPlaintext {
    const bytes = plaintext.object.saveArray(uncompressed(this.#seal));
    const { poly, scale } = readPlaintext(bytes, this.degree, plaintext.level);
    return { poly, scale, level: plaintext.level };
  }

  loadPlaintext(raw: RawPlaintext): Plaintext {
    assertRaw(this, [raw.poly], raw.level, raw.scale);
    const bytes = writePlaintext(raw.poly, raw.scale, this.#parmsIdBytes(raw.level));
    const plaintext = this.#own(new Plaintext(this.#seal.PlainText(), raw.level));
    plaintext.object.loadArray(this.#chain.context, bytes);
    return plaintext;
  }

  // --- ciphertexts in and out ---

  /** Encrypts under the loaded public key, at the plaintext's level. SEAL draws the randomness from the system. */
  encrypt(plaintext: Plaintext): Ciphertext {
    return this.#made((out) => this.keys.encryptor.encrypt(plaintext.object, out));
  }

  /** Loads a ciphertext after checking all of it. */
  loadCiphertext(raw: RawCiphertext): Ciphertext {
    if (raw.polys.length < 2 || raw.polys.length > 3) {
      throw new CkksError("wrong-size", `ciphertext: expected 2 or 3 polynomials, got ${raw.polys.length}`);
    }
    if (!raw.ntt) throw new CkksError("malformed", "ciphertext: expected NTT form");
    assertRaw(this, raw.polys, raw.level, raw.scale);
    const bytes = writeCiphertext(raw, this.degree, this.#parmsIdBytes(raw.level));
    return this.#made((out) => out.loadArray(this.#chain.context, bytes));
  }

  rawCiphertext(ciphertext: Ciphertext): RawCiphertext {
    const bytes = this.saveCiphertext(ciphertext);
    const header = readCiphertextHeader(bytes);
    return { polys: readPolys(bytes, header), level: header.level, scale: header.scale, ntt: header.ntt };
  }

  /** Uncompressed SEAL bytes, for exchange between threads and for comparing outputs. */
  saveCiphertext(ciphertext: Ciphertext): Uint8Array {
    return ciphertext.object.saveArray(uncompressed(this.#seal));
  }

  /** Loads uncompressed SEAL bytes after checking every field. */
  loadCiphertextBytes(bytes: Uint8Array): Ciphertext {
    const header = readCiphertextHeader(bytes);
    if (header.degree !== this.degree) {
      throw new CkksError("wrong-parameters", `ciphertext: expected degree ${this.degree}, got ${header.degree}`);
    }
    assertLevel(this, header.level);
    if (Buffer.compare(parmsIdOf(bytes), this.#parmsIdBytes(header.level)) !== 0) {
      throw new CkksError("wrong-parameters", "ciphertext: it belongs to another parameter set");
    }
    return this.loadCiphertext({ ...header, polys: readPolys(bytes, header) });
  }

  // --- evaluation ---

  add(a: Ciphertext, b: Ciphertext): Ciphertext {
    assertAlike(a, b);
    return this.#made((out) => this.#evaluator.add(a.object, b.object, out));
  }

  /** a := a + b. */
  addTo(a: Ciphertext, b: Ciphertext): void {
    assertAlike(a, b);
    this.#evaluator.add(a.object, b.object, a.object);
  }

  sub(a: Ciphertext, b: Ciphertext): Ciphertext {
    assertAlike(a, b);
    return this.#made((out) => this.#evaluator.sub(a.object, b.object, out));
  }

  negate(a: Ciphertext): Ciphertext {
    return this.#made((out) => this.#evaluator.negate(a.object, out));
  }

  addPlain(a: Ciphertext, b: Plaintext): Ciphertext {
    assertAlike(a, b);
    return this.#made((out) => this.#evaluator.addPlain(a.object, b.object, out));
  }

  /** The scale becomes the product of both. Throws RangeError for an all-zero plaintext: its product would be no secret. */
  multiplyPlain(a: Ciphertext, b: Plaintext): Ciphertext {
    assertProduct(this, a, b);
    return this.#made((out) => this.#evaluator.multiplyPlain(a.object, b.object, out));
  }

  /** Product, relinearised to two polynomials; not rescaled: the scale becomes the product of both. */
  multiply(a: Ciphertext, b: Ciphertext): Ciphertext {
    const product = this.multiplyRaw(a, b);
    return this.relinearize(product);
  }

  /** Product of three polynomials. Add up many of these and relinearise once: that is a fifth of the time. */
  multiplyRaw(a: Ciphertext, b: Ciphertext): Ciphertext {
    assertProduct(this, a, b);
    if (a === b) return this.#made((out) => this.#evaluator.square(a.object, out));
    return this.#made((out) => this.#evaluator.multiply(a.object, b.object, out));
  }

  relinearize(a: Ciphertext): Ciphertext {
    return this.#made((out) => this.#evaluator.relinearize(a.object, this.keys.relin, out));
  }

  /** Divides by the last prime and drops it: the scale shrinks by that prime. */
  rescale(a: Ciphertext): Ciphertext {
    if (a.level < 2) throw new RangeError(`level: expected at least 2 primes to rescale, got ${a.level}`);
    return this.#made((out) => this.#evaluator.rescaleToNext(a.object, out));
  }

  /** Rotates the slots cyclically to the left: slot i takes the value of slot i + steps. Needs the Galois key of `steps`. */
  rotate(a: Ciphertext, steps: number): Ciphertext {
    if (steps === 0) return this.#made((out) => out.copy(a.object));
    this.keys.assertStep(steps);
    return this.#made((out) => this.#evaluator.rotateVector(a.object, steps, this.keys.galois, out));
  }

  /** Drops primes without changing values or scale. */
  modSwitchTo(a: Ciphertext, level: number): Ciphertext {
    if (level > a.level) throw new RangeError(`level: expected at most ${a.level}, got ${level}`);
    assertLevel(this, level);
    assertScale(this, a.scale, level);
    const { parmsId } = this.#chain.levels[level]!;
    return this.#made((out) => this.#evaluator.cipherModSwitchTo(a.object, parmsId, out));
  }

  /** A copy that lives and dies by itself. */
  copy(a: Ciphertext): Ciphertext {
    return this.#made((out) => out.copy(a.object));
  }

  // --- checks ---

  #encodeOptions(options: EncodeOptions): { scale: number; level: number } {
    const { scale = this.scale, level = this.dataLevels } = options;
    if (!(scale > 0) || !Number.isFinite(scale))
      throw new RangeError(`scale: expected a positive number, got ${scale}`);
    assertLevel(this, level);
    return { scale, level };
  }

  #lowered(plaintext: Plaintext, level: number): Plaintext {
    const out = this.#own(new Plaintext(this.#seal.PlainText(), level));
    this.#evaluator.plainModSwitchTo(plaintext.object, this.#chain.levels[level]!.parmsId, out.object);
    this.#arena.current.drop(plaintext);
    return out;
  }

  #own<T extends { delete(): void }>(item: T): T {
    try {
      return this.#arena.current.own(item);
    } catch (cause) {
      item.delete();
      throw cause;
    }
  }

  #made(fill: (out: SealCiphertext) => unknown): Ciphertext {
    const out = this.#own(new Ciphertext(this.#seal.CipherText({ context: this.#chain.context })));
    fill(out.object);
    return out;
  }

  #parmsIdBytes(level: number): Uint8Array {
    return this.#chain.levels[level]!.parmsIdBytes;
  }
}
