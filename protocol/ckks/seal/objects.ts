/** Ciphertexts and plaintexts in the WebAssembly heap, owned by a scope. */
import { Handle } from "./arena.ts";
import type { SealCiphertext, SealPlaintext } from "./load.ts";

export class Ciphertext extends Handle<SealCiphertext> {
  readonly kind = "ciphertext";

  /** The number of primes. */
  get level(): number {
    return this.object.coeffModulusSize;
  }

  get scale(): number {
    return this.object.scale;
  }

  /** The number of polynomials: 2, or 3 after a product that was not relinearised. */
  get size(): number {
    return this.object.size;
  }
}

export class Plaintext extends Handle<SealPlaintext> {
  readonly kind = "plaintext";
  readonly level: number;

  constructor(object: SealPlaintext, level: number) {
    super(object);
    this.level = level;
  }

  get scale(): number {
    return this.object.scale;
  }
}
