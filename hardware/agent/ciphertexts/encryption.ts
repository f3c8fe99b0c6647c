/**
 * One window from numbers to finished bytes: encoded, encrypted under the joint public key, proven to be this meter's,
 * packed, sealed to analytics. Holds an engine for each parameter set, made when it is first needed. No secret key is
 * anywhere near.
 */
import { randomBytes } from "node:crypto";
import { encryptAs } from "../../../protocol/ckks/authorship/sender.ts";
import { packedDigest, strideOf } from "../../../protocol/ckks/packed.ts";
import type { CkksParameters } from "../../../protocol/ckks/parameters.ts";
import { CkksEngine } from "../../../protocol/ckks/seal/engine.ts";
import type { PublicKeyPolys } from "../../../protocol/ckks/threshold/index.ts";
import { sealCiphertext } from "../../../protocol/envelope/ciphertext.ts";

/** The public key of a parameter set. */
export interface SetKey {
  readonly parameters: CkksParameters;
  readonly publicKey: Uint8Array;
  /** Of which dealing. */
  readonly epoch: number;
}

export interface EncryptionSettings {
  /** Parameters below 128-bit security are taken. */
  readonly insecureForTests: boolean;
  /** X25519 public key of analytics. */
  readonly analyticsKey: Uint8Array;
}

export interface EncryptionRequest {
  readonly meter: string;
  /** The dealing and the name of the parameter set. */
  readonly epoch: number;
  readonly set: string;
  readonly series: string;
  readonly firstSlot: number;
  /** Primes of the ciphertext. */
  readonly level: number;
  /** Whether the first half is cut to the coefficients that sums need. */
  readonly cut: boolean;
  /** One or several for each slot of the window. */
  readonly numbers: Float64Array;
}

export interface Encrypted {
  readonly sealed: Uint8Array;
  readonly digest: Uint8Array;
  /** Bytes before they were sealed. */
  readonly packedBytes: number;
  /** Time of encoding, encrypting, proving and packing; making the engine is not part of it. */
  readonly milliseconds: number;
}

interface Ready {
  readonly engine: CkksEngine;
  readonly publicKey: PublicKeyPolys;
  readonly epoch: number;
}

export class Encryption {
  readonly #settings: EncryptionSettings;
  readonly #engines = new Map<string, Ready>();

  constructor(settings: EncryptionSettings) {
    this.#settings = settings;
  }

  /**
   * Makes the engine of a set, in place of one of another epoch; the caller has checked the key's digest. Throws as the
   * engine does.
   */
  async load(set: string, { parameters, publicKey, epoch }: SetKey): Promise<void> {
    const known = this.#engines.get(set);
    if (known?.epoch === epoch) return;
    known?.engine.close();
    this.#engines.delete(set);
    const engine = await CkksEngine.create(parameters, { insecureForTests: this.#settings.insecureForTests });
    this.#engines.set(set, { engine, publicKey: engine.keys.publicPolys(publicKey), epoch });
  }

  /** Throws RangeError for a set that was not loaded and for numbers that do not fit. */
  async encrypt(request: EncryptionRequest): Promise<Encrypted> {
    const { meter, epoch, set, series, firstSlot, level, cut, numbers } = request;
    const slots = numbers.length;
    const known = this.#engines.get(set);
    if (known?.epoch !== epoch) throw new RangeError(`set: the keys of ${set} of epoch ${epoch} were not loaded`);
    const { engine, publicKey } = known;
    const started = performance.now();
    const stride = cut ? strideOf(slots, engine.degree) : 1;
    const window = { series, firstSlot, slots, epoch };
    const packed = encryptAs(engine, publicKey, { meter, window, level, stride, numbers }, randomBytes);
    const milliseconds = performance.now() - started;
    const directory = {
      servers: new Map([["analytics", { role: "analytics" as const, sealKey: this.#settings.analyticsKey }]]),
    };
    const sealed = await sealCiphertext(packed, meter, directory);
    return { sealed, digest: packedDigest(packed), packedBytes: packed.length, milliseconds };
  }

  close(): void {
    for (const { engine } of this.#engines.values()) engine.close();
    this.#engines.clear();
  }
}
