/**
 * Arithmetic modulo one number with BigInt: for constants and tables, not for vectors (those are in ring.wat).
 */

/** The residue of `value`, from 0 to modulus - 1, also for negative values. */
export function residue(value: bigint, modulus: bigint): bigint {
  const rest = value % modulus;
  return rest < 0n ? rest + modulus : rest;
}

/** base^exponent mod modulus, for an exponent of at least 0. */
export function powerMod(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let square = residue(base, modulus);
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

/** 1 / value modulo a prime. Throws RangeError when value is a multiple of the prime. */
export function inverseMod(value: bigint, prime: bigint): bigint {
  const reduced = residue(value, prime);
  if (reduced === 0n) throw new RangeError(`value: expected an invertible number modulo ${prime}, got a multiple`);
  return powerMod(reduced, prime - 2n, prime);
}

/** floor(factor * 2^64 / prime): the companion of a fixed factor in Shoup's multiplication. */
export function shoupQuotient(factor: bigint, prime: bigint): bigint {
  return (factor << 64n) / prime;
}

/** 1 / odd modulo 2^64, by Newton's iteration: each round doubles the right bits, of which odd itself has three. */
export function inverseModWord(odd: bigint): bigint {
  let inverse = odd;
  for (let bits = 3; bits < 64; bits *= 2) inverse = BigInt.asUintN(64, inverse * (2n - odd * inverse));
  return inverse;
}

/**
 * The smallest primitive root of unity of order 2 * degree modulo a prime: SEAL's choice, on which the order of its
 * transformed coefficients rests. Throws RangeError when prime - 1 is no multiple of 2 * degree.
 */
export function minimalRoot(degree: number, prime: bigint): bigint {
  const order = 2n * BigInt(degree);
  if ((prime - 1n) % order !== 0n) {
    throw new RangeError(`prime: expected 1 modulo ${order}, got ${prime}`);
  }
  let root = 0n;
  // Half of all bases give a root of that very order; its power `degree` is then -1.
  for (let base = 2n; root === 0n; base++) {
    const candidate = powerMod(base, (prime - 1n) / order, prime);
    if (powerMod(candidate, BigInt(degree), prime) === prime - 1n) root = candidate;
  }
  const square = (root * root) % prime;
  let smallest = root;
  let power = root;
  for (let odd = 1; odd < degree; odd++) {
    power = (power * square) % prime;
    if (power < smallest) smallest = power;
  }
  return smallest;
}
