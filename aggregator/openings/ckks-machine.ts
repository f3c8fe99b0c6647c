/**
 * Recomputes jobs and gives this aggregator's part of openings: CKKS in this thread, with this aggregator's key shares.
 * Inputs are folded one meter at a time and dropped. What it computes is what analytics must have computed, to the byte.
 */
import { createHash } from "node:crypto";
import { assertSender } from "../../protocol/ckks/authorship/sender.ts";
import { sigmaBitsFor } from "../../protocol/ckks/threshold/flooding.ts";
import type { Evaluation } from "../../protocol/ckks/circuits/circuit.ts";
import { freshSigma } from "../../protocol/ckks/circuits/noise.ts";
import { type BoundCircuit, bindCircuit } from "../../protocol/ckks/circuits/registry.ts";
import { CkksError } from "../../protocol/ckks/errors.ts";
import { describeOutput, outputSeed, randomisationSeed } from "../../protocol/ckks/job.ts";
import { packedDigest, type PackedWindow, strideOf, unpackCiphertext } from "../../protocol/ckks/packed.ts";
import { dataLevels } from "../../protocol/ckks/parameters.ts";
import { packHalf } from "../../protocol/ckks/half.ts";
import { type RandomBytes, SIGMA_BITS } from "../../protocol/ckks/ring/index.ts";
import type { CkksEngine } from "../../protocol/ckks/seal/engine.ts";
import { decodeShare, type KeyShare, type PublicKeyPolys } from "../../protocol/ckks/threshold/index.ts";
import { randomiseC1, zeroEncryption } from "../../protocol/ckks/threshold/index.ts";
import { partial } from "../../protocol/ckks/threshold/partial.ts";
import { JobError } from "./job-error.ts";
import type { ComputedOutput, Machine, MachineInput, MachineJob, OpenedOutput, OpeningOrder } from "./machine.ts";

/** One parameter set of one epoch, ready to compute with. */
export interface MachineKey {
  readonly engine: CkksEngine;
  readonly publicKey: PublicKeyPolys;
  /** As `encodeShare` wrote it. */
  readonly share: Uint8Array;
}

export interface CkksMachineOptions {
  readonly keyOf: (epoch: number, set: string) => Promise<MachineKey>;
  /** Flooding: all openings of a key together stay within 2^-bits. */
  readonly statisticalBits: number;
  readonly openings: number;
  /** A cryptographic source. */
  readonly random: RandomBytes;
}

/** Digests of 32 bytes that are remembered: a day of a large fleet. */
const MAX_PROVEN = 65_536;

interface Work {
  readonly job: MachineJob;
  readonly key: MachineKey;
  readonly evaluation: Evaluation;
  /** Flooding of each output. */
  readonly sigmaBits: readonly number[];
  /** One meter's ciphertexts, until all its series are here. */
  row: PackedWindow[];
  done: number;
}

export class CkksMachine implements Machine {
  readonly #options: CkksMachineOptions;
  readonly #shares = new Map<string, KeyShare>();
  /** Ciphertexts whose proof was right, by meter and digest, the oldest first: many jobs take the same ones. */
  readonly #proven = new Set<string>();
  #work: Work | undefined;

  constructor(options: CkksMachineOptions) {
    this.#options = options;
  }

  async start(job: MachineJob): Promise<void> {
    await this.abandon();
    const key = await this.#options.keyOf(job.epoch, job.set);
    const { engine } = key;
    try {
      const bound = bindCircuit(job.circuit, job.parameters, job.slots);
      // Before any input is asked for: parameters that do not suit the set, or the meters, are the job's own fault.
      const sigmaBits = this.#floodingOf(job, engine, bound);
      const evaluation = bound.circuit.start(engine, bound.parameters, job.slots);
      this.#work = { job, key, evaluation, sigmaBits, row: [], done: 0 };
    } catch (error) {
      throw malformed("malformed-job", error);
    }
  }

  fold(inputs: readonly MachineInput[]): Promise<void> {
    return attempt(() => {
      const work = this.#begun();
      for (const input of inputs) {
        try {
          this.#foldOne(work, input);
        } catch (error) {
          throw malformed("malformed-input", error, [work.done]);
        }
        work.done++;
      }
    });
  }

  #foldOne(work: Work, { meter, series, digest, bytes }: MachineInput): void {
    const { job, key, evaluation } = work;
    const { engine, publicKey } = key;
    if (Buffer.compare(packedDigest(bytes), digest) !== 0) {
      throw new JobError("wrong-digest", "the ciphertext is not the one that its meter vouched for", [work.done]);
    }
    const place = work.row.length;
    const packed = unpackCiphertext(engine, bytes, job.levels[place]!);
    if (packed.series !== series || packed.firstSlot !== job.firstSlot || packed.slots !== job.slots) {
      const { series: name, firstSlot, slots } = packed;
      throw new CkksError("wrong-window", `it is of ${name}, ${slots} numbers from slot ${firstSlot} on`);
    }
    if (packed.epoch !== job.epoch) {
      throw new CkksError("wrong-parameters", `it is of key epoch ${packed.epoch}, the job of ${job.epoch}`);
    }
    // Of two strides in one sum nothing could be opened: one meter would spoil the group.
    const stride = job.sumsOnly[place] === true ? strideOf(job.slots, engine.degree) : 1;
    if (packed.stride !== stride) throw new CkksError("wrong-size", `expected stride ${stride}, got ${packed.stride}`);
    const name = `${meter} ${Buffer.from(digest).toString("base64")}`;
    if (!this.#proven.has(name)) {
      // A copy of a neighbour's would show the neighbour's readings in the difference of sum and load.
      assertSender(engine, publicKey[1], packed, meter);
      this.#proven.add(name);
      if (this.#proven.size > MAX_PROVEN) this.#proven.delete(this.#proven.values().next().value!);
    }
    work.row.push(packed);
    if (work.row.length < job.series.length) return;
    evaluation.fold(work.row);
    work.row = [];
  }

  finish(): Promise<ComputedOutput[]> {
    return attempt(() => {
      const { job, key, evaluation, sigmaBits } = this.#begun();
      const { engine } = key;
      const { slots, outputs } = job;
      const raws = evaluation.finish();
      const stride = strideOf(slots, engine.degree);
      const computed = raws.map((raw) => describeOutput(engine.ring, raw, stride));
      const differs = computed.findIndex((one, i) => {
        const wanted = outputs[i];
        return (
          wanted === undefined ||
          Buffer.compare(one.digest, wanted.digest) !== 0 ||
          Buffer.compare(one.c1Digest, wanted.c1Digest) !== 0 ||
          Buffer.compare(one.c0Digest, wanted.c0Digest) !== 0 ||
          one.level !== wanted.level ||
          one.scale !== wanted.scale
        );
      });
      if (differs >= 0 || computed.length !== outputs.length) {
        const which = differs >= 0 ? `output ${differs} is not` : `${outputs.length} outputs are not`;
        throw new JobError("other-output", `${which} what ${job.circuit} gives of these inputs`);
      }
      const result = raws.map(({ polys, level }, i): ComputedOutput => {
        const c1 = polys[1]!;
        return {
          level,
          sigmaBits: sigmaBits[i]!,
          c1Digest: computed[i]!.c1Digest,
          c1: new Uint8Array(c1.buffer, c1.byteOffset, c1.byteLength).slice(),
        };
      });
      this.#drop();
      return result;
    });
  }

  /** Throws JobError, or what the circuit throws for parameters that do not suit the set or the meters. */
  #floodingOf(job: MachineJob, { parameters, degree }: CkksEngine, { circuit, parameters: bound }: BoundCircuit) {
    const { slots, meters, maxValue, levels } = job;
    const noises = circuit.noise(parameters, levels[0]!, bound, { slots, meters, maxValue });
    return noises.map(({ sigma, level = levels[0]! }, i) => {
      // The encryption of zero that is added before opening is a fresh one more.
      const variance = sigma ** 2 + freshSigma(parameters, level) ** 2;
      const { statisticalBits, openings } = this.#options;
      const bits = sigmaBitsFor(variance, statisticalBits, openings, degree / strideOf(slots, degree));
      if (bits <= SIGMA_BITS.most) return Math.max(SIGMA_BITS.least, bits);
      throw new JobError("malformed-job", `output ${i} would need ${bits} bits of flooding`);
    });
  }

  abandon(): Promise<void> {
    return attempt(() => this.#drop());
  }

  #drop(): void {
    this.#work?.evaluation.delete();
    this.#work = undefined;
  }

  #begun(): Work {
    if (this.#work === undefined) throw new RangeError("job: expected one to be begun");
    return this.#work;
  }

  async open({ epoch, set, slots, active, transcript, outputs }: OpeningOrder): Promise<OpenedOutput[]> {
    const { engine, publicKey, share: bytes } = await this.#options.keyOf(epoch, set);
    const { ring, degree } = engine;
    const share = this.#shareOf(`${epoch}/${set}`, engine, bytes);
    const stride = strideOf(slots, degree);
    const seed = randomisationSeed(transcript, active);
    return outputs.map(({ level, sigmaBits, c1: words }, index) => {
      const zero = zeroEncryption({ ring, publicKey, level, seed: outputSeed(seed, index) });
      const c1 = randomiseC1(ring, new BigUint64Array(Uint8Array.from(words).buffer), zero);
      const digest = createHash("sha256").update(c1).digest();
      const part = partial({ ring, c1, share, active, stride, flooding: { sigmaBits }, random: this.#options.random });
      return { c1: Uint8Array.from(digest), partial: packHalf(ring, part, level) };
    });
  }

  #shareOf(key: string, engine: CkksEngine, bytes: Uint8Array): KeyShare {
    let share = this.#shares.get(key);
    if (share === undefined) {
      share = decodeShare(engine.ring, bytes, dataLevels(engine.parameters));
      bytes.fill(0);
      this.#shares.set(key, share);
    }
    return share;
  }

  close(): Promise<void> {
    return attempt(() => {
      this.#drop();
      for (const { poly } of this.#shares.values()) poly.fill(0n);
      this.#shares.clear();
    });
  }
}

function malformed(code: "malformed-job" | "malformed-input", error: unknown, where: readonly number[] = []): unknown {
  if (error instanceof CkksError && error.code === "not-its-own") return new JobError(error.code, error.message, where);
  if (error instanceof CkksError || error instanceof RangeError) return new JobError(code, error.message, where);
  return error;
}

/** Synchronous work whose failure is a rejection. */
function attempt<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => resolve(work()));
}
