/** A home's own numbers for a round: from its history, or from training on it. They are plain, and stay here. */
import { lengthOf, type RoundTask } from "../../../protocol/learning/index.ts";
import type { SlotRange } from "../../../protocol/slots.ts";
import type { Kind } from "../../../protocol/units.ts";

export type TrainTask = Extract<RoundTask, { type: "train" }>;
type HistogramTask = Extract<RoundTask, { type: "histogram" }>;

export interface OwnReadings {
  readonly slotSeconds: number;
  /** Watt-hours of each slot; undefined where the meter has none. */
  readings(kind: Kind, slots: SlotRange): readonly (number | undefined)[];
  /** The slot after the newest reading of a kind. */
  nextSlot(kind: Kind): number;
}

/**
 * Trains a model on one household's readings, in a worker or elsewhere that does not hold up the meter. It bounds its own
 * time: until it is done no other round is begun.
 */
export interface Trainer {
  /**
   * The change of all weights, in their order, as long as the model has weights; undefined when there is too little
   * to train on yet. `seed` and readings decide the result.
   */
  train(task: TrainTask, own: OwnReadings): Promise<ArrayLike<number> | undefined>;
}

/** Training was begun and came to nothing; who knows whether the task is why or the readings are. */
export class TrainingError extends Error {
  override readonly name = "TrainingError";
}

/**
 * The vector of a task; undefined while the history does not have what it takes. Whether there is one never depends on what
 * the readings say: everyone sees who takes part, and a task can be chosen that fails for some readings and not for others.
 * So a training that comes to nothing is told to `failed`, and gives zeros.
 */
export async function vectorOf(
  task: RoundTask,
  own: OwnReadings,
  trainer: Trainer | undefined,
  failed: (error: TrainingError) => void,
): Promise<ArrayLike<number> | undefined> {
  if (task.type === "train") return await trained(task, own, trainer, failed);
  const values = own.readings(task.kind, task.slots);
  if (!isWhole(values)) return undefined;
  return task.type === "load" ? values : histogram(task, values);
}

async function trained(
  task: TrainTask,
  own: OwnReadings,
  trainer: Trainer | undefined,
  failed: (error: TrainingError) => void,
): Promise<ArrayLike<number> | undefined> {
  try {
    const update = await trainer?.train(task, own);
    if (update === undefined || Array.from(update).every(Number.isFinite)) return update;
    throw new TrainingError("training gave what is no number");
  } catch (error) {
    if (!(error instanceof TrainingError)) throw error;
    failed(error);
    return new Float64Array(lengthOf(task));
  }
}

function isWhole(values: readonly (number | undefined)[]): values is number[] {
  return !values.includes(undefined);
}

function histogram({ of, daySlots, edges }: HistogramTask, values: readonly number[]): number[] {
  const counts = new Array<number>(edges.length + 1).fill(0);
  const size = of === "day-energy" ? daySlots : 1;
  for (let at = 0; at < values.length; at += size) {
    const energyWh = values.slice(at, at + size).reduce((sum, value) => sum + value, 0);
    const bucket = edges.findIndex((edge) => energyWh < edge);
    counts[bucket < 0 ? edges.length : bucket]! += 1;
  }
  return counts;
}
