/**
 * Circuits that cost nothing: a "ciphertext" is any bytes that name their window, the output is a digest over all
 * inputs. For tests of everything around the mathematics; reads the inputs from the database like the real one.
 */
import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import type { SqlDatabase } from "../../config/runtime/sql.ts";
import { openStore } from "../../config/runtime/store.ts";
import { byteString } from "../../protocol/bytes.ts";
import { decodeCbor, encodeCbor } from "../../protocol/cbor.ts";
import { unpackNumbers } from "../../protocol/messages/ckks.ts";
import type { CircuitBook } from "../homomorphic/circuit-book.ts";
import {
  ComputeError,
  type Computed,
  type ComputeRequest,
  type Evaluator,
  type JobInput,
  type Watch,
} from "../homomorphic/evaluator.ts";
import { IngestError } from "../ingest/codes.ts";
import type { CheckedCiphertext } from "../ingest/ingest.ts";
import { CiphertextStore } from "../store/ciphertext-store.ts";

const ciphertext = z.tuple([z.string(), z.int(), z.int(), byteString]);
const transcript = z.tuple([
  z.string(),
  z.string(),
  z.int(),
  z.int(),
  z.array(z.tuple([z.string(), z.string(), byteString])),
  z.array(byteString),
]);

/** What a test meter "encrypts". */
export function fakeCiphertext(series: string, firstSlot: number, slots: number, filler: Uint8Array): Uint8Array {
  return encodeCbor([series, firstSlot, slots, filler]);
}

export interface FakeTranscript {
  readonly circuit: string;
  readonly firstSlot: number;
  readonly slots: number;
  readonly inputs: readonly (readonly [meter: string, series: string, digest: Uint8Array])[];
  readonly outputs: readonly Uint8Array[];
}

export function readTranscript(bytes: Uint8Array): FakeTranscript {
  const [circuit, , firstSlot, slots, inputs, outputs] = transcript.parse(decodeCbor(bytes));
  return { circuit, firstSlot, slots, inputs, outputs };
}

/** The one output of a fake job: what an aggregator recomputes. */
export function fakeOutput(inputs: readonly Uint8Array[]): Uint8Array {
  const hash = createHash("sha256");
  for (const input of inputs) hash.update(input);
  return hash.digest();
}

export function jobOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** A filler that begins with it names its epoch next; one that begins with 0xff is of unknown parameters. */
export const EPOCH_MARK = 0xfe;

export class FakeEvaluator implements Evaluator {
  readonly #db: SqlDatabase;
  readonly #store: CiphertextStore;
  /** Milliseconds for each input. */
  delay = 0;
  readonly threadBytes = 0;

  constructor(database: string) {
    this.#db = openStore(database, { synchronous: "NORMAL", readonly: true });
    this.#store = new CiphertextStore(this.#db);
  }

  check(_meter: string, series: string, bytes: Uint8Array): Promise<CheckedCiphertext> {
    const parsed = ciphertext.safeParse(decodeCbor(bytes));
    if (!parsed.success) return Promise.reject(new IngestError("malformed", "no ciphertext"));
    const [name, firstSlot, slots, filler] = parsed.data;
    if (filler[0] === 0xff) return Promise.reject(new IngestError("wrong-parameters", "another set", firstSlot));
    const epoch = filler[0] === EPOCH_MARK ? filler[1]! : 1;
    return Promise.resolve({
      series: name,
      firstSlot,
      slots,
      epoch,
      stride: 1,
      parameters: Uint8Array.of(series.length),
    });
  }

  compute(request: ComputeRequest, watch: Watch): Promise<Computed> {
    const { circuit, label, window, inputs } = request;
    return this.#run(circuit, label, window.firstSlot, window.slots, inputs, watch);
  }

  recompute(bytes: Uint8Array, watch: Watch): Promise<Computed> {
    const [circuit, label, firstSlot, slots, inputs] = transcript.parse(decodeCbor(bytes));
    const named = inputs.map(([meter, series, digest]) => ({ meter, series, digest }));
    return this.#run(circuit, label, firstSlot, slots, named, watch);
  }

  async #run(
    circuit: string,
    label: string,
    firstSlot: number,
    slots: number,
    inputs: readonly JobInput[],
    { signal, progress }: Watch,
  ): Promise<Computed> {
    const begun = performance.now();
    const hash = createHash("sha256");
    for (const [i, { meter, series, digest }] of inputs.entries()) {
      if (this.delay > 0) await pause(this.delay);
      signal.throwIfAborted();
      const bytes = this.#store.bytesOf(meter, series, firstSlot);
      if (bytes === undefined) throw new ComputeError("missing-input", `${meter} ${series} is not stored`);
      if (!createHash("sha256").update(bytes).digest().equals(digest)) {
        throw new ComputeError("damaged-input", `${meter} ${series} is not what it was`);
      }
      hash.update(bytes);
      progress(i + 1, inputs.length);
    }
    const outputs = [hash.digest()];
    const named = inputs.map(({ meter, series, digest }) => [meter, series, digest]);
    const bytes = encodeCbor([circuit, label, firstSlot, slots, named, outputs]);
    return { job: jobOf(bytes), transcript: bytes, outputs, milliseconds: performance.now() - begun };
  }

  openingHalves(_: Uint8Array, outputs: readonly Uint8Array[]): Promise<Uint8Array[]> {
    return Promise.resolve(outputs.map((output) => Uint8Array.from(output)));
  }

  renew(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#db.close();
    return Promise.resolve();
  }
}

export const fakeBook: CircuitBook = {
  names: ["sum", "greedy"],
  defaultSeries: () => ["load"],
  parse: (_, parameters) => parameters as Record<string, unknown>,
  plan: ({ circuit }) => ({
    fits: circuit !== "greedy",
    reason: circuit === "greedy" ? "14 levels do not fit light; strong would do" : "",
    errors: [{ name: "sum", unit: "Wh", bound: 0.5 }],
    lines: [["depth", "0"]],
  }),
  read: (_, outputs) => ({
    values: { sum: [...unpackNumbers(outputs[0]!)] },
    units: { sum: "Wh" },
    errorBounds: { sum: 0.5 },
  }),
  inputMeters: (bytes) => readTranscript(bytes).inputs.map(([meter]) => meter),
  outputNames: (bytes) => readTranscript(bytes).outputs.map((output) => Buffer.from(output).toString("hex")),
};
