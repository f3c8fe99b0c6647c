/** A dealing at parameters that are far too small for security, made once for all tests of a process. */
import { randomBytes } from "node:crypto";
import type { CkksParameters } from "../../../protocol/ckks/parameters.ts";
import { Ring, type RnsPoly } from "../../../protocol/ckks/ring/index.ts";
import { CkksEngine } from "../../../protocol/ckks/seal/engine.ts";
import { generateKeys } from "../../../protocol/ckks/seal/keys.ts";
import { publicKeyPolys } from "../../../protocol/ckks/seal/public-key.ts";
import { deal } from "../../../protocol/ckks/threshold/deal.ts";
import type { KeyShare } from "../../../protocol/ckks/threshold/share.ts";

export const SMALL: CkksParameters = { name: "light", degree: 1024, primeBits: [30, 30, 20], scaleBits: 30 };
export const N = 3;
export const T = 2;

export interface Keys {
  readonly engine: CkksEngine;
  readonly publicKey: readonly [RnsPoly, RnsPoly];
  readonly publicKeyFile: Uint8Array;
  readonly shares: readonly KeyShare[];
}

let keys: Promise<Keys> | undefined;

export function dealtKeys(): Promise<Keys> {
  keys ??= dealKeys();
  return keys;
}

async function dealKeys(): Promise<Keys> {
  const made = await generateKeys(SMALL, { relin: false, galoisSteps: [], insecureForTests: true });
  const engine = await CkksEngine.create(SMALL, { insecureForTests: true });
  engine.loadKeys({ publicKey: made.publicKey });
  const levels = engine.dataLevels;
  const ring = Ring.create(SMALL.degree, made.primes.slice(0, levels));
  const secret = made.secretKey.subarray(0, levels * SMALL.degree);
  const shares = deal({ ring, secret, n: N, t: T, random: (count) => randomBytes(count) });
  made.secretKey.fill(0n);
  const publicKey = await publicKeyPolys(made.publicKey, SMALL, { insecureForTests: true });
  return { engine, publicKey, publicKeyFile: made.publicKey, shares };
}
