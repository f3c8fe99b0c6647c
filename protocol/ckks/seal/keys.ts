/**
 * The dealer's part: makes a key pair and evaluation keys. The raw secret key leaves for the threshold dealing, and both
 * it and `erase` are the dealer's to clear; nobody else imports this file.
 */
import type { CkksParameters } from "../parameters.ts";
import { createContext } from "./context.ts";
import { readPlaintext } from "./layout.ts";
import type { RnsPoly } from "./layout.ts";
import { loadSeal, uncompressed } from "./load.ts";

export interface GeneratedKeys {
  /** NTT form over all primes, the special one included. Fill it with zeros once it is dealt. */
  readonly secretKey: RnsPoly;
  /** As in CkksEngine: the data primes, then the special one. */
  readonly primes: readonly bigint[];
  readonly publicKey: Uint8Array;
  readonly relinKeys: Uint8Array | undefined;
  readonly galoisKeys: Uint8Array | undefined;
}

export interface KeyRequest {
  readonly relin: boolean;
  /** The rotations that keys are made for. */
  readonly galoisSteps: readonly number[];
  readonly insecureForTests?: boolean;
}

/** Makes all keys of one parameter set. SEAL draws randomness from the system's generator. */
export async function generateKeys(parameters: CkksParameters, request: KeyRequest): Promise<GeneratedKeys> {
  const seal = await loadSeal();
  const chain = createContext(seal, parameters, { insecureForTests: request.insecureForTests ?? false });
  const none = uncompressed(seal);
  const saved = (key: { saveArray: (compression: typeof none) => Uint8Array; delete: () => void }): Uint8Array => {
    const bytes = key.saveArray(none);
    key.delete();
    return bytes;
  };
  const generator = seal.KeyGenerator(chain.context);
  try {
    const secret = saved(generator.secretKey());
    const { poly } = readPlaintext(secret, parameters.degree, chain.primes.length);
    secret.fill(0);
    const steps = Int32Array.from(request.galoisSteps);
    return {
      secretKey: poly,
      primes: chain.primes,
      // The seeded forms: half of each key is the seed of a uniform polynomial.
      publicKey: saved(generator.createPublicKeySerializable()),
      relinKeys: request.relin ? saved(generator.createRelinKeysSerializable()) : undefined,
      galoisKeys: steps.length > 0 ? saved(generator.createGaloisKeysSerializable(steps)) : undefined,
    };
  } finally {
    generator.delete(); // SEAL overwrites the secret key's memory
    for (const { parmsId } of chain.levels) parmsId.delete();
    chain.context.delete();
  }
}
