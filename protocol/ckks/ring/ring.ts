/**
 * Polynomials modulo X^degree + 1 in residue form: one PrimeRing per prime over one WebAssembly memory of fixed size.
 * A polynomial is a BigUint64Array, prime-major, as SEAL lays out its data; with fewer primes than the ring has, it is
 * one of a lower level. Transformed values stand in SEAL's order, so that data moves between the two unchanged.
 *
 * An instance is not to be shared between threads: its scratch space belongs to one operation at a time.
 */
import { checkPrimeSync } from "node:crypto";
import { PrimeRing } from "./prime-ring.ts";
import { loadRingModule } from "./ring-module.ts";

/** Residues of a polynomial: primes * degree numbers, all coefficients of the first prime first. */
export type RnsPoly = BigUint64Array;

/** Primes stay below this, so that eight of them fit a word (ring.wat). */
const PRIME_LIMIT = 1n << 61n;
const MAX_DEGREE = 32_768;

export class Ring {
  readonly degree: number;
  readonly primes: readonly bigint[];
  readonly #rings: readonly PrimeRing[];

  private constructor(degree: number, primes: readonly bigint[], rings: readonly PrimeRing[]) {
    this.degree = degree;
    this.primes = primes;
    this.#rings = rings;
  }

  /**
   * Reserves (32 * primes + 16) * degree bytes and fills the tables. Throws RangeError unless degree is a power of two
   * from 2 to 32768 and the primes are different, prime, below 2^61 and 1 modulo 2 * degree.
   */
  static create(degree: number, primes: readonly bigint[]): Ring {
    if (!Number.isInteger(Math.log2(degree)) || degree < 2 || degree > MAX_DEGREE) {
      throw new RangeError(`degree: expected a power of two from 2 to ${MAX_DEGREE}, got ${degree}`);
    }
    if (primes.length === 0) throw new RangeError("primes: expected at least one, got none");
    for (const [index, prime] of primes.entries()) {
      if (prime < 3n || prime >= PRIME_LIMIT || !checkPrimeSync(prime)) {
        throw new RangeError(`primes[${index}]: expected a prime from 3 to 2^61, got ${prime}`);
      }
      if (primes.indexOf(prime) !== index) throw new RangeError(`primes[${index}]: ${prime} is there twice`);
    }
    const tableBytes = 32 * degree;
    const { exports, buffer } = loadRingModule(primes.length * tableBytes + 16 * degree);
    const scratchAt = primes.length * tableBytes;
    const scratch = {
      first: new BigUint64Array(buffer, scratchAt, degree),
      second: new BigUint64Array(buffer, scratchAt + 8 * degree, degree),
      secondSigned: new Int32Array(buffer, scratchAt + 8 * degree, degree),
    };
    const rings = primes.map((prime, index) => new PrimeRing(exports, scratch, index * tableBytes, degree, prime));
    return new Ring(degree, [...primes], rings);
  }

  /** Arithmetic modulo the prime with this index. Throws RangeError when there is none. */
  at(index: number): PrimeRing {
    const ring = this.#rings[index];
    if (ring === undefined) {
      throw new RangeError(`prime index: expected an integer from 0 to ${this.primes.length - 1}, got ${index}`);
    }
    return ring;
  }

  /** The zero polynomial of the first `primeCount` primes. */
  zero(primeCount = this.primes.length): RnsPoly {
    this.at(primeCount - 1);
    return new BigUint64Array(primeCount * this.degree);
  }

  /** How many primes a whole polynomial has. Throws RangeError on another length. */
  primeCount(poly: RnsPoly): number {
    const count = poly.length / this.degree;
    if (!Number.isInteger(count) || count < 1 || count > this.primes.length) {
      const expected = `1 to ${this.primes.length} times ${this.degree} residues`;
      throw new RangeError(`polynomial: expected ${expected}, got ${poly.length}`);
    }
    return count;
  }

  /** Coefficients to values in SEAL's order, in place. Returns its argument. */
  forward(poly: RnsPoly): RnsPoly {
    this.#each(poly, this.primeCount(poly), (ring, part) => ring.forward(part));
    return poly;
  }

  /** Values in SEAL's order to coefficients, in place. Returns its argument. */
  inverse(poly: RnsPoly): RnsPoly {
    this.#each(poly, this.primeCount(poly), (ring, part) => ring.inverse(part));
    return poly;
  }

  /** a = a * b, value by value, in place; both in NTT form, or both constants. Returns a. */
  multiply(a: RnsPoly, b: RnsPoly, primes = this.primeCount(a)): RnsPoly {
    this.#pairs(a, b, primes, (ring, x, y) => ring.multiply(x, y));
    return a;
  }

  /**
   * a = a + b in place; returns a. `primes` must be given for vectors that are not whole polynomials (the coefficients
   * at multiples of a stride), here and in the methods below.
   */
  add(a: RnsPoly, b: RnsPoly, primes = this.primeCount(a)): RnsPoly {
    this.#pairs(a, b, primes, (ring, x, y) => ring.add(x, y));
    return a;
  }

  /** a = a - b in place; returns a. */
  subtract(a: RnsPoly, b: RnsPoly, primes = this.primeCount(a)): RnsPoly {
    this.#pairs(a, b, primes, (ring, x, y) => ring.subtract(x, y));
    return a;
  }

  /** a = -a in place; returns a. */
  negate(a: RnsPoly, primes = this.primeCount(a)): RnsPoly {
    return this.scale(a, -1n, primes);
  }

  /** a = a * factor in place, with one factor or one for each prime; returns a. */
  scale(a: RnsPoly, factor: bigint | readonly bigint[], primes = this.primeCount(a)): RnsPoly {
    const factors = factorsOf(factor, primes);
    this.#each(a, primes, (ring, part, index) => ring.affine(part, factors[index]!, 0n));
    return a;
  }

  /** a = a + b * factor in place, with one factor or one for each prime; returns a. */
  addScaled(a: RnsPoly, b: RnsPoly, factor: bigint | readonly bigint[], primes = this.primeCount(a)): RnsPoly {
    const factors = factorsOf(factor, primes);
    this.#pairs(a, b, primes, (ring, x, y, index) => ring.addScaled(x, y, factors[index]!));
    return a;
  }

  /** a = a + b * factor in place, for one signed vector b that counts modulo every prime; returns a. */
  addSigned(a: RnsPoly, b: Int32Array, factor = 1n, primes = this.primeCount(a)): RnsPoly {
    this.#each(a, primes, (ring, part) => ring.addSigned(part, b, factor));
    return a;
  }

  /** Throws RangeError, naming `name` and the place, when an entry is not below its prime. */
  assertReduced(name: string, a: RnsPoly, primes = this.primeCount(a)): void {
    this.#each(a, primes, (ring, part, index) => {
      const place = ring.firstUnreduced(part);
      if (place >= 0) {
        throw new RangeError(
          `${name}: expected residues below ${ring.prime}, but not at ${index * part.length + place}`,
        );
      }
    });
  }

  #each(a: RnsPoly, primes: number, act: (ring: PrimeRing, part: BigUint64Array, index: number) => void): void {
    this.at(primes - 1);
    const width = a.length / primes;
    if (!Number.isInteger(width)) throw new RangeError(`a: expected a multiple of ${primes} residues, got ${a.length}`);
    for (let index = 0; index < primes; index++) {
      act(this.at(index), a.subarray(index * width, (index + 1) * width), index);
    }
  }

  #pairs(
    a: RnsPoly,
    b: RnsPoly,
    primes: number,
    act: (ring: PrimeRing, x: BigUint64Array, y: BigUint64Array, index: number) => void,
  ): void {
    if (a.length !== b.length) throw new RangeError(`b: expected ${a.length} residues, got ${b.length}`);
    const width = a.length / primes;
    this.#each(a, primes, (ring, part, index) => {
      act(ring, part, b.subarray(index * width, (index + 1) * width), index);
    });
  }
}

function factorsOf(factor: bigint | readonly bigint[], primes: number): readonly bigint[] {
  if (typeof factor === "bigint") return Array.from({ length: primes }, () => factor);
  if (factor.length !== primes) throw new RangeError(`factor: expected ${primes} numbers, got ${factor.length}`);
  return factor;
}
