/**
 * All parties of an installation in one place: engine with public keys, key shares of the aggregators, and an opening by
 * two of three of them, flooded as configured.
 */
import { randomBytes } from "node:crypto";
import { loadConfig } from "../../config/index.ts";
import { parametersOf, type SetName } from "../../config/schema-ckks.ts";
import { freshSigma } from "../../protocol/ckks/circuits/index.ts";
import type { CkksParameters } from "../../protocol/ckks/parameters.ts";
import type { RnsPoly } from "../../protocol/ckks/ring/index.ts";
import { CkksEngine } from "../../protocol/ckks/seal/engine.ts";
import { generateKeys } from "../../protocol/ckks/seal/keys.ts";
import type { RawCiphertext } from "../../protocol/ckks/seal/layout.ts";
import { publicKeyPolys } from "../../protocol/ckks/seal/public-key.ts";
import { combine, type OpenedSlots, toSlots } from "../../protocol/ckks/threshold/combine.ts";
import { deal } from "../../protocol/ckks/threshold/deal.ts";
import { sigmaBitsFor } from "../../protocol/ckks/threshold/flooding.ts";
import {
  coefficientsAt,
  type KeyShare,
  type PublicKeyPolys,
  randomiseC0,
  randomiseC1,
  zeroEncryption,
} from "../../protocol/ckks/threshold/index.ts";
import { partial } from "../../protocol/ckks/threshold/partial.ts";
import { processorTime } from "./stopwatch.ts";

export const { homomorphic: SETTINGS } = loadConfig({ env: {}, profile: "laptop", flags: [] });

const AGGREGATORS = 3;
/** The shares that open: as many as the threshold. */
export const ACTIVE: readonly number[] = [1, 3];

export interface BenchParty {
  readonly parameters: CkksParameters;
  readonly engine: CkksEngine;
  readonly publicKey: PublicKeyPolys;
  readonly shares: readonly KeyShare[];
  readonly contextCpuMs: number;
  readonly keygenCpuMs: number;
  /** Bytes of public, relinearisation and Galois keys together, as they are published. */
  readonly keyBytes: number;
}

/** Makes keys for a set: with `products` also those for relinearisation and for a rotation by one. */
export async function makeParty(set: SetName, products: boolean): Promise<BenchParty> {
  const parameters = parametersOf(SETTINGS, set);
  const [engine, contextCpuMs] = await processorTime(() => CkksEngine.create(parameters));
  const request = { relin: products, galoisSteps: products ? [1] : [] };
  const [keys, keygenCpuMs] = await processorTime(() => generateKeys(parameters, request));
  const { publicKey, relinKeys, galoisKeys, secretKey } = keys;
  const material = { publicKey, ...(relinKeys && { relinKeys }), ...(galoisKeys && { galoisKeys }) };
  engine.loadKeys(material);
  const { ring, degree, dataLevels } = engine;
  const shares = deal({
    ring,
    secret: secretKey.slice(0, dataLevels * degree),
    n: AGGREGATORS,
    t: ACTIVE.length,
    random: randomBytes,
  });
  secretKey.fill(0n);
  const keyBytes = Object.values(material).reduce((sum, key) => sum + key.length, 0);
  return {
    parameters,
    engine,
    publicKey: await publicKeyPolys(publicKey, parameters, { insecureForTests: false }),
    shares,
    contextCpuMs,
    keygenCpuMs,
    keyBytes,
  };
}

/** Deviation of the flooding, as an aggregator chooses it: for a ciphertext whose coefficients have this noise. */
export function sigmaBitsOf({ parameters }: BenchParty, level: number, noiseSigma: number, opened: number): number {
  const variance = noiseSigma ** 2 + freshSigma(parameters, level) ** 2;
  return sigmaBitsFor(variance, SETTINGS.statisticalBits, SETTINGS.openings, opened);
}

/** What is opened: the randomised halves of a ciphertext. */
export interface Opening {
  readonly c0: RnsPoly;
  readonly c1: RnsPoly;
  readonly stride: number;
  readonly scale: number;
}

export function randomised({ engine, publicKey }: BenchParty, raw: RawCiphertext, stride: number): Opening {
  const { ring } = engine;
  const zero = zeroEncryption({ ring, publicKey, level: raw.level, seed: randomBytes(32) });
  return {
    c0: randomiseC0(ring, coefficientsAt(ring, raw.polys[0]!, stride), zero, stride),
    c1: randomiseC1(ring, raw.polys[1]!, zero),
    stride,
    scale: raw.scale,
  };
}

/** One aggregator's part. */
export function partOf(party: BenchParty, { c1, stride }: Opening, index: number, sigmaBits: number): RnsPoly {
  const share = party.shares[index - 1]!;
  const { ring } = party.engine;
  return partial({ ring, c1, share, active: ACTIVE, stride, flooding: { sigmaBits }, random: randomBytes });
}

export function slotsOf({ engine }: BenchParty, opening: Opening, partials: readonly RnsPoly[]): OpenedSlots {
  const { c0, stride, scale } = opening;
  return toSlots(engine.ring, combine({ ring: engine.ring, c0, partials, stride }), scale, stride);
}

/** The whole of it: randomised, a part from each of the active set, combined. */
export function openSlots(party: BenchParty, raw: RawCiphertext, stride: number, sigmaBits: number): Float64Array {
  const opening = randomised(party, raw, stride);
  const partials = ACTIVE.map((index) => partOf(party, opening, index, sigmaBits));
  return slotsOf(party, opening, partials).real;
}
