/** The circuits as one configuration has them: what fits which series, what it costs, what opened numbers mean. */
import { ckksPlan } from "../../config/enrolment/ckks-plan.ts";
import { type SeriesShape, seriesShape } from "../../config/ckks-series.ts";
import type { Config } from "../../config/index.ts";
import { parametersOf } from "../../config/schema-ckks.ts";
import {
  circuitNames,
  type JobPlan,
  type JobShape,
  planJob,
  type PlanRequest,
} from "../../protocol/ckks/circuits/index.ts";
import { resultUnit, type SeriesUnit } from "../../protocol/ckks/circuits/units.ts";
import { decodeTranscript } from "../../protocol/ckks/job.ts";
import type { CkksParameters } from "../../protocol/ckks/parameters.ts";
import type { CkksManifest } from "../../protocol/keys/index.ts";
import { unpackNumbers } from "../../protocol/messages/ckks.ts";
import type { CircuitBook, OpenedJob, PlannedJob, Reading } from "./circuit-book.ts";
import { circuitFor } from "./circuits.ts";
import type { Plan } from "./evaluator.ts";

const MIB = 2 ** 20;
const DAY_SECONDS = 86_400;

/** What was dealt for ciphertexts, as it is now: a CkksWatch, or a manifest that stays. */
interface Dealings {
  readonly manifest?: CkksManifest | undefined;
}

interface Dealt {
  readonly set: CkksParameters;
  readonly keys: { readonly relin: boolean; readonly galoisSteps: readonly number[] };
}

type Limits = Required<Pick<PlanRequest, "minMeters" | "maxInputs" | "maxMemoryBytes">>;
const NO_LIMITS: Limits = {
  minMeters: 1,
  maxInputs: Number.POSITIVE_INFINITY,
  maxMemoryBytes: Number.POSITIVE_INFINITY,
};

/** Without a manifest, the keys are taken to be those that the configuration asks for. `dealt` is asked each time. */
export function createBook(config: Config, dealt: Dealings = {}): CircuitBook {
  return new Book(config, dealt);
}

class Book implements CircuitBook {
  readonly names = circuitNames();
  readonly #config: Config;
  readonly #dealings: Dealings;
  /** Slots of an ordinary day, for what is asked before a window is named. */
  readonly #daySlots: number;

  constructor(config: Config, dealings: Dealings) {
    this.#config = config;
    this.#dealings = dealings;
    this.#daySlots = Math.floor(DAY_SECONDS / config.system.slotSeconds);
  }

  parse(circuit: string, parameters: unknown): Readonly<Record<string, unknown>> {
    return this.#bind(circuit, parameters).parameters as Record<string, unknown>;
  }

  #bind(circuit: string, parameters: unknown) {
    const given = parameters as Readonly<Record<string, unknown>>;
    const edges = Array.isArray(given["edges"]) ? given["edges"].length : 1;
    // Weights have one for each slot, whatever the day's length is.
    const list = Object.entries(given).find(
      ([name, value]) => name !== "levels" && name !== "quantiles" && Array.isArray(value),
    );
    const length = list === undefined || edges > 1 ? this.#daySlots * edges : (list[1] as unknown[]).length;
    return circuitFor(circuit, parameters, length);
  }

  defaultSeries(name: string, parameters: Readonly<Record<string, unknown>>): readonly string[] | undefined {
    const { circuit, parameters: bound } = this.#bind(name, parameters);
    const moments = name === MOMENTS_CIRCUIT;
    const width = name === "buckets" ? (parameters["edges"] as number[]).length : moments ? 2 : 1;
    const { series: wanted, wholeInputs, relin, galoisSteps } = circuit.needs(bound, this.#daySlots * width);
    const needsKeys = wholeInputs || relin || galoisSteps.length > 0;
    const shapes = Object.keys(this.#config.homomorphic.series)
      .map((series) => this.#shape(series))
      .filter((shape) => shape.numbers(1) === width && !(needsKeys && shape.sumsOnly))
      .filter(({ content }) => (content === "moments") === moments)
      // Comparisons take long products: a set with fewer primes would be refused.
      .filter(({ set }) => circuit.needs(bound, this.#daySlots * width).depth <= 1 || set === "strong");
    const [first] = shapes;
    if (first === undefined) return undefined;
    const fitting = shapes.filter(({ set }) => set === first.set).map((shape) => shape.name);
    return fitting.length < wanted ? undefined : fitting.slice(0, wanted);
  }

  plan(job: PlannedJob, meters: number, epoch?: number): Plan {
    const shapes = job.series.map((name) => this.#shape(name));
    const { set } = shapes[0]!;
    const dealt = this.#dealt(set, epoch);
    const plan = this.#planned(job, shapes, shapeOfJob(shapes, job.slots, meters), dealt);
    const reason = plan.fits ? this.#otherFault(job, shapes, meters) : `${plan.reason}${this.#here(plan, shapes)}`;
    const { cost, depth, floodingBits } = plan;
    const lines: (readonly [string, string])[] = [
      ["parameter set", set],
      ["products in a row", String(depth)],
      ...(floodingBits === undefined || !Number.isFinite(floodingBits)
        ? []
        : [["room for flooding", `${floodingBits} bits`] as const]),
      ...(cost === undefined
        ? []
        : [
            ["compute", `${cost.seconds.toPrecision(2)} s on one core, here and at each aggregator`] as const,
            ["inputs", size(cost.inputBytes)] as const,
            ["memory", size(cost.memoryBytes)] as const,
          ]),
    ];
    const unit = unitOfSeries(shapes[0]!);
    const errors = Object.entries(plan.errors).map(([name, bound]) => {
      return { name, unit: resultUnit(job.circuit, name, unit), bound };
    });
    return { fits: reason === "", reason, errors, lines };
  }

  read(job: OpenedJob, outputs: readonly Uint8Array[], metersBySlot: readonly number[]): Reading {
    const shapes = job.series.map((name) => this.#shape(name));
    const [first] = shapes;
    const meters = job.total / job.series.length;
    const epoch = job.transcript === undefined ? undefined : decodeTranscript(job.transcript).epoch;
    if (metersBySlot.length !== job.slots || metersBySlot.some((count) => count > meters)) {
      throw new RangeError(`meters: expected at most ${meters} for each of ${job.slots} slots`);
    }
    const shape = { ...shapeOfJob(shapes, job.slots, meters), counts: metersBySlot };
    const { circuit, parameters } = circuitFor(job.circuit, job.parameters, shape.slots);
    const opened = Object.entries(circuit.open(parameters, shape, outputs.map(unpackNumbers)));
    const unit = unitOfSeries(first!);
    return {
      values: Object.fromEntries(
        opened.map(([name, value]) => [name, typeof value === "number" ? [value] : [...value]]),
      ),
      units: Object.fromEntries(opened.map(([name]) => [name, resultUnit(job.circuit, name, unit)])),
      // It was opened: limits on what may be asked no longer matter.
      errorBounds: this.#planned(job, shapes, shape, this.#dealt(first!.set, epoch), NO_LIMITS).errors,
    };
  }

  inputMeters(transcript: Uint8Array): readonly string[] {
    return decodeTranscript(transcript).inputs.map(({ meter }) => meter);
  }

  outputNames(transcript: Uint8Array): readonly string[] {
    const { outputs } = decodeTranscript(transcript);
    return outputs.map(({ c1Digest, level }) => `${Buffer.from(c1Digest).toString("hex")} ${level}`);
  }

  #shape(name: string): SeriesShape {
    return seriesShape(this.#config.homomorphic, name);
  }

  /** A set as it was dealt in an epoch, the current one unless given. */
  #dealt(name: SeriesShape["set"], epoch: number | undefined): Dealt {
    const { manifest } = this.#dealings;
    const dealing = epoch === undefined ? manifest?.current : manifest?.epochs.find((one) => one.epoch === epoch);
    const set = dealing?.sets.get(name);
    if (set !== undefined) {
      const { parameters, digests, galoisSteps } = set;
      return { set: parameters, keys: { relin: digests.relinKeys !== undefined, galoisSteps } };
    }
    const planned = ckksPlan({ ...this.#config, homomorphic: { ...this.#config.homomorphic, enabled: true } })?.sets;
    const keys = planned?.find(({ parameters }) => parameters.name === name) ?? { relin: false, galoisSteps: [] };
    return { set: parametersOf(this.#config.homomorphic, name), keys };
  }

  #limits(): Limits {
    const { analytics, release } = this.#config;
    const { maxInputs, maxMemoryMiB } = analytics;
    return { minMeters: release.minMeters, maxInputs, maxMemoryBytes: maxMemoryMiB * MIB };
  }

  #planned(
    job: PlannedJob,
    shapes: readonly SeriesShape[],
    shape: JobShape,
    { set, keys }: Dealt,
    limits = this.#limits(),
  ): JobPlan {
    const { homomorphic, system } = this.#config;
    const first = shapes[0]!;
    return planJob({
      ...{ circuit: job.circuit, parameters: job.parameters, series: shapes.length, set, keys },
      ...{ level: first.level(set), wholeInputs: !first.sumsOnly, shape },
      ...{ threshold: system.threshold, ...limits },
      ...{ statisticalBits: homomorphic.statisticalBits, openings: homomorphic.openings },
    });
  }

  /** ` (here: load-products)`: configured series of the set that would do. */
  #here({ wouldDo }: JobPlan, [first]: readonly SeriesShape[]): string {
    const names = Object.keys(this.#config.homomorphic.series)
      .map((name) => this.#shape(name))
      .filter(({ set, content }) => set === wouldDo && content === first!.content)
      .map(({ name }) => name);
    return names.length === 0 ? "" : ` (here: ${names.join(", ")})`;
  }

  /** What the planner of circuits does not know: how series are made, and that a slot may have several numbers. */
  #otherFault({ circuit }: PlannedJob, shapes: readonly SeriesShape[], meters: number): string {
    const [first] = shapes;
    const { minMeters } = this.#config.release;
    const other = shapes.find(({ set }) => set !== first!.set);
    if (other !== undefined) {
      return `${first!.name} is under the set ${first!.set}, ${other.name} under ${other.set}: series of one job have one set`;
    }
    const width = first!.numbers(1);
    if (shapes.some((shape) => shape.numbers(1) !== width)) return "the series have different numbers for each slot";
    const moments = shapes.find(({ content }) => content === "moments");
    if ((circuit === MOMENTS_CIRCUIT) !== (moments !== undefined)) {
      return moments === undefined
        ? `${circuit} reads energies and squares side by side, and ${first!.name} holds ${first!.content}; a series of content moments would do`
        : `${moments.name} holds energies and squares side by side, which ${circuit} cannot tell apart; ${MOMENTS_CIRCUIT} can`;
    }
    const most = Math.floor(meters / minMeters);
    if (moments === undefined && width > most) {
      return `${circuit} opens the ${width} buckets of each slot; ${meters} meters allow ${most} numbers, one for ${minMeters} meters`;
    }
    if (circuit === "buckets" && first!.content !== "buckets") {
      return `buckets reads one-hot series, and ${first!.name} holds ${first!.content}; a series of content buckets would do`;
    }
    return "";
  }
}

/** The circuit for series of content `moments`. */
const MOMENTS_CIRCUIT = "variance-of-squares";

function shapeOfJob(shapes: readonly SeriesShape[], windowSlots: number, meters: number) {
  const maxValue = Math.max(...shapes.map(({ largest }) => largest));
  return { slots: shapes[0]!.numbers(windowSlots), meters, maxValue };
}

function unitOfSeries({ content }: SeriesShape): SeriesUnit {
  if (content === "buckets") return "meters";
  return content === "squares" ? "Wh2" : "Wh";
}

function size(bytes: number): string {
  return bytes < MIB ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / MIB).toFixed(1)} MiB`;
}
