/**
 * Says before a job runs whether it fits, what it costs and how wrong it may be; what does not fit is refused with its
 * reason and with the set that would do. All of it follows from public numbers.
 */
import { CkksError } from "../errors.ts";
import { periodOf } from "../packed.ts";
import { dataLevels, PARAMETER_SETS } from "../parameters.ts";
import type { CkksParameters } from "../parameters.ts";
import { timeSteps } from "./evaluate.ts";
import { costOf } from "./planner-costs.ts";
import type { Cost } from "./planner-costs.ts";
import { errorsWith, isAccurate, largestError, leastRoomOf, mostFlooding, sigmasFor } from "./planner-flooding.ts";
import type { Assessment, PlanRequest } from "./planner-flooding.ts";
import { bindCircuit } from "./registry.ts";
import type { BoundCircuit } from "./registry.ts";

export type { AvailableKeys, PlanRequest } from "./planner-flooding.ts";

export type RefusalCode =
  | "unknown-circuit"
  | "wrong-parameters"
  | "wrong-series"
  | "too-few-meters"
  | "too-many-numbers"
  | "too-many-inputs"
  | "cut-inputs"
  | "no-keys"
  | "too-deep"
  | "out-of-range"
  | "no-room"
  | "flooding"
  | "imprecise"
  | "too-much-memory";

export interface JobPlan {
  readonly fits: boolean;
  /** Undefined where it fits. */
  readonly code: RefusalCode | undefined;
  /** Empty where it fits; else what is wrong, and what would do. */
  readonly reason: string;
  /** Name of a set of the installation's defaults that would do, where one would. */
  readonly wouldDo: string | undefined;
  readonly depth: number;
  readonly cost: Cost | undefined;
  /** Bound on the error of every named result, flooding included. */
  readonly errors: Readonly<Record<string, number>>;
  /** Bits of statistical distance that openings keep, when flooding is as strong as the results allow. */
  readonly floodingBits: number | undefined;
}

class Refused extends Error {
  readonly code: RefusalCode;

  constructor(code: RefusalCode, message: string) {
    super(message);
    this.name = "Refused";
    this.code = code;
  }
}

/** Plans a job. Never throws for what a user asked; the plan says what is wrong with it. */
export function planJob(request: PlanRequest): JobPlan {
  const plan = planOn(request);
  if (plan.fits || !OTHER_SET.has(plan.code!)) return plan;
  const other = Object.values(PARAMETER_SETS).find((set) => planOn(onDefault(request, set)).fits);
  if (other !== undefined) {
    return { ...plan, reason: `${plan.reason}; a series of ${other.name} would do`, wouldDo: other.name };
  }
  const fewer = mostMeters(request);
  const advice = fewer === 0 ? "no set would do" : `groups of up to ${fewer} meters would do`;
  return { ...plan, reason: `${plan.reason}; ${advice}` };
}

/** The largest group that fits, 0 when none does. */
function mostMeters(request: PlanRequest): number {
  const fits = (meters: number): boolean => planOn({ ...request, shape: { ...request.shape, meters } }).fits;
  let [low, high] = [request.minMeters, request.shape.meters];
  while (low < high && !fits(low) && request.minMeters * 64 > low) low++; // the rule of k numbers wants a few more
  if (!fits(low)) return 0;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle;
  }
  return low;
}

/** Refusals that another parameter set can help. */
const OTHER_SET: ReadonlySet<RefusalCode> = new Set([
  "cut-inputs",
  "no-keys",
  "too-deep",
  "no-room",
  "flooding",
  "imprecise",
]);

/** The same request on a set as it is dealt by default. */
function onDefault(request: PlanRequest, set: CkksParameters): PlanRequest {
  const keys = {
    relin: set.name !== "light",
    galoisSteps: set.name === "standard" ? timeSteps(request.shape.slots) : [],
  };
  return { ...request, set, level: dataLevels(set), wholeInputs: set.name !== "light", keys };
}

function planOn(request: PlanRequest): JobPlan {
  let depth = 0;
  let cost: Cost | undefined;
  let errors: Readonly<Record<string, number>> = {};
  let floodingBits: number | undefined;
  try {
    const bound = bindRequest(request);
    const { set, shape } = request;
    const level = request.level ?? dataLevels(set);
    const needs = bound.circuit.needs(bound.parameters, shape.slots);
    depth = needs.depth;
    assertAllowed(request, bound);
    const assessed = assess(request, bound, level);
    const thresholds = thresholdsOf(bound);
    const { circuit } = request;
    cost = costOf({ circuit, set, level, shape, needs, thresholds, outputLevels: assessed.levels });
    const wanted = sigmasFor(request, assessed, request.statisticalBits);
    errors = errorsWith(request, assessed, wanted);
    floodingBits = mostFlooding(request, assessed);
    assertFits(request, assessed, wanted, { errors, floodingBits, cost });
    return { fits: true, code: undefined, reason: "", wouldDo: undefined, depth, cost, errors, floodingBits };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    const { code, message: reason } = error;
    return { fits: false, code, reason, wouldDo: undefined, depth, cost, errors, floodingBits };
  }
}

function bindRequest({ circuit, parameters, shape, set }: PlanRequest): BoundCircuit {
  if (periodOf(shape.slots) > set.degree / 2) {
    throw new Refused("no-room", `${shape.slots} numbers do not fit the ${set.degree / 2} slots of ${set.name}`);
  }
  try {
    return bindCircuit(circuit, parameters, shape.slots);
  } catch (cause) {
    if (!(cause instanceof CkksError)) throw cause;
    throw new Refused(cause.code === "unknown-circuit" ? "unknown-circuit" : "wrong-parameters", cause.message);
  }
}

/** What does not depend on noise: series, meters, keys. */
function assertAllowed(request: PlanRequest, { circuit, parameters }: BoundCircuit): void {
  const { shape, minMeters, keys, set, maxInputs = Number.POSITIVE_INFINITY } = request;
  const { series, wholeInputs, relin, galoisSteps } = circuit.needs(parameters, shape.slots);
  const { numbersPerSlot, linear } = circuit.opens(parameters, shape.slots);
  const numbers = numbersPerSlot * (request.perSlot ?? 1);
  const { name } = circuit;
  if (series !== request.series)
    throw new Refused("wrong-series", `${name} takes ${series} series, got ${request.series}`);
  if (shape.meters < minMeters) {
    throw new Refused("too-few-meters", `${shape.meters} meters; groups have at least ${minMeters}`);
  }
  const most = Math.floor(shape.meters / minMeters);
  if (!linear && numbers > most) {
    throw new Refused(
      "too-many-numbers",
      `${name} opens ${numbers} numbers a slot; ${shape.meters} meters allow ${most}, one for ${minMeters} meters`,
    );
  }
  if (shape.meters * series > maxInputs) {
    throw new Refused("too-many-inputs", `${shape.meters * series} ciphertexts; one job takes ${maxInputs}`);
  }
  if (wholeInputs && !request.wholeInputs) {
    throw new Refused(
      "cut-inputs",
      `${name} multiplies ciphertexts, and those of ${set.name} are cut to what sums need`,
    );
  }
  if (relin && !keys.relin) throw new Refused("no-keys", `${name} needs keys for products, which ${set.name} has not`);
  const lacking = galoisSteps.find((step) => !keys.galoisSteps.includes(step));
  if (lacking !== undefined) {
    throw new Refused("no-keys", `${name} needs keys for rotations by ${lacking}, which ${set.name} has not`);
  }
}

function assess({ set, shape }: PlanRequest, bound: BoundCircuit, level: number): Assessment {
  const { circuit, parameters } = bound;
  try {
    const noises = circuit.noise(set, level, parameters, shape);
    return { bound, noises, levels: noises.map((noise) => noise.level ?? level) };
  } catch (cause) {
    if (cause instanceof CkksError) throw new Refused("too-deep", cause.message);
    if (cause instanceof RangeError) throw new Refused("out-of-range", cause.message);
    throw cause;
  }
}

function thresholdsOf({ circuit, parameters }: BoundCircuit): number {
  return circuit.name === "compare" ? (parameters as { levels: readonly number[] }).levels.length : 0;
}

function assertFits(
  request: PlanRequest,
  assessed: Assessment,
  sigmas: readonly number[],
  { errors, floodingBits, cost }: { errors: Readonly<Record<string, number>>; floodingBits: number; cost: Cost },
): void {
  const { circuit, set, shape, statisticalBits, maxMemoryBytes = Number.POSITIVE_INFINITY } = request;
  const what = `${circuit} over ${shape.meters} meters`;
  const bare = assessed.noises.map(() => 0);
  const room = leastRoomOf(request, assessed, bare);
  if (room < 0) throw new Refused("no-room", `${what} lacks ${Math.ceil(-room)} bits below the modulus of ${set.name}`);
  if (!isAccurate(request, errorsWith(request, assessed, bare))) {
    const worst = Math.max(...Object.values(errorsWith(request, assessed, bare)));
    throw new Refused(
      "imprecise",
      `${what} may be wrong by ${worst.toPrecision(2)}; ${largestError(request)} is allowed`,
    );
  }
  if (floodingBits < statisticalBits) {
    const worst = Math.max(...Object.values(errors));
    throw new Refused(
      "flooding",
      `${what} on ${set.name} has room for ${floodingBits.toFixed(1)} bits of flooding, ${statisticalBits} are asked for` +
        (isAccurate(request, errors) ? "" : `: results would be wrong by ${worst.toPrecision(2)}`),
    );
  }
  if (cost.memoryBytes > maxMemoryBytes) {
    throw new Refused(
      "too-much-memory",
      `${what} takes ${Math.ceil(cost.memoryBytes / 2 ** 20)} MiB, ${Math.floor(maxMemoryBytes / 2 ** 20)} are allowed`,
    );
  }
}
