/** Key pairs for tests, and a small parameter set on which they run in milliseconds. */
import type { CkksParameters } from "../../parameters.ts";
import { generateKeys } from "../keys.ts";

/** Too small for security: 2048 coefficients for 162 bits of modulus. */
export const SMALL: CkksParameters = { name: "small", degree: 2048, primeBits: [54, 54, 54, 55], scaleBits: 60 };

export async function testKeys(parameters: CkksParameters, galoisSteps: readonly number[]) {
  const keys = await generateKeys(parameters, { relin: true, galoisSteps, insecureForTests: true });
  const { secretKey, publicKey, relinKeys, galoisKeys } = keys;
  return {
    secretKey,
    publicKey,
    ...(relinKeys === undefined ? {} : { relinKeys }),
    ...(galoisKeys === undefined ? {} : { galoisKeys }),
  };
}
