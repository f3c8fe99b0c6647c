/**
 * What a learning round is: the task, how a home's numbers become integers, how those fit field elements, and the
 * noise. Everything that homes, aggregators, analytics and the utility must agree on, checked as a whole when it is read.
 */
import { z } from "zod";
import { roundId } from "../names.ts";
import { MAX_SLOT } from "../slots.ts";
import { KINDS } from "../units.ts";
import { isJson, type JsonValue } from "./canonical.ts";
import { holdsWithoutWrap, honestSquares, sharedElements } from "./bound.ts";
import { elementsOf, homeVariance, MAX_ELEMENTS, reach } from "./shape.ts";

/** Coordinates of the longest vector. */
const MAX_LENGTH = 65_536;
const MAX_METERS = 1_000_000;
/** Slots that a home counts at once: a month of seconds. Each is a number in its memory. */
const MAX_SLOTS = 31 * 86_400;
const FLOAT_BYTES = 4;

const positive = z.number().positive().max(Number.MAX_SAFE_INTEGER);
const json = z.custom<Readonly<Record<string, JsonValue>>>(
  (value) => typeof value === "object" && value !== null && !Array.isArray(value) && isJson(value),
  "expected a JSON object, nested at most 32 deep",
);
const slot = z.int().min(0).max(MAX_SLOT);
/** Half-open. */
const slots = z
  .strictObject({ from: slot, to: slot })
  .refine(({ from, to }) => from < to, "expected slots [from, to) with from below to")
  .refine(({ from, to }) => to - from <= MAX_SLOTS, `expected at most ${MAX_SLOTS} slots`);
const measured = z.literal([KINDS.import, KINDS.export]);

/** One pass of training over the home's own examples; the vector is the change of all weights, in their order. */
const train = z.strictObject({
  type: z.literal("train"),
  model: z.strictObject({
    /** As tfjs writes a layers model. */
    topology: json,
    /** All weights in order, float32, little endian. */
    weights: z.base64().max(4 * MAX_LENGTH * 2),
  }),
  /** What the model takes and gives; it is for the trainer to read. */
  features: json,
  epochs: z.int().min(1).max(1_000),
  batchSize: z.int().min(1).max(65_536),
  learningRate: z.number().positive().max(100),
  /** Weight of the proximal term of FedProx; 0 is FedAvg. */
  mu: z.number().min(0).max(1_000),
  seed: z.int().min(0).max(0xffff_ffff),
});

/** In how many slots, or days of `daySlots` slots, the home's energy lay between two edges. */
const histogram = z.strictObject({
  type: z.literal("histogram"),
  of: z.enum(["slot-energy", "day-energy"]),
  kind: measured,
  slots,
  /** Slots of a day, counted from the first one. */
  daySlots: z.int().min(1).max(86_400),
  /** Watt-hours, rising; bucket i holds what is from edge i - 1 to below edge i, the first and last are open. */
  edges: z.array(z.int().min(1)).min(1).max(1_024),
});

/** The home's energy in each slot, in watt-hours. */
const load = z.strictObject({ type: z.literal("load"), kind: measured, slots });

const vector = z.strictObject({
  /** Coordinates. */
  length: z.int().min(1).max(MAX_LENGTH),
  /** Bits of a coordinate with its sign, before noise. */
  bits: z.int().min(2).max(32),
  /** Greatest Euclidean norm of a home's vector, in its own unit. */
  clip: positive,
  /** Integers per unit. */
  scale: positive,
  laneBits: z.int().min(2).max(60),
  /** Coordinates in a field element. */
  lanes: z.int().min(1).max(30),
});

const noise = z.strictObject({
  mechanism: z.enum(["none", "skellam", "discrete-gaussian"]),
  /** Of each coordinate of the sum over minMeters - colluders homes, in integers squared. */
  variance: z.number().min(0).max(Number.MAX_SAFE_INTEGER),
  colluders: z.int().min(0).max(MAX_METERS),
});

/** Homes prove it on shares of bits; left out where nothing is proved. */
const bound = z.strictObject({
  kind: z.literal("norm"),
  /** The most that the squares of a home's integers, noise and all, may add up to. */
  squares: z.int().min(1).max(Number.MAX_SAFE_INTEGER),
});

const shape = z.strictObject({
  v: z.literal(1),
  campaign: roundId,
  step: z.int().min(0).max(0xffff_ffff),
  task: z.discriminatedUnion("type", [train, histogram, load]),
  /** Unix seconds. */
  closesAt: z.int().min(0).max(0xffff_ffff),
  /** Fewest and most homes of a set. */
  minMeters: z.int().min(2).max(MAX_METERS),
  maxMeters: z.int().min(2).max(MAX_METERS),
  vector,
  noise,
  bound: bound.optional(),
});

export type RoundContent = z.infer<typeof shape>;
export type RoundTask = RoundContent["task"];
export type VectorShape = RoundContent["vector"];
export type NoiseMechanism = RoundContent["noise"]["mechanism"];

/** The content of an announcement. What several of its values must agree on is checked, too. */
export const roundContent = shape.superRefine((content, context) => {
  const check = (holds: boolean, path: string[], message: string): void => {
    if (!holds) context.addIssue({ code: "custom", path, message });
  };
  const { task, minMeters, maxMeters, vector: of, noise: added } = content;
  check(maxMeters >= minMeters, ["maxMeters"], "is below minMeters");
  check(added.colluders < minMeters, ["noise", "colluders"], "leave nobody of minMeters to add noise");
  check(
    (added.mechanism === "none") === (added.variance === 0),
    ["noise", "variance"],
    "is 0 without noise, only then",
  );
  // Exact loads are released slot by slot in rounds of their own, with rules that noise makes needless here.
  check(added.mechanism !== "none" || task.type === "train", ["noise"], `a ${task.type} is never opened without noise`);
  check(lengthOf(task) === of.length, ["vector", "length"], `the task has ${lengthOf(task)} coordinates`);
  check(elementsOf(of) <= MAX_ELEMENTS, ["vector"], `takes more than the ${MAX_ELEMENTS} elements of one message`);
  check(of.lanes * of.laneBits <= 60, ["vector", "lanes"], "lanes * laneBits exceeds 60");
  const largest = 2 ** (of.bits - 1) - 1;
  check(of.scale * of.clip <= largest, ["vector", "bits"], `scale * clip exceeds ${largest}`);
  const room = 2 ** (of.laneBits - 1) - 1;
  if (added.colluders < minMeters) {
    // Below it sums of discrete Gaussians are far from one, and what is proved of them says nothing.
    const enough = added.mechanism !== "discrete-gaussian" || homeVariance(content) >= 0.5;
    check(enough, ["noise", "variance"], "leaves each home less than 1/2");
    check(reach(content, maxMeters) <= room, ["vector", "laneBits"], "the sum of maxMeters homes does not fit a lane");
    checkBound(content, check);
  }
  if (task.type !== "histogram") return;
  const rising = task.edges.every((edge, i) => i === 0 || edge > task.edges[i - 1]!);
  check(rising, ["task", "edges"], "edges rise");
  const days = (task.slots.to - task.slots.from) / task.daySlots;
  check(task.of !== "day-energy" || Number.isInteger(days), ["task", "slots"], "are no whole number of days");
});

type Check = (holds: boolean, path: string[], message: string) => void;

function checkBound(content: RoundContent, check: Check): void {
  const { bound: of } = content;
  if (of === undefined) return;
  const least = honestSquares(content);
  check(of.squares >= least, ["bound", "squares"], `honest homes need ${least}`);
  check(holdsWithoutWrap(content, of), ["bound", "squares"], "what has these bits can wrap around the field");
  const most = `takes more than the ${MAX_ELEMENTS} elements of one message`;
  check(sharedElements(content) <= MAX_ELEMENTS, ["bound"], most);
}

/** Coordinates that a task has. */
export function lengthOf(task: RoundTask): number {
  if (task.type === "histogram") return task.edges.length + 1;
  if (task.type === "load") return task.slots.to - task.slots.from;
  return Buffer.from(task.model.weights, "base64").length / FLOAT_BYTES;
}
