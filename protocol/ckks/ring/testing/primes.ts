/** Primes for tests of ring arithmetic. */
import { checkPrimeSync } from "node:crypto";

/** The largest `count` primes of `bits` bits that are 1 modulo 2 * degree. */
export function primesOf(degree: number, bits: number, count: number): bigint[] {
  const step = 2n * BigInt(degree);
  const found: bigint[] = [];
  for (let prime = (1n << BigInt(bits)) + 1n - step; found.length < count; prime -= step) {
    if (checkPrimeSync(prime)) found.push(prime);
  }
  return found;
}
