/** Aggregators over one dealing of real keys, and the parts of analytics and the utility in a job that they open. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { TestContext } from "node:test";
import { encryptAs } from "../../../protocol/ckks/authorship/sender.ts";
import { bindCircuit } from "../../../protocol/ckks/circuits/registry.ts";
import {
  describeOutput,
  encodeTranscript,
  outputSeed,
  randomisationSeed,
  type Transcript,
} from "../../../protocol/ckks/job.ts";
import { strideOf, unpackCiphertext } from "../../../protocol/ckks/packed.ts";
import { parametersId } from "../../../protocol/ckks/parameters.ts";
import { bitsOfPrime, packedBytes, Ring, unpackResidues } from "../../../protocol/ckks/ring/index.ts";
import { CkksEngine } from "../../../protocol/ckks/seal/engine.ts";
import type { RawCiphertext } from "../../../protocol/ckks/seal/layout.ts";
import { SMALL as FULL_SCALE, testKeys } from "../../../protocol/ckks/seal/testing/keys.ts";
import { combine, toSlots } from "../../../protocol/ckks/threshold/combine.ts";
import { deal } from "../../../protocol/ckks/threshold/deal.ts";
import { coefficientsAt, encodeShare, type PublicKeyPolys } from "../../../protocol/ckks/threshold/index.ts";
import { randomiseC0, zeroEncryption } from "../../../protocol/ckks/threshold/index.ts";
import type { CkksEpoch } from "../../../protocol/keys/index.ts";
import { temporaryFolder } from "../../testing/system.ts";
import { CkksMachine } from "../ckks-machine.ts";
import type { SeriesRule } from "../job-rules.ts";
import { MachineKeys } from "../machine-keys.ts";
import type { HeldKey } from "../worker-calls.ts";
import { WorkerMachine } from "../worker-machine.ts";
import { JobBed, type Said, WINDOW } from "./job-bed.ts";

/** At this scale there is room to flood a product, too. */
const SMALL = { ...FULL_SCALE, scaleBits: 40 };
export const LEVEL = 3;
export const STRIDE = strideOf(WINDOW, SMALL.degree);
export const NAMES = ["m-1", "m-2", "m-3", "m-4"];

export const readings = (meter: string): number[] =>
  Array.from({ length: WINDOW }, (_, slot) => 100 * Number(meter.at(-1)) + 7 * slot);

/** What a test file makes once. */
export class DealtKeys {
  readonly #keys: Awaited<ReturnType<typeof testKeys>>;
  readonly engine: CkksEngine;
  readonly publicKey: PublicKeyPolys;
  readonly shares: readonly Uint8Array[];

  private constructor(keys: Awaited<ReturnType<typeof testKeys>>, engine: CkksEngine) {
    this.#keys = keys;
    this.engine = engine;
    this.publicKey = engine.keys.publicPolys(keys.publicKey);
    const ring = Ring.create(SMALL.degree, engine.primes.slice(0, LEVEL));
    const secret = keys.secretKey.subarray(0, LEVEL * SMALL.degree);
    const dealt = deal({ ring, secret, n: 3, t: 2, random: (count) => randomBytes(count) });
    this.shares = dealt.map((share) => encodeShare(ring, share));
  }

  static async make(): Promise<DealtKeys> {
    const keys = await testKeys(SMALL, []);
    const engine = await CkksEngine.create(SMALL, { insecureForTests: true });
    engine.loadKeys({ publicKey: keys.publicKey, relinKeys: keys.relinKeys! });
    return new DealtKeys(keys, engine);
  }

  /** Writes the public keys as enrolment does. */
  write(folder: string): CkksEpoch {
    const { publicKey, relinKeys } = this.#keys;
    const place = path.join(folder, "ckks", "1", "small");
    mkdirSync(place, { recursive: true });
    writeFileSync(path.join(place, "public.key"), publicKey);
    writeFileSync(path.join(place, "relin.key"), relinKeys!);
    const digest = (bytes: Uint8Array): Uint8Array => Uint8Array.from(createHash("sha256").update(bytes).digest());
    const digests = { publicKey: digest(publicKey), relinKeys: digest(relinKeys!) };
    return {
      ...{ epoch: 1, dealing: new Uint8Array(16), created: 0, n: 3, t: 2, insecureForTests: true },
      sets: new Map([["small", { parameters: SMALL, galoisSteps: [], digests }]]),
    };
  }

  /** As the meter makes it. */
  encrypt(
    meter: string,
    window: { readonly series: string; readonly firstSlot: number; readonly epoch?: number },
    values: readonly number[],
    stride = STRIDE,
  ): Uint8Array {
    const numbers = Float64Array.from(values);
    const whole = { ...window, slots: values.length };
    return encryptAs(this.engine, this.publicKey, { meter, window: whole, level: LEVEL, stride, numbers }, randomBytes);
  }
}

/** Three aggregators, of which the first computes in a thread; all four meters have vouched for both series. */
export function keyedBed(context: TestContext, keys: DealtKeys) {
  const folder = temporaryFolder(context);
  const bed = new JobBed(folder);
  const epoch = keys.write(folder);
  const rule: SeriesRule = {
    ...{ kind: 1, set: "small", isEnergy: true, firstSlotOnly: false, width: 1, maxValue: 1000, sumsOnly: true },
    level: () => LEVEL,
  };
  bed.series = new Map([
    ["load", rule],
    ["whole", { ...rule, sumsOnly: false }],
  ]);
  bed.epochs = [epoch];
  bed.meters("f-1", ...NAMES);
  const heldKey = (index: number) => (): Promise<HeldKey> =>
    Promise.resolve({ epoch: bed.epochs.at(-1)!, share: keys.shares[index - 1]!.slice() });
  bed.machineOf = (index) => {
    const bounds = { statisticalBits: 12, openings: 100 };
    if (index === 1) return new WorkerMachine({ data: folder, ...bounds, heldKey: heldKey(1) });
    const machineKeys = new MachineKeys(folder, heldKey(index));
    return new CkksMachine({ ...bounds, keyOf: (number, set) => machineKeys.obtain(number, set), random: randomBytes });
  };
  for (const name of NAMES) {
    for (const [series, stride] of [
      ["load", STRIDE],
      ["whole", 1],
    ] as const) {
      const made = keys.encrypt(name, { series, firstSlot: bed.from }, readings(name), stride);
      bed.ciphertexts.set(`${name} ${series}`, made);
    }
  }
  const aggregators = [1, 2, 3].map((index) => bed.start(index));
  for (const one of aggregators) {
    for (const series of ["load", "whole"]) bed.vouch(one, NAMES, { series });
    bed.endorse(one, "f-1", NAMES);
    context.after(async () => {
      await one.aggregator.close();
      one.stop();
    });
  }
  return { bed, aggregators };
}

/** What analytics does: evaluates, and writes the transcript. */
export function evaluate(
  { engine }: DealtKeys,
  bed: JobBed,
  circuit: string,
  series: string,
): { transcript: Transcript; outputs: RawCiphertext[] } {
  const bound = bindCircuit(circuit, {}, WINDOW);
  const evaluation = bound.circuit.start(engine, bound.parameters, WINDOW);
  for (const name of NAMES) evaluation.fold([unpackCiphertext(engine, bed.ciphertext(name, series), LEVEL)]);
  const outputs = evaluation.finish();
  evaluation.delete();
  const fields = {
    circuit,
    series: [series],
    parametersId: parametersId(SMALL),
    outputs: outputs.map((raw) => describeOutput(engine.ring, raw, STRIDE)),
  };
  return { transcript: bed.transcript(NAMES, fields), outputs };
}

/** What the utility does with analytics' first half and the partials: slots of each output. */
export function combined(
  { engine, publicKey }: DealtKeys,
  transcript: Transcript,
  outputs: readonly RawCiphertext[],
  partials: readonly (Said | undefined)[],
) {
  const { ring } = engine;
  const active = partials.map((said) => (said?.type === "partial" ? said.index : assert.fail(JSON.stringify(said))));
  const seed = randomisationSeed(encodeTranscript(transcript), active);
  return outputs.map(({ polys, level, scale }, index) => {
    const zero = zeroEncryption({ ring, publicKey, level, seed: outputSeed(seed, index) });
    const c0 = randomiseC0(ring, coefficientsAt(ring, polys[0]!, STRIDE), zero, STRIDE);
    const parts = partials.map((said) => (said?.type === "partial" ? unpack(ring, said.outputs[index]!, level) : c0));
    return toSlots(ring, combine({ ring, c0, partials: parts, stride: STRIDE }), scale, STRIDE).real;
  });
}

function unpack(ring: Ring, bytes: Uint8Array, level: number): BigUint64Array {
  const width = SMALL.degree / STRIDE;
  const poly = new BigUint64Array(level * width);
  let at = 0;
  for (let index = 0; index < level; index++) {
    const prime = ring.primes[index]!;
    const size = packedBytes(width, bitsOfPrime(prime));
    poly.set(unpackResidues(bytes.subarray(at, at + size), width, bitsOfPrime(prime), prime), index * width);
    at += size;
  }
  assert.equal(at, bytes.length);
  return poly;
}
