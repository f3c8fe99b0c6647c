/** The evaluator over worker threads, and the book of circuits, for one configuration. */
import path from "node:path";
import { Piscina } from "piscina";
import type { Config } from "../../config/index.ts";
import { openParty, type Party } from "../../config/keys/index.ts";
import { UsageError } from "../../config/runtime/role-command.ts";
import type { CircuitNeeds } from "../../protocol/ckks/circuits/circuit.ts";
import { roomBits, slotError } from "../../protocol/ckks/circuits/noise.ts";
import { decodeTranscript, encodeTranscript, jobIdOf, type Transcript } from "../../protocol/ckks/job.ts";
import { sigmaBitsFor } from "../../protocol/ckks/threshold/flooding.ts";
import { unpackNumbers } from "../../protocol/messages/ckks.ts";
import { IngestError } from "../ingest/codes.ts";
import type { CheckedCiphertext } from "../ingest/ingest.ts";
import type { CircuitBook } from "./circuit-book.ts";
import { CIRCUIT_NAMES, circuitFor } from "./circuits.ts";
import {
  ComputeError,
  type Computed,
  type ComputeRequest,
  type Evaluator,
  type Plan,
  type Watch,
} from "./evaluator.ts";
import { seriesShape, type SeriesShape } from "./series.ts";
import { type CheckAnswer, type CheckTask, CONTROL, type FoldAnswer, type FoldTask, type ThreadData } from "./tasks.ts";

/** Progress is read this often. */
const PROGRESS_MILLISECONDS = 100;
/** Checks that wait for a thread; the ingest bounds their bytes. */
const MAX_QUEUE = 4_096;

/** Starts `workers` threads over a database. Throws UsageError where no keys for ciphertexts were dealt. */
export function createEvaluator(config: Config, database: string, workers: number, party?: Party): Evaluator {
  const { ckks } = party ?? openParty(path.join(config.paths.data, "keys", "analytics"));
  if (ckks === undefined) {
    throw new UsageError("no keys for ciphertexts were dealt: found the system with homomorphic.enabled, or redeal");
  }
  const names = Object.keys(config.homomorphic.series);
  const data: ThreadData = {
    database,
    data: config.paths.data,
    epoch: ckks.current,
    insecureForTests: config.homomorphic.insecureForTests,
    series: Object.fromEntries(names.map((name) => [name, seriesShape(config, name)!])),
  };
  return new ThreadEvaluator(data, workers);
}

class ThreadEvaluator implements Evaluator {
  readonly #data: ThreadData;
  readonly #pool: Piscina;

  constructor(data: ThreadData, workers: number) {
    this.#data = data;
    this.#pool = new Piscina({
      filename: new URL("./compute-thread.mjs", import.meta.url).href,
      execArgv: [],
      // One thread more: a long job must not keep ciphertexts from being checked.
      minThreads: 1,
      maxThreads: workers + 1,
      maxQueue: MAX_QUEUE,
      workerData: data,
    });
  }

  async check(series: string, bytes: Uint8Array): Promise<CheckedCiphertext> {
    const task: CheckTask = { series, bytes };
    const answer = (await this.#pool.run(task, { name: "check" })) as CheckAnswer;
    if (!answer.ok) throw new IngestError(answer.code, answer.message);
    const { firstSlot, slots, stride, parameters } = answer;
    return { series, firstSlot, slots, stride, parameters };
  }

  async compute(request: ComputeRequest, watch: Watch): Promise<Computed> {
    const { circuit, parameters, feeders, series, window, inputs } = request;
    const { perSlot } = this.#data.series[series[0]!] ?? { perSlot: 1 };
    return await this.#evaluate(
      {
        epoch: this.#data.epoch.epoch,
        circuit,
        parameters,
        series,
        firstSlot: window.firstSlot,
        slots: window.slots * perSlot,
        feeders: feeders.toSorted(),
        inputs,
      },
      watch,
    );
  }

  async recompute(transcript: Uint8Array, watch: Watch): Promise<Computed> {
    return await this.#evaluate(decodeTranscript(transcript), watch);
  }

  async #evaluate(of: Omit<Transcript, "parametersId" | "outputs">, { signal, progress }: Watch): Promise<Computed> {
    const control = new SharedArrayBuffer(8);
    const shared = new Int32Array(control);
    const { circuit, parameters, series, firstSlot, slots, inputs } = of;
    const task: FoldTask = { circuit, parameters, series, firstSlot, slots, inputs, control };
    const cancel = (): void => void Atomics.store(shared, CONTROL.cancel, 1);
    signal.addEventListener("abort", cancel, { once: true });
    const ticker = setInterval(
      () => progress(Atomics.load(shared, CONTROL.done), inputs.length),
      PROGRESS_MILLISECONDS,
    );
    const begun = performance.now();
    try {
      const answer = (await this.#pool.run(task, { name: "fold" })) as FoldAnswer;
      signal.throwIfAborted();
      if (!answer.ok) throw new ComputeError(answer.code === "cancelled" ? "failed" : answer.code, answer.message);
      const outputs = answer.outputs.map(({ output }) => output);
      const transcript = encodeTranscript({ ...of, parametersId: answer.parametersId, outputs });
      return {
        job: jobIdOf(transcript),
        transcript,
        outputs: answer.outputs.map(({ bytes }) => bytes),
        milliseconds: performance.now() - begun,
      };
    } finally {
      clearInterval(ticker);
      signal.removeEventListener("abort", cancel);
    }
  }

  async openingHalves(
    transcript: Uint8Array,
    outputs: readonly Uint8Array[],
    active: readonly number[],
  ): Promise<Uint8Array[]> {
    return (await this.#pool.run({ transcript, outputs, active }, { name: "halves" })) as Uint8Array[];
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}

/** The circuits as this configuration has them. */
export function createBook(config: Config): CircuitBook {
  const { statisticalBits, openings } = config.homomorphic;
  const { threshold, slotSeconds } = config.system;
  const daySlots = Math.floor(86_400 / slotSeconds);
  const shapeOf = (series: readonly string[]): SeriesShape => {
    const shape = seriesShape(config, series[0] ?? "");
    if (shape === undefined) throw new RangeError(`series: ${series.join(", ")} is not configured`);
    return shape;
  };
  const expect = (
    job: { circuit: string; parameters: unknown; series: readonly string[]; slots: number },
    meters: number,
  ) => {
    const { level, maxValue, parameters: set, unit, perSlot } = shapeOf(job.series);
    const shape = { slots: job.slots * perSlot, meters, maxValue };
    const { circuit, parameters } = circuitFor(job.circuit, job.parameters, shape.slots);
    const needs = circuit.needs(parameters, shape.slots);
    const noise = circuit.noise(set, level, parameters, shape);
    const slotErrors = noise.map((one) => {
      const sigma = 2 ** sigmaBitsFor(one.sigma ** 2, statisticalBits, openings, 2 * shape.slots);
      return slotError(one, shape.slots, sigma, threshold);
    });
    const room = Math.min(
      ...noise.map((one) => {
        const sigma = 2 ** sigmaBitsFor(one.sigma ** 2, statisticalBits, openings, 2 * shape.slots);
        return roomBits(set, level, one, sigma * Math.sqrt(threshold));
      }),
    );
    const errors = circuit.errors(parameters, shape, slotErrors);
    return { circuit, parameters, shape, needs, room, errorBound: Math.max(...Object.values(errors)), unit };
  };
  const bind = (circuit: string, parameters: unknown) =>
    circuitFor(circuit, parameters, lengthOf(parameters as Record<string, unknown>) ?? daySlots);
  return {
    names: CIRCUIT_NAMES,
    parse: (circuit, parameters) => bind(circuit, parameters).parameters as Record<string, unknown>,
    defaultSeries: (circuit, parameters) => {
      const names = Object.keys(config.homomorphic.series);
      return names.find((name) => {
        const { sumsOnly, perSlot } = shapeOf([name]);
        if (perSlot !== 1) return false;
        return (
          !sumsOnly || !takesMore(bind(circuit, parameters).circuit.needs(parameters, lengthOf(parameters) ?? daySlots))
        );
      });
    },
    plan: (job, inputs): Plan => {
      const { needs, room, errorBound, unit } = expect(job, Math.max(1, inputs));
      const { sumsOnly, set } = shapeOf(job.series);
      const reason =
        sumsOnly && takesMore(needs)
          ? `${job.circuit} needs products or rotations, which ${set} has no keys for; a series of standard would do`
          : needs.series !== job.series.length
            ? `${job.circuit} takes ${needs.series} series, got ${job.series.length}`
            : room < 0
              ? `${job.circuit} over ${inputs} meters lacks ${Math.ceil(-room)} bits below the modulus of ${set}`
              : "";
      const lines: (readonly [string, string])[] = [
        ["parameter set", set],
        ["depth", String(needs.depth)],
        ["room below modulus", `${Math.floor(room)} bits`],
        ["rotations", String(needs.galoisSteps.length)],
      ];
      return { fits: reason === "", reason, unit, errorBound, lines };
    },
    read: (job, outputs) => {
      const meters = job.total / job.series.length;
      const { circuit, parameters, shape, errorBound, unit } = expect(job, meters);
      const opened = circuit.open(parameters, shape, outputs.map(unpackNumbers));
      const values = Object.fromEntries(
        Object.entries(opened).map(([name, value]) => [name, typeof value === "number" ? [value] : [...value]]),
      );
      return { values, unit, errorBound };
    },
    inputMeters: (transcript) => decodeTranscript(transcript).inputs.map(({ meter }) => meter),
  };
}

/** More than additions and public weights: what the light set has no keys for. */
function takesMore({ wholeInputs, relin, galoisSteps }: CircuitNeeds): boolean {
  return wholeInputs || relin || galoisSteps.length > 0;
}

/** Slots of the window as far as a list of public weights tells. */
function lengthOf(parameters: Readonly<Record<string, unknown>>): number | undefined {
  return Object.values(parameters).find((value) => Array.isArray(value))?.length;
}
