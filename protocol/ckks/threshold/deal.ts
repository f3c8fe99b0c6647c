/**
 * Deals the joint secret key: the secret's residues in, n shares out of which any t open. Whoever calls this is the
 * dealer, trusted for the moment: it erases the secret, and hands each share to one aggregator and forgets it.
 */
import type { Ring, RnsPoly } from "../ring/ring.ts";
import { uniform, type RandomBytes } from "../ring/sample.ts";
import { assertDealing, type KeyShare } from "./share.ts";

export interface Dealing {
  readonly ring: Ring;
  /** The secret in NTT form, modulo the primes of ciphertexts. */
  readonly secret: RnsPoly;
  readonly n: number;
  readonly t: number;
  /** A cryptographic source. */
  readonly random: RandomBytes;
}

/**
 * The shares 1 to n. Polynomials are drawn anew for every prime and coefficient, so t - 1 shares are uniform whatever
 * the secret is. Throws RangeError on t or n out of range and on a secret of another ring.
 */
export function deal(dealing: Dealing): KeyShare[] {
  const { ring, secret, n, t, random } = dealing;
  assertDealing(n, t);
  const primes = ring.primeCount(secret);
  ring.assertReduced("secret", secret);
  const shares = Array.from({ length: n }, (_, at) => ({ index: at + 1, t, n, poly: secret.slice() }));
  for (let power = 1; power < t; power++) {
    for (let index = 0; index < primes; index++) {
      const prime = ring.at(index);
      const coefficients = uniform(ring.degree, prime.prime, random);
      for (const share of shares) {
        const part = share.poly.subarray(index * ring.degree, (index + 1) * ring.degree);
        prime.addScaled(part, coefficients, BigInt(share.index) ** BigInt(power));
      }
      coefficients.fill(0n);
    }
  }
  return shares;
}
