/**
 * A noised load or histogram as people read it (`wv/1/pub/release/<name>`): the opened sum in its own unit, and how wrong its
 * noise makes it. Nothing is done to the numbers but the division by the scale: they may be negative, and are left so.
 */
import { z } from "zod";
import { roundId } from "../names.ts";
import { NOISED } from "../privacy-labels.ts";
import { KINDS } from "../units.ts";
import type { RoundContent, RoundTask } from "./content.ts";
import { costOf, epsilonOfAll } from "./cost.ts";
import { homeVariance } from "./shape.ts";

/** Epsilon of what is published is told at this delta. */
const PUBLIC_DELTA = 1e-5;
const MOST_EPSILON = 1e6;

/** Tasks whose sum is for people, and not for a model. */
export type ReleaseTask = Exclude<RoundTask, { type: "train" }>;

const head = {
  v: z.literal(1),
  /** What analytics calls it: its campaign, and the number in it. */
  name: roundId,
  step: z.int().min(0),
  round: z.string().regex(/^[0-9a-f]{32}$/, "the id of a learning round is 32 hex digits"),
  type: z.enum(["load", "histogram"]),
  kind: z.enum(["import", "export"]),
  /** What is counted or added up, [from, to) in Unix seconds. */
  from: z.int().min(0),
  to: z.int().min(0),
  settledAt: z.int().min(0),
};

const precision = {
  /** Of `values`: Wh of all homes, or in how many slots or days of homes the energy lay in a bucket. */
  unit: z.enum(["Wh", "slots", "days"]),
  /** Standard deviation of the noise of each value, in `unit`: of the homes in the sum; and at least, by which epsilon is told. */
  noiseSd: z.number().positive(),
  leastNoiseSd: z.number().positive(),
  /** Rounding to integers adds at most so much, as a standard deviation. */
  roundingSd: z.number().min(0),
  /** A home's values were made smaller, all alike, where their Euclidean norm was beyond this. */
  clip: z.number().positive(),
  mechanism: z.enum(["skellam", "discrete-gaussian"]),
  epsilon: z.number().min(0),
  delta: z.number().positive(),
  /** Fewest homes of a set, and of those whose noise is not counted. */
  minMeters: z.int().min(2),
  colluders: z.int().min(0),
};

const opened = z.strictObject({
  ...head,
  ...precision,
  status: z.literal("final"),
  /** Homes in the sum. */
  meters: z.int().min(1),
  slotSeconds: z.int().min(1),
  /** Of a histogram: value i counts what is from edge i - 1 to below edge i, in Wh; the first and the last are open. */
  edgesWh: z.array(z.int()).optional(),
  /** For each slot in order, or for each bucket. May be negative. */
  values: z.array(z.number()),
  privacy: z.literal(NOISED),
  setId: z.string().regex(/^[0-9a-f]{64}$/, "a set id is 64 hex digits"),
  spareAnswers: z.int().min(0),
});

const unopened = z.strictObject({
  ...head,
  /** A code of why: `too-few-meters` where too few homes took part. */
  status: z.string().regex(/^(?!final$)[a-z][a-z0-9-]{0,63}$/, "a code"),
  reason: z.string().max(1_000),
});

export const noisedRelease = z.union([opened, unopened]);
export type NoisedRelease = z.infer<typeof noisedRelease>;
export type OpenedRelease = z.infer<typeof opened>;
type Head = Omit<z.infer<typeof unopened>, "status" | "reason" | "settledAt">;
export type Precision = Pick<OpenedRelease, keyof typeof precision>;

export type ReleaseContent = Pick<
  RoundContent,
  "campaign" | "step" | "vector" | "noise" | "minMeters" | "maxMeters" | "bound"
> & { readonly task: ReleaseTask };

/** What a release is of. `round` is the id of its round. */
export function releaseHead(content: ReleaseContent, round: string, slotSeconds: number): Head {
  const { campaign: name, step, task } = content;
  const kind = task.kind === KINDS.import ? "import" : "export";
  const [from, to] = [task.slots.from * slotSeconds, task.slots.to * slotSeconds];
  return { v: 1, name, step, round, type: task.type, kind, from, to };
}

/** How wrong a sum over `homes` homes is, and what it costs each. Throws RangeError for one without noise. */
export function precisionOf(content: Omit<ReleaseContent, "campaign" | "step">, homes: number): Precision {
  const { task, vector, noise, minMeters } = content;
  const cost = costOf(content);
  const { mechanism, colluders } = noise;
  if (cost.rdp === undefined || mechanism === "none") throw new RangeError("noise: a release has some");
  // JSON has no infinity; beyond this an epsilon says nothing.
  const epsilon = Math.min(MOST_EPSILON, epsilonOfAll([cost], PUBLIC_DELTA));
  return {
    unit: task.type === "load" ? "Wh" : task.of === "slot-energy" ? "slots" : "days",
    noiseSd: Math.sqrt(homes * homeVariance(content)) / vector.scale,
    leastNoiseSd: Math.sqrt(noise.variance) / vector.scale,
    // Rounding by chance has a variance of at most 1/4.
    roundingSd: Math.sqrt(homes / 4) / vector.scale,
    clip: vector.clip,
    ...{ mechanism, epsilon, delta: PUBLIC_DELTA, minMeters, colluders },
  };
}

export interface OpenedFacts extends Pick<OpenedRelease, "meters" | "setId" | "spareAnswers" | "settledAt"> {
  readonly round: string;
  readonly slotSeconds: number;
}

/** The release that a sum of homes' integers is. Throws RangeError for another number of them than the task has. */
export function releaseOf(content: ReleaseContent, facts: OpenedFacts, sum: readonly number[]): OpenedRelease {
  const { task, vector } = content;
  const { meters, setId, spareAnswers, settledAt, round, slotSeconds } = facts;
  if (sum.length !== vector.length) throw new RangeError(`sum: expected ${vector.length} integers, got ${sum.length}`);
  return {
    ...releaseHead(content, round, slotSeconds),
    ...{ status: "final", slotSeconds, meters },
    ...(task.type === "histogram" ? { edgesWh: [...task.edges] } : {}),
    values: sum.map((value) => value / vector.scale),
    ...precisionOf(content, meters),
    ...{ privacy: NOISED, setId, spareAnswers, settledAt },
  };
}
