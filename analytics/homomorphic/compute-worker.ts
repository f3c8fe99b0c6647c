/**
 * One worker thread: inputs are read from the database one meter at a time, so that memory is bounded by one meter's
 * ciphertexts, the running sums and the keys. It holds public keys only.
 */
import { threadId, workerData } from "node:worker_threads";
import { seriesShape, type SeriesShape } from "../../config/ckks-series.ts";
import { KeyFolderError } from "../../config/keys/index.ts";
import { openStore } from "../../config/runtime/store.ts";
import { assertSender } from "../../protocol/ckks/authorship/sender.ts";
import { CkksError } from "../../protocol/ckks/errors.ts";
import { packHalf } from "../../protocol/ckks/half.ts";
import { decodeTranscript, describeOutput } from "../../protocol/ckks/job.ts";
import { packedDigest, packedKeys, strideOf, unpackCiphertext } from "../../protocol/ckks/packed.ts";
import type { RnsPoly } from "../../protocol/ckks/seal/layout.ts";
import { coefficientsAt } from "../../protocol/ckks/threshold/index.ts";
import { CiphertextStore } from "../store/ciphertext-store.ts";
import { circuitFor } from "./circuits.ts";
import {
  type CheckAnswer,
  type CheckTask,
  CONTROL,
  type FoldAnswer,
  type FoldTask,
  type HalvesTask,
  type Reported,
  type ThreadData,
} from "./tasks.ts";
import { ThreadKeys } from "./thread-keys.ts";

/** piscina puts the surroundings second. */
const THREAD = (Array.isArray(workerData) ? workerData[1] : workerData) as ThreadData;
const keys = new ThreadKeys(THREAD.data, THREAD.epochs);
const NEWEST = Math.max(...THREAD.epochs.map(({ epoch }) => epoch));
let store: CiphertextStore | undefined;

function shapeOf(series: string): SeriesShape {
  try {
    return seriesShape(THREAD.homomorphic, series);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new CkksError("wrong-parameters", cause.message, { cause });
  }
}

async function reported<T>(work: Promise<T>): Promise<Reported<T>> {
  const answer = await work;
  const { heapUsed, external } = process.memoryUsage();
  return { thread: threadId, bytes: heapUsed + external, answer };
}

/** Epoch, parameters, size, level, stride and residues of one meter's ciphertext, and that the meter made it. */
export function check(task: CheckTask): Promise<Reported<CheckAnswer>> {
  return reported(checkOne(task));
}

async function checkOne({ meter, series, bytes }: CheckTask): Promise<CheckAnswer> {
  let firstSlot: number | undefined;
  try {
    const header = packedKeys(bytes);
    firstSlot = header.firstSlot;
    // Meters may have the new keys before this process does: it is sent again.
    if (header.epoch > NEWEST)
      return refusal("unknown-epoch", `epoch ${header.epoch}, known up to ${NEWEST}`, firstSlot);
    const shape = shapeOf(series);
    const { at, a } = await keys.checking(header.epoch, shape.set);
    const packed = unpackCiphertext(at, bytes, shape.level(at.parameters));
    const { series: named, slots, stride, epoch } = packed;
    if (named !== series) throw new CkksError("wrong-window", `it is of series ${named}`);
    const perSlot = shape.numbers(1);
    if (slots % perSlot !== 0) throw new CkksError("wrong-window", `${slots} numbers are no window of ${series}`);
    // Of two strides in one sum, nothing could be opened: one meter would spoil the group.
    const expected = shape.sumsOnly ? strideOf(slots, at.parameters.degree) : 1;
    if (stride !== expected) throw new CkksError("wrong-size", `stride ${stride}, ${series} has ${expected}`);
    // Aggregators would refuse every job with it.
    assertSender(at, a, packed, meter);
    return { ok: true, epoch, firstSlot, slots: slots / perSlot, stride, parameters: at.id };
  } catch (error) {
    if (error instanceof CkksError) return refusal(error.code, error.message, firstSlot);
    // Public keys of a redealing that were not copied here yet: it is sent again.
    if (error instanceof KeyFolderError) return refusal("busy", error.message, firstSlot);
    throw error;
  }
}

function refusal(code: string, message: string, firstSlot: number | undefined): CheckAnswer {
  return { ok: false, code, message, firstSlot };
}

/** Evaluates a circuit over stored ciphertexts. */
export function fold(task: FoldTask): Promise<Reported<FoldAnswer>> {
  return reported(foldAll(task));
}

async function foldAll(task: FoldTask): Promise<FoldAnswer> {
  const { epoch, circuit: name, parameters, series, firstSlot, slots, inputs, control } = task;
  const shared = new Int32Array(control);
  try {
    const shapes = series.map(shapeOf);
    const { set } = shapes[0]!;
    const other = shapes.find((shape) => shape.set !== set);
    if (other !== undefined) throw new RangeError(`series: ${other.name} is under ${other.set}, not ${set}`);
    const { circuit, parameters: bound } = circuitFor(name, parameters, slots);
    const engine = await keys.engine(epoch, set);
    store ??= new CiphertextStore(openStore(THREAD.database, { synchronous: "NORMAL", readonly: true }));
    const evaluation = circuit.start(engine, bound, slots);
    try {
      for (let at = 0; at < inputs.length; at += series.length) {
        if (Atomics.load(shared, CONTROL.cancel) !== 0) return { ok: false, code: "cancelled", message: "cancelled" };
        const row = inputs.slice(at, at + series.length).map(({ meter, series: of, digest }, i) => {
          const bytes = store!.bytesOf(meter, of, firstSlot);
          if (bytes === undefined)
            throw new InputFault("missing-input", `${meter} ${of}: the ciphertext is not stored`);
          if (Buffer.compare(packedDigest(bytes), digest) !== 0) {
            throw new InputFault("damaged-input", `${meter} ${of}: the stored ciphertext has another digest`);
          }
          const packed = unpackCiphertext(engine, bytes, shapes[i]!.level(engine.parameters));
          if (packed.epoch === epoch) return packed;
          throw new InputFault("damaged-input", `${meter} ${of}: it is of epoch ${packed.epoch}, not ${epoch}`);
        });
        evaluation.fold(row);
        Atomics.store(shared, CONTROL.done, at + series.length);
      }
      const outputs = evaluation.finish().map((raw) => ({
        bytes: bytesOf(raw.polys),
        output: describeOutput(engine.ring, raw, strideOf(slots, engine.degree)),
      }));
      return { ok: true, parametersId: engine.id, outputs };
    } finally {
      evaluation.delete();
    }
  } catch (error) {
    if (error instanceof InputFault) return { ok: false, code: error.code, message: error.message };
    if (error instanceof RangeError || error instanceof CkksError || error instanceof KeyFolderError) {
      return { ok: false, code: "failed", message: error.message };
    }
    throw error;
  }
}

/** First halves of the outputs: the coefficients that are opened, bit-packed. The utility randomises them. */
export function halves(task: HalvesTask): Promise<Reported<Uint8Array[]>> {
  return reported(halvesOf(task));
}

async function halvesOf({ transcript: bytes, outputs }: HalvesTask): Promise<Uint8Array[]> {
  const transcript = decodeTranscript(bytes);
  const { set } = shapeOf(transcript.series[0]!);
  const { ring } = (await keys.checking(transcript.epoch, set)).at;
  const stride = strideOf(transcript.slots, ring.degree);
  return transcript.outputs.map(({ level }, i) => {
    const c0 = wordsOf(outputs[i]!).slice(0, level * ring.degree);
    return packHalf(ring, coefficientsAt(ring, c0, stride), level);
  });
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
