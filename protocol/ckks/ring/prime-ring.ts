/**
 * Vectors modulo one prime: transform, products, sums. Vectors are BigUint64Array of up to `degree` residues below the
 * prime; each operation copies them into the module's scratch space and back, and leaves the result in its first
 * argument. Constants are BigInt and may be any integer. The arithmetic is in ring.wat.
 */
import { inverseMod, inverseModWord, minimalRoot, residue, shoupQuotient } from "./modular.ts";
import type { RingExports } from "./ring-module.ts";

/** Places in the module's memory for the vectors of an operation, shared by all primes of a ring. */
export interface Scratch {
  readonly first: BigUint64Array;
  readonly second: BigUint64Array;
  readonly secondSigned: Int32Array;
}

const WORD = 1n << 64n;

/** One prime of a ring. */
export class PrimeRing {
  readonly prime: bigint;
  readonly degree: number;
  readonly #wasm: RingExports;
  readonly #scratch: Scratch;
  readonly #forwardTable: number;
  readonly #inverseTable: number;
  readonly #wordInverse: bigint;
  readonly #word: bigint;
  readonly #wordQuotient: bigint;
  readonly #degreeInverse: bigint;
  readonly #degreeInverseQuotient: bigint;

  /**
   * Fills the two tables, each 16 * degree bytes from `table` on. Throws RangeError unless `prime` is 1 modulo
   * 2 * degree; that it is a prime below 2^61 is the caller's to check (Ring.create does).
   */
  constructor(wasm: RingExports, scratch: Scratch, table: number, degree: number, prime: bigint) {
    this.prime = prime;
    this.degree = degree;
    this.#wasm = wasm;
    this.#scratch = scratch;
    this.#forwardTable = table;
    this.#inverseTable = table + 16 * degree;
    this.#wordInverse = inverseModWord(prime);
    this.#word = WORD % prime;
    this.#wordQuotient = shoupQuotient(this.#word, prime);
    this.#degreeInverse = inverseMod(BigInt(degree), prime);
    this.#degreeInverseQuotient = shoupQuotient(this.#degreeInverse, prime);
    const root = minimalRoot(degree, prime);
    this.#fill(this.#forwardTable, root);
    this.#fill(this.#inverseTable, inverseMod(root, prime));
  }

  /** Coefficients to values, in SEAL's order. The vector has `degree` residues. */
  forward(vector: BigUint64Array): void {
    this.#assertWhole(vector);
    this.#scratch.first.set(vector);
    this.#wasm.forward(this.#scratch.first.byteOffset, this.degree, this.#forwardTable, this.prime);
    vector.set(this.#scratch.first);
  }

  /** Values in SEAL's order to coefficients. The vector has `degree` residues. */
  inverse(vector: BigUint64Array): void {
    this.#assertWhole(vector);
    this.#scratch.first.set(vector);
    this.#wasm.inverse(
      this.#scratch.first.byteOffset,
      this.degree,
      this.#inverseTable,
      this.prime,
      this.#degreeInverse,
      this.#degreeInverseQuotient,
    );
    vector.set(this.#scratch.first);
  }

  /** a[i] = a[i] * b[i]. */
  multiply(a: BigUint64Array, b: BigUint64Array): void {
    const { first, second } = this.#load(a, b);
    this.#wasm.multiply(first, second, a.length, this.prime, this.#wordInverse, this.#word, this.#wordQuotient);
    this.#store(a);
  }

  /** a[i] = a[i] + b[i]. */
  add(a: BigUint64Array, b: BigUint64Array): void {
    const { first, second } = this.#load(a, b);
    this.#wasm.add(first, second, a.length, this.prime);
    this.#store(a);
  }

  /** a[i] = a[i] - b[i]. */
  subtract(a: BigUint64Array, b: BigUint64Array): void {
    const { first, second } = this.#load(a, b);
    this.#wasm.subtract(first, second, a.length, this.prime);
    this.#store(a);
  }

  /** a[i] = a[i] * factor + offset. Entries may be any 64-bit numbers: factor 1 and offset 0 reduce them. */
  affine(a: BigUint64Array, factor: bigint, offset: bigint): void {
    const { first } = this.#load(a);
    const w = residue(factor, this.prime);
    const c = residue(offset, this.prime);
    this.#wasm.affine(first, a.length, this.prime, w, shoupQuotient(w, this.prime), c);
    this.#store(a);
  }

  /** a[i] = a[i] + b[i] * factor. */
  addScaled(a: BigUint64Array, b: BigUint64Array, factor: bigint): void {
    const { first, second } = this.#load(a, b);
    const w = residue(factor, this.prime);
    this.#wasm.addScaled(first, second, a.length, this.prime, w, shoupQuotient(w, this.prime));
    this.#store(a);
  }

  /** a[i] = a[i] + b[i] * factor, for signed b: small noise, or limbs of large noise. */
  addSigned(a: BigUint64Array, b: Int32Array, factor: bigint): void {
    this.#assertPair(a, b);
    this.#scratch.first.set(a);
    this.#scratch.secondSigned.set(b);
    const w = residue(factor, this.prime);
    const { first, secondSigned } = this.#scratch;
    const quotient = shoupQuotient(w, this.prime);
    this.#wasm.addSigned(first.byteOffset, secondSigned.byteOffset, a.length, this.prime, w, quotient);
    this.#store(a);
  }

  /** The place of the first entry that is no residue, or -1. */
  firstUnreduced(a: BigUint64Array): number {
    const { first } = this.#load(a);
    const place = this.#wasm.firstAbove(first, a.length, this.prime);
    return place === a.length ? -1 : place;
  }

  #fill(table: number, root: bigint): void {
    this.#wasm.powers(
      table,
      this.degree,
      this.prime,
      this.#wordInverse,
      this.#word,
      this.#wordQuotient,
      root,
      shoupQuotient(root, this.prime),
    );
  }

  #load(a: BigUint64Array, b?: BigUint64Array): { first: number; second: number } {
    const { first, second } = this.#scratch;
    this.#assertPair(a, b ?? a);
    first.set(a);
    if (b !== undefined) second.set(b);
    return { first: first.byteOffset, second: second.byteOffset };
  }

  #store(a: BigUint64Array): void {
    a.set(this.#scratch.first.subarray(0, a.length));
  }

  #assertWhole(vector: BigUint64Array): void {
    if (vector.length !== this.degree) {
      throw new RangeError(`vector: expected ${this.degree} residues, got ${vector.length}`);
    }
  }

  #assertPair(a: BigUint64Array, b: BigUint64Array | Int32Array): void {
    if (a.length === 0 || a.length > this.degree) {
      throw new RangeError(`a: expected 1 to ${this.degree} residues, got ${a.length}`);
    }
    if (b.length !== a.length) throw new RangeError(`b: expected ${a.length} entries, got ${b.length}`);
  }
}
