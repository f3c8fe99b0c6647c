/**
 * Trains announced models on a household's own readings. What takes next to no time is done at once; networks, and whatever
 * an announcement makes long, in a thread of its own that is ended when its time is over. What comes out is plain, and is
 * clipped, rounded and noised before it leaves.
 */
import { randomInt } from "node:crypto";
import { statSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { TYPESCRIPT_THREAD } from "../../../config/runtime/worker-thread.ts";
import {
  type Examples,
  inputsOf,
  joinExamples,
  localUpdate,
  prepare,
  readWeather,
  type TemperatureSeries,
} from "../../../learning/index.ts";
import { KINDS } from "../../../protocol/units.ts";
import { type OwnReadings, type Trainer, TrainingError, type TrainTask } from "./tasks.ts";
import type { TrainAnswer, TrainRequest } from "./train-worker.ts";

export interface HomeTrainerOptions {
  /** Days of history that are trained on. */
  readonly historyDays: number;
  /** Longest training in the thread. */
  readonly seconds: number;
  /** File of the weather that the home has; left out or empty where it has none. */
  readonly weather?: string;
}

/** Rows times epochs of a linear model that take some hundredths of a second. */
const AT_ONCE = 100_000;
const DAY_SECONDS = 86_400;
const CHANCES = 2 ** 32;

/** The weather as it was read, and from which state of its file. */
interface Weather {
  readonly key: string;
  readonly temperature: TemperatureSeries | undefined;
}

interface Remembered {
  /** Examples of readings up to this slot, for this calendar and weather. */
  readonly key: string;
  readonly examples: Examples;
}

export class HomeTrainer implements Trainer {
  readonly #options: HomeTrainerOptions;
  /** By home: until new readings come, each round trains on the same examples. */
  readonly #examples = new WeakMap<OwnReadings, Remembered>();
  /** By home: whether it takes part in the round with this seed. Drawn once, however often that is announced. */
  readonly #drawn = new WeakMap<OwnReadings, { readonly seed: number; readonly isIn: boolean }>();
  #weather: Promise<Weather> | undefined;
  #weatherKey = "";
  #worker: Worker | undefined;
  /** One task at a time: the homes of a process share its thread. */
  #last: Promise<unknown> = Promise.resolve();
  /** Answers the task that is under way. */
  #settle: (answer: TrainAnswer) => void = () => {};
  #closed = false;

  constructor(options: HomeTrainerOptions) {
    this.#options = options;
  }

  /**
   * Throws RangeError for a task of another version or slot length, WeatherError for a file that is none, TrainingError where
   * time ran out or the thread failed.
   */
  async train(task: TrainTask, own: OwnReadings): Promise<Float64Array | undefined> {
    const { kind, rate, rows, slotSeconds, timezone } = inputsOf(task);
    if (slotSeconds !== own.slotSeconds) {
      throw new RangeError(`features: the model has slots of ${slotSeconds} s, this meter of ${own.slotSeconds} s`);
    }
    if (!this.#takesPart(own, task.seed, rate)) return undefined;
    const examples = this.#examplesOf(own, timezone, await this.#weatherAt(slotSeconds));
    if (examples === undefined) return undefined;
    const work = Math.min(rows, examples.count) * task.epochs;
    return kind === "linear" && work <= AT_ONCE
      ? await localUpdate(task, examples)
      : await this.#inThread({ task, examples });
  }

  /** Ends the thread; what it was training fails. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#worker?.terminate();
  }

  #takesPart(own: OwnReadings, seed: number, rate: number): boolean {
    const known = this.#drawn.get(own);
    if (known?.seed === seed) return known.isIn;
    const isIn = randomInt(CHANCES) < rate * CHANCES;
    this.#drawn.set(own, { seed, isIn });
    return isIn;
  }

  /** The homes of a process share the file, which is read again when it has changed. */
  #weatherAt(slotSeconds: number): Promise<Weather> {
    const { weather: file = "" } = this.#options;
    const { mtimeMs = 0, size = 0 } = file === "" ? {} : (statSync(file, { throwIfNoEntry: false }) ?? {});
    const key = `${slotSeconds} ${mtimeMs} ${size}`;
    if (this.#weather === undefined || this.#weatherKey !== key) {
      this.#weatherKey = key;
      const read = file === "" ? Promise.resolve(undefined) : readWeather(file, slotSeconds);
      this.#weather = read.then((temperature) => ({ key, temperature }));
    }
    return this.#weather;
  }

  #examplesOf(own: OwnReadings, timezone: string, weather: Weather): Examples | undefined {
    const to = own.nextSlot(KINDS.import);
    const key = `${to} ${timezone} ${weather.key}`;
    const known = this.#examples.get(own);
    if (known?.key === key) return known.examples;
    const { slotSeconds } = own;
    const from = Math.max(0, to - Math.ceil((this.#options.historyDays * DAY_SECONDS) / slotSeconds));
    if (from >= to) return undefined;
    const readings = own.readings(KINDS.import, { from, to });
    const first = readings.findIndex((value) => value !== undefined);
    if (first < 0) return undefined;
    const energyWh = Float64Array.from(readings.slice(first), (value) => value ?? Number.NaN);
    const series = { id: "own", firstSlot: from + first, energyWh };
    const { rows } = prepare(series, weather.temperature, { slotSeconds, timezone });
    const examples = joinExamples(rows.filter((row): row is Examples => row !== undefined));
    if (examples.count === 0) return undefined;
    this.#examples.set(own, { key, examples });
    return examples;
  }

  async #inThread(request: TrainRequest): Promise<Float64Array | undefined> {
    const before = this.#last;
    const answer = before.then(() => this.#ask(request));
    this.#last = answer.catch(() => undefined);
    const result = await answer;
    if ("failed" in result) throw new TrainingError(`training failed: ${result.failed}`);
    return result.update;
  }

  #ask(request: TrainRequest): Promise<TrainAnswer> {
    if (this.#closed) return Promise.resolve({ failed: "the meter stops" });
    const worker = (this.#worker ??= this.#start());
    const { seconds } = this.#options;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#lost(worker, `it took longer than ${seconds} s`);
        void worker.terminate();
      }, seconds * 1_000);
      this.#settle = (answer) => {
        clearTimeout(timer);
        resolve(answer);
      };
      worker.postMessage(request);
    });
  }

  #start(): Worker {
    const worker = new Worker(new URL("./train-worker.ts", import.meta.url), { execArgv: TYPESCRIPT_THREAD });
    worker.on("message", (answer: TrainAnswer) => this.#settle(answer));
    worker.on("error", (error) => this.#lost(worker, error.message));
    worker.on("exit", (code) => this.#lost(worker, `its thread ended with code ${code}`));
    return worker;
  }

  /** The thread is gone, or is about to be: the next task starts another. */
  #lost(worker: Worker, failed: string): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#settle({ failed });
  }
}
