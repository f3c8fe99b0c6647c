/**
 * One worker thread: an engine for each parameter set it meets, inputs read from the database one meter at a time.
 * Memory is bounded by one meter's ciphertexts and the running sums. It holds public keys only.
 */
import { createHash } from "node:crypto";
import { workerData } from "node:worker_threads";
import { loadCkksMaterial } from "../../config/keys/index.ts";
import { openDatabase } from "../../config/runtime/database.ts";
import { CkksError } from "../../protocol/ckks/errors.ts";
import { decodeTranscript, describeOutput, randomisationSeed } from "../../protocol/ckks/job.ts";
import { packedDigest, unpackCiphertext } from "../../protocol/ckks/packed.ts";
import { packResidues, bitsOfPrime } from "../../protocol/ckks/ring/index.ts";
import { createContext } from "../../protocol/ckks/seal/context.ts";
import { CkksEngine } from "../../protocol/ckks/seal/engine.ts";
import { readCiphertextHeader, readPolys, type RnsPoly } from "../../protocol/ckks/seal/layout.ts";
import { loadSeal } from "../../protocol/ckks/seal/load.ts";
import { coefficientsAt, randomiseC0, zeroEncryption } from "../../protocol/ckks/threshold/index.ts";
import type { CkksPart } from "../../protocol/keys/index.ts";
import { CiphertextStore } from "../store/ciphertext-store.ts";
import { circuitFor } from "./circuits.ts";
import { type SeriesShape, strideFor } from "./series.ts";
import {
  type CheckAnswer,
  type CheckTask,
  CONTROL,
  type FoldAnswer,
  type FoldTask,
  type HalvesTask,
  type ThreadData,
} from "./tasks.ts";

/** piscina puts the surroundings second. */
const THREAD = (Array.isArray(workerData) ? workerData[1] : workerData) as ThreadData;
const engines = new Map<string, Promise<CkksEngine>>();
const publicKeys = new Map<string, Promise<readonly [RnsPoly, RnsPoly]>>();
let store: CiphertextStore | undefined;

function shapeOf(series: string): SeriesShape {
  const shape = Object.hasOwn(THREAD.series, series) ? THREAD.series[series] : undefined;
  if (shape === undefined) throw new CkksError("wrong-parameters", `series ${series} is not configured`);
  return shape;
}

function engineOf({ set, parameters }: SeriesShape): Promise<CkksEngine> {
  let engine = engines.get(set);
  if (engine === undefined) {
    engine = createEngine(set, parameters);
    engines.set(set, engine);
  }
  return engine;
}

async function createEngine(set: string, parameters: SeriesShape["parameters"]): Promise<CkksEngine> {
  const engine = await CkksEngine.create(parameters, { insecureForTests: THREAD.insecureForTests });
  const { digests } = THREAD.epoch.sets.get(set) ?? { digests: undefined };
  const parts = (["relinKeys", "galoisKeys"] as const).filter((part) => digests?.[part] !== undefined);
  if (parts.length > 0) engine.loadKeys(loadCkksMaterial<CkksPart>(THREAD.data, THREAD.epoch, set, parts));
  return engine;
}

/** Parameters, size, level, stride and residues of one meter's ciphertext. */
export async function check({ series, bytes }: CheckTask): Promise<CheckAnswer> {
  try {
    const shape = shapeOf(series);
    const engine = await engineOf(shape);
    const packed = unpackCiphertext(engine, bytes, shape.level);
    const { firstSlot, slots, stride } = packed;
    if (packed.series !== series) throw new CkksError("wrong-window", `it is of series ${packed.series}`);
    // Of two strides in one sum, nothing could be opened: one meter would spoil the group.
    const expected = strideFor(shape, slots / shape.perSlot);
    if (stride !== expected) throw new CkksError("wrong-size", `stride ${stride}, ${series} has ${expected}`);
    return { ok: true, firstSlot, slots: slots / shape.perSlot, stride, parameters: engine.id };
  } catch (error) {
    if (error instanceof CkksError) return { ok: false, code: error.code, message: error.message };
    throw error;
  }
}

/** Evaluates a circuit over stored ciphertexts. */
export async function fold(task: FoldTask): Promise<FoldAnswer> {
  const { circuit: name, parameters, series, firstSlot, slots, inputs, control } = task;
  const shared = new Int32Array(control);
  const shapes = series.map(shapeOf);
  const engine = await engineOf(shapes[0]!);
  const { circuit, parameters: bound } = circuitFor(name, parameters, slots);
  store ??= new CiphertextStore(openDatabase(THREAD.database, { synchronous: "NORMAL", readonly: true }));
  const evaluation = circuit.start(engine, bound, slots);
  try {
    for (let at = 0; at < inputs.length; at += series.length) {
      if (Atomics.load(shared, CONTROL.cancel) !== 0) return { ok: false, code: "cancelled", message: "cancelled" };
      const row = inputs.slice(at, at + series.length).map(({ meter, series: of, digest }, i) => {
        const bytes = store!.bytesOf(meter, of, firstSlot);
        if (bytes === undefined) throw new InputFault("missing-input", `${meter} ${of}: the ciphertext is not stored`);
        if (Buffer.compare(packedDigest(bytes), digest) !== 0) {
          throw new InputFault("damaged-input", `${meter} ${of}: the stored ciphertext has another digest`);
        }
        return unpackCiphertext(engine, bytes, shapes[i]!.level);
      });
      evaluation.fold(row);
      Atomics.store(shared, CONTROL.done, at + series.length);
    }
    const outputs = evaluation.finish().map((raw) => ({ bytes: bytesOf(raw.polys), output: describeOutput(raw) }));
    return { ok: true, parametersId: engine.id, outputs };
  } catch (error) {
    if (error instanceof InputFault) return { ok: false, code: error.code, message: error.message };
    if (error instanceof RangeError || error instanceof CkksError) {
      return { ok: false, code: "failed", message: error.message };
    }
    throw error;
  } finally {
    evaluation.delete();
  }
}

/** First halves of the outputs, randomised for an active set: the coefficients that are opened, bit-packed. */
export async function halves({ transcript: bytes, outputs, active }: HalvesTask): Promise<Uint8Array[]> {
  const transcript = decodeTranscript(bytes);
  const shape = shapeOf(transcript.series[0]!);
  const { ring, degree } = await engineOf(shape);
  const publicKey = await publicKeyOf(shape);
  const stride = degree / (2 * periodOf(transcript.slots));
  const seed = randomisationSeed(bytes, active);
  return transcript.outputs.map(({ level }, i) => {
    const c0 = wordsOf(outputs[i]!).slice(0, level * degree);
    // Each output has its own encryption of zero.
    const zero = zeroEncryption({ ring, publicKey, level, seed: outputSeed(seed, i) });
    const opened = randomiseC0(ring, coefficientsAt(ring, c0, stride), zero, stride);
    return packPolys(opened, level, ring.primes);
  });
}

function periodOf(slots: number): number {
  return 2 ** Math.ceil(Math.log2(slots));
}

/** Independent randomness for every output of a job. */
export function outputSeed(seed: Uint8Array, index: number): Uint8Array {
  return index === 0 ? seed : createHash("sha256").update(seed).update(Uint8Array.of(index)).digest();
}

function publicKeyOf({ set, parameters }: SeriesShape): Promise<readonly [RnsPoly, RnsPoly]> {
  let key = publicKeys.get(set);
  if (key === undefined) {
    key = readPublicKey(set, parameters);
    publicKeys.set(set, key);
  }
  return key;
}

/** The key is stored with a seed in place of its second polynomial; SEAL expands it. */
async function readPublicKey(set: string, parameters: SeriesShape["parameters"]): Promise<readonly [RnsPoly, RnsPoly]> {
  const { publicKey: bytes } = loadCkksMaterial<CkksPart>(THREAD.data, THREAD.epoch, set, ["publicKey"]);
  const seal = await loadSeal();
  const { context, levels } = createContext(seal, parameters, { insecureForTests: THREAD.insecureForTests });
  const key = seal.PublicKey();
  try {
    key.loadArray(context, bytes);
    const saved = key.saveArray(seal.ComprModeType.none);
    const [first, second] = readPolys(saved, readCiphertextHeader(saved));
    return [first!, second!];
  } finally {
    key.delete();
    for (const { parmsId } of levels) parmsId.delete();
    context.delete();
  }
}

function packPolys(poly: RnsPoly, level: number, primes: readonly bigint[]): Uint8Array {
  const width = poly.length / level;
  const parts = Array.from({ length: level }, (_, index) =>
    packResidues(poly.slice(index * width, (index + 1) * width), bitsOfPrime(primes[index]!)),
  );
  return new Uint8Array(Buffer.concat(parts));
}

function bytesOf(polys: readonly RnsPoly[]): Uint8Array {
  return new Uint8Array(
    Buffer.concat(polys.map((poly) => new Uint8Array(poly.buffer, poly.byteOffset, poly.byteLength))),
  );
}

function wordsOf(bytes: Uint8Array): BigUint64Array {
  return new BigUint64Array(Uint8Array.from(bytes).buffer);
}

class InputFault extends Error {
  readonly code: "damaged-input" | "missing-input";

  constructor(code: InputFault["code"], message: string) {
    super(message);
    this.code = code;
  }
}
