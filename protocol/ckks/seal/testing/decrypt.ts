/** Decryption with the whole secret key, which outside tests nobody has. */
import type { CkksEngine } from "../engine.ts";
import type { RnsPoly } from "../layout.ts";
import type { Ciphertext } from "../objects.ts";

/** c0 + c1 s (+ c2 s^2) in NTT form, decoded. */
export function decryptForTests(engine: CkksEngine, secretKey: RnsPoly): (ciphertext: Ciphertext) => Float64Array {
  return (ciphertext) => {
    const { polys, level, scale } = engine.rawCiphertext(ciphertext);
    const poly = new BigUint64Array(level * engine.degree);
    for (let index = 0; index < poly.length; index++) {
      const prime = engine.primes[Math.floor(index / engine.degree)]!;
      let value = 0n;
      for (const part of polys.toReversed()) value = (value * secretKey[index]! + part[index]!) % prime;
      poly[index] = value;
    }
    return engine.decode({ poly, level, scale });
  };
}
