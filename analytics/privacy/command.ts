/** The commands of `npm run privacy`: flags to figures and a line or two for people. */
import { UsageError } from "../../config/runtime/role-command.ts";
import type { OptionValues } from "../../config/runtime/role.ts";
import { calibrateGaussian, calibrateVariance } from "./calibrate.ts";
import { gaussianPldDelta, gaussianPldEpsilon } from "./pld/accountant.ts";
import { deltaAt, epsilonAt, rdpVector } from "./rdp/accountant.ts";
import type { RdpCurve } from "../../protocol/noise/rdp.ts";
import { discreteGaussianRdp, sampledRdp, skellamRdp } from "./rdp/discrete.ts";
import { gaussianRdp } from "./rdp/gaussian.ts";

/** What each command does. */
export const VERBS: Readonly<Record<string, string>> = {
  epsilon: "epsilon at --delta",
  delta: "delta at --epsilon",
  calibrate: "the least noise that keeps --epsilon at --delta",
};

export interface Answer {
  readonly figures: Readonly<Record<string, unknown>>;
  readonly text: string;
}

interface Question {
  readonly mechanism: "gaussian" | "skellam" | "discrete";
  readonly rate: number;
  readonly rounds: number;
  readonly delta: number;
  readonly number: (flag: string) => number;
  readonly optional: (flag: string) => number | undefined;
}

const MECHANISMS = ["gaussian", "skellam", "discrete"] as const;
const OWN_FLAGS: Readonly<Record<Question["mechanism"], readonly string[]>> = {
  gaussian: ["noise"],
  skellam: ["variance", "l2", "l1", "dimension"],
  discrete: ["variance", "l2"],
};

const NUMBERS = ["rate", "rounds", "delta", "epsilon", ...Object.values(OWN_FLAGS).flat()];

/** Throws UsageError for flags that are missing, out of range, or of another mechanism. */
export function answer(verb: string, options: OptionValues): Answer {
  const question = parse(verb, options);
  try {
    if (verb === "epsilon") return epsilon(question);
    if (verb === "delta") return delta(question);
    return calibrate(question);
  } catch (error) {
    throw error instanceof RangeError ? new UsageError(faultOf(error.message)) : error;
  }
}

/** Accountants name their arguments; those that are flags are named as flags, a grid that gets too large is none. */
function faultOf(message: string): string {
  const name = message.slice(0, message.indexOf(":"));
  if (NUMBERS.includes(name)) return `--${message}`;
  return `cannot be worked out with these flags (${message}); take more noise or a larger budget`;
}

function parse(verb: string, options: OptionValues): Question {
  const optional = (flag: string): number | undefined => {
    const text = options[flag];
    if (text === undefined) return undefined;
    const value = Number(text);
    if (typeof text !== "string" || text.trim() === "" || !Number.isFinite(value)) {
      throw new UsageError(`--${flag}: expected a number, got ${JSON.stringify(text)}`);
    }
    return value;
  };
  const number = (flag: string): number => {
    const value = optional(flag);
    if (value === undefined) throw new UsageError(`${verb}: expected --${flag}`);
    return value;
  };
  const name = options["mechanism"] ?? "gaussian";
  const mechanism = MECHANISMS.find((candidate) => candidate === name);
  if (mechanism === undefined) {
    throw new UsageError(`--mechanism: expected ${MECHANISMS.join(", ")}, got ${JSON.stringify(name)}`);
  }
  const searched = verb === "calibrate" ? ["noise", "variance"] : verb === "epsilon" ? ["epsilon"] : [];
  const stray = Object.values(OWN_FLAGS)
    .flat()
    .concat("epsilon")
    .find((flag) => {
      const fits = flag === "epsilon" || OWN_FLAGS[mechanism].includes(flag);
      return options[flag] !== undefined && (!fits || searched.includes(flag));
    });
  if (stray !== undefined) throw new UsageError(`--${stray}: not for ${verb} with ${mechanism} noise`);
  const rate = optional("rate") ?? 1;
  return { mechanism, rate, rounds: optional("rounds") ?? 1, delta: optional("delta") ?? 1e-5, number, optional };
}

/** Of one round, at a noise multiplier or a variance. */
function curveOf({ mechanism, rate, number, optional }: Question, noise: number): RdpCurve {
  if (mechanism === "gaussian") return (order) => gaussianRdp({ noise, rate }, order);
  if (mechanism === "discrete") return sampledRdp(discreteGaussianRdp(noise, number("l2")), rate);
  const l1 = optional("l1");
  const sensitivity = { l2: number("l2"), dimension: optional("dimension") ?? 1, ...(l1 === undefined ? {} : { l1 }) };
  return sampledRdp(skellamRdp(noise, sensitivity), rate);
}

function noiseOf({ mechanism, number }: Question): number {
  return number(mechanism === "gaussian" ? "noise" : "variance");
}

function epsilon(question: Question): Answer {
  const { mechanism, rate, rounds, delta } = question;
  const noise = noiseOf(question);
  const renyi = epsilonAt(rdpVector(curveOf(question, noise), rounds), delta);
  const pld = mechanism === "gaussian" ? gaussianPldEpsilon({ noise, rate }, rounds, delta) : undefined;
  const figures = {
    mechanism,
    rate,
    rounds,
    delta,
    noise,
    renyi,
    ...(pld === undefined ? {} : { pld: { epsilon: pld } }),
  };
  const lines = [`renyi    epsilon ${up(renyi.epsilon)} at delta ${delta} (order ${renyi.order})`];
  if (pld !== undefined) lines.push(`pld      epsilon ${up(pld)} at delta ${delta}`);
  return { figures, text: lines.join("\n") };
}

function delta(question: Question): Answer {
  const { mechanism, rate, rounds, number } = question;
  const [noise, budget] = [noiseOf(question), number("epsilon")];
  const renyi = deltaAt(rdpVector(curveOf(question, noise), rounds), budget);
  const pld = mechanism === "gaussian" ? gaussianPldDelta({ noise, rate }, rounds, budget) : undefined;
  const figures = {
    mechanism,
    rate,
    rounds,
    epsilon: budget,
    noise,
    renyi,
    ...(pld === undefined ? {} : { pld: { delta: pld } }),
  };
  const lines = [`renyi    delta ${up(renyi.delta)} at epsilon ${budget} (order ${renyi.order})`];
  if (pld !== undefined) lines.push(`pld      delta ${up(pld)} at epsilon ${budget}`);
  return { figures, text: lines.join("\n") };
}

function calibrate(question: Question): Answer {
  const { mechanism, rate, rounds, delta, number } = question;
  const budget = { epsilon: number("epsilon"), delta, rounds };
  if (mechanism === "gaussian") {
    const [renyi, pld] = [calibrateGaussian({ ...budget, rate }), calibrateGaussian({ ...budget, rate }, "pld", 1e-3)];
    const figures = { mechanism, rate, ...budget, renyi: { noise: renyi }, pld: { noise: pld } };
    return { figures, text: `renyi    noise ${up(renyi)}\npld      noise ${up(pld)}` };
  }
  const variance = calibrateVariance((value) => curveOf(question, value), budget);
  const figures = { mechanism, rate, ...budget, renyi: { variance } };
  return {
    figures,
    text: `renyi    variance ${up(variance)} per coordinate (standard deviation ${up(Math.sqrt(variance))})`,
  };
}

/** Six digits, rounded up: neither a cost nor the noise that keeps a budget must be told smaller than it is. */
function up(value: number): string {
  if (!(value > 0 && Number.isFinite(value))) return String(value);
  const digit = 10 ** (Math.floor(Math.log10(value)) - 5);
  return String(Number((Math.ceil(value / digit) * digit).toPrecision(6)));
}
