/** Trained weights on disk: JSON that says what it was trained on and by which command, so that it can be made again. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { FEATURES } from "./indicators.ts";
import { HIDDEN, type Weights } from "./network.ts";
import { PATH_FEATURES } from "./routing/ways.ts";

const LINE_WIDTH = 120;

/** What a policy decides; each has features of its own. */
const TASKS = { switches: FEATURES, paths: PATH_FEATURES } as const;
export type Task = keyof typeof TASKS;

const schema = z.strictObject({
  format: z.literal(1),
  task: z.enum(["switches", "paths"]),
  /** Grid of the training scenarios; features name no bus, so others may try it. */
  grid: z.string(),
  command: z.string(),
  seed: z.number().int(),
  updates: z.number().int(),
  features: z.array(z.string()),
  hidden: z.array(z.number()),
  bias: z.array(z.number()).length(HIDDEN),
  output: z.array(z.number()).length(HIDDEN),
});

export type WeightsCard = Omit<z.infer<typeof schema>, "format" | "features" | "hidden" | "bias" | "output">;

/** A file that holds no usable weights; the message names it. */
export class WeightsFileError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "WeightsFileError";
  }
}

const shipped = (name: string): string => join(import.meta.dirname, "weights", `${name}.json`);
/** What comes with the project: exchanges trained on the 33-bus feeder, and paths on the demo grid. */
export const SHIPPED_WEIGHTS = shipped("case33bw");
export const SHIPPED_PATH_WEIGHTS = shipped("demo8");
const TRAINED_ON: readonly string[] = ["case33bw", "case69"];

/** The shipped weights for a feeder's switches: its own where there are some, else those of the 33-bus feeder. */
export function shippedWeights(grid: string): string {
  return TRAINED_ON.includes(grid) ? shipped(grid) : SHIPPED_WEIGHTS;
}

/** Throws WeightsFileError for what cannot be read, or was made for another task or other features. */
export function readWeights(
  file: string,
  task: Task = "switches",
): { readonly weights: Weights; readonly card: WeightsCard } {
  let raw: unknown;
  try {
    raw = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new WeightsFileError(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
  const parsed = schema.safeParse(raw);
  if (!parsed.success) {
    throw new WeightsFileError(`${file}: ${z.prettifyError(parsed.error).replaceAll(/\s+/g, " ")}`);
  }
  const { features, hidden, bias, output, format: _, ...card } = parsed.data;
  if (card.task !== task) throw new WeightsFileError(`${file}: task: expected ${task}, got ${card.task}`);
  if (features.join() !== TASKS[task].join() || hidden.length !== features.length * HIDDEN) {
    throw new WeightsFileError(`${file}: features: expected those of this version; train again: ${card.command}`);
  }
  const of = (numbers: number[]): Float32Array => Float32Array.from(numbers);
  return { weights: { hidden: of(hidden), bias: of(bias), output: of(output) }, card };
}

/** Six digits: what is left out moves no choice that was not a toss-up. Laid out as the project's formatter does it. */
export function weightsText({ hidden, bias, output }: Weights, card: WeightsCard): string {
  const of = (numbers: Float32Array): string => {
    const lines = [""];
    for (const [i, value] of numbers.entries()) {
      const word = `${Number(value.toPrecision(6))}${i + 1 < numbers.length ? "," : ""}`;
      const line = lines.at(-1)!;
      if (line === "") lines[lines.length - 1] = `    ${word}`;
      else if (line.length + 1 + word.length <= LINE_WIDTH) lines[lines.length - 1] = `${line} ${word}`;
      else lines.push(`    ${word}`);
    }
    return `[\n${lines.join("\n")}\n  ]`;
  };
  const head = Object.entries({ format: 1, ...card }).map(([key, value]) => `  "${key}": ${JSON.stringify(value)},`);
  const features = TASKS[card.task].map((name) => `    "${name}"`).join(",\n");
  const numbers = Object.entries({ hidden, bias, output }).map(([key, values]) => `  "${key}": ${of(values)}`);
  return `{\n${head.join("\n")}\n  "features": [\n${features}\n  ],\n${numbers.join(",\n")}\n}\n`;
}
