/** A model with the drift that carries it forward: trained on one fleet, calibrated on another, kept in a file. */
import { randomUUID } from "node:crypto";
import { renameSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { resolve } from "node:path";
import { z } from "zod";
import { KINDS } from "../history/history.ts";
import { Drift } from "./drift.ts";
import { type Example, FEATURES, type HazardModel } from "./hazard-model.ts";
import { LogisticHazard } from "./standard.ts";
import { readText } from "../../../config/runtime/text-file.ts";

export interface Trained {
  readonly model: HazardModel;
  readonly drift: Drift;
}

export interface TrainedLogistic extends Trained {
  readonly model: LogisticHazard;
}

/** Throws RangeError where nothing or everything failed. */
export function train(learned: readonly Example[], calibration: readonly Example[]): TrainedLogistic {
  const [model, drift] = [new LogisticHazard(), new Drift()];
  model.fit(learned);
  model.calibrate(calibration);
  drift.fit(learned);
  drift.fitEmerging(model, calibration);
  return { model, drift };
}

/** A file that is no model; the message names it. */
export class HazardModelError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "HazardModelError";
  }
}

const FORMAT = "wattveil-hazard-2";
const numbers = z.array(z.number());
const kindFit = z.strictObject({
  mean: numbers.length(FEATURES.length),
  deviation: z.array(z.number().positive()).length(FEATURES.length),
  weights: numbers,
  calibration: z.tuple([z.number(), z.number()]),
  examples: z.number(),
  failures: z.number(),
});
const course = z.strictObject({
  coefficients: numbers.length(3),
  least: z.number(),
  most: z.number(),
  usual: z.number(),
});
const drift = z.strictObject({ temperature: course, vibration: course, losses: course, emerging: numbers.min(1) });
const modelFile = z.strictObject({
  format: z.literal(FORMAT),
  features: z.tuple(FEATURES.map((name) => z.literal(name)) as [z.ZodLiteral, ...z.ZodLiteral[]]),
  trainedOnSimulated: z.boolean(),
  hazard: z.partialRecord(z.enum(KINDS), kindFit),
  drift: z.partialRecord(z.enum(KINDS), drift),
});

export function saveTrained(file: string, trained: TrainedLogistic, trainedOnSimulated: boolean): void {
  const content = {
    ...{ format: FORMAT, features: FEATURES, trainedOnSimulated },
    hazard: Object.fromEntries(trained.model.fits),
    drift: Object.fromEntries(trained.drift.fits),
  };
  // Whoever is ended in the middle leaves the file as it was.
  const partial = `${file}.${randomUUID()}`;
  writeFileSync(partial, `${JSON.stringify(content, null, 1)}\n`);
  renameSync(partial, file);
}

/** Throws HazardModelError. */
export function loadTrained(file: string): TrainedLogistic {
  let content: unknown;
  try {
    content = JSON.parse(readText(file));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new HazardModelError(code === undefined ? `${file} is no JSON` : `${file} cannot be read (${code})`);
  }
  const parsed = modelFile.safeParse(content);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw new HazardModelError(`${file}: ${path.join(".") || "(file)"}: ${message}`);
  }
  const { hazard, drift: drifts } = parsed.data;
  const columns = new Set(Object.values(hazard).map(({ weights }) => weights.length));
  const expected = new LogisticHazard().parameters;
  if ([...columns].some((count) => count !== expected)) {
    throw new HazardModelError(`${file}: hazard.weights: expected ${expected} numbers, got ${[...columns].join(", ")}`);
  }
  const of = <T>(record: Partial<Record<(typeof KINDS)[number], T>>) =>
    KINDS.flatMap((kind) => (record[kind] === undefined ? [] : [[kind, record[kind]] as const]));
  return { model: new LogisticHazard({ fits: of(hazard) }), drift: new Drift(of(drifts)) };
}

/**
 * A user's own model: a module that exports `model`, a HazardModel. It runs in this process with its rights. Throws
 * HazardModelError.
 */
export async function importModel(file: string): Promise<HazardModel> {
  let module: Record<string, unknown>;
  try {
    module = (await import(pathToFileURL(resolve(file)).href)) as Record<string, unknown>;
  } catch (error) {
    throw new HazardModelError(`${file} cannot be loaded: ${(error as Error).message}`);
  }
  const model = module["model"] as Partial<HazardModel> | undefined;
  if (typeof model?.name !== "string" || typeof model.probability !== "function") {
    throw new HazardModelError(`${file}: expected an export named model, with name and probability(situation)`);
  }
  return model as HazardModel;
}
