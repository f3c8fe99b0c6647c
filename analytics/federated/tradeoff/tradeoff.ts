/** Runs the campaigns of a trade-off that are not finished yet, and the references that they are held against. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { setImmediate } from "node:timers/promises";
import { permutation } from "../../../learning/index.ts";
import { type Score, score } from "../evaluate.ts";
import type { Population } from "../homes.ts";
import { centralModel } from "../reference.ts";
import { type Environment, simulate } from "../simulate.ts";
import { LARGE, planRuns, type Size } from "./plan.ts";
import type { Finished, ResultsFile } from "./results.ts";

/** Trained with all readings in one place. */
export interface Reference {
  readonly homes: Score;
  readonly unseen: Score;
  readonly feeder: Score;
}

export interface References {
  readonly median: Reference;
  readonly energy: Reference;
  /** Trained on the released totals of the feeder alone: needs no household's data, and no learning with others. */
  readonly feederAlone: Score;
  /** The large network on the few homes of its sweep. */
  readonly large: Score;
}

export interface TradeoffHooks extends Pick<Environment, "backend" | "signal"> {
  readonly onRun: (done: number, of: number, note: string) => void;
}

/** The name of a file's contents. */
export async function digestOf(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}

export async function runAll(
  population: Population,
  size: Size,
  { slotSeconds, results }: { readonly slotSeconds: number; readonly results: ResultsFile },
  { backend, signal, onRun }: TradeoffHooks,
): Promise<Finished[]> {
  const runs = planRuns(size, slotSeconds);
  const finished: Finished[] = [];
  for (const [i, run] of runs.entries()) {
    // Linear campaigns await nothing that lets go of the thread: a signal of the system would be heard when all are over.
    await setImmediate();
    signal?.throwIfAborted();
    onRun(i, runs.length, `${run.sweep} ${run.at}, ${run.series}, seed ${run.seed}`);
    let known = results.get(run);
    if (known === undefined) {
      // Another seed draws other homes, where not all take part.
      const order = permutation(population.homes.length, run.seed);
      const drawn = { ...population, homes: Array.from(order, (index) => population.homes[index]!) };
      known = { run, result: await simulate(drawn, run.options, { backend, signal }) };
      results.add(known);
    }
    finished.push(known);
  }
  onRun(runs.length, runs.length, "");
  return finished;
}

export async function referencesOf(population: Population, { backend, signal }: TradeoffHooks): Promise<References> {
  const { homes, unseen, feeder } = population;
  const of = async (objective: "median" | "energy"): Promise<Reference> => {
    const model = await centralModel(homes, { kind: "linear", objective, hidden: 1, seed: 1 }, backend, signal);
    const on = (whom: Population["homes"]): Score => score(whom, (rows) => model.predict(rows));
    return { homes: on(homes), unseen: on(unseen), feeder: on([feeder]) };
  };
  const linear = { kind: "linear", objective: "median", hidden: 1, seed: 1 } as const;
  const alone = await centralModel([feeder], linear, backend, signal);
  const few = Array.from(permutation(homes.length, 1), (index) => homes[index]!).slice(0, LARGE.homes);
  const network = { kind: "dense", objective: "median", hidden: LARGE.hidden, seed: 1 } as const;
  const large = await centralModel(few, network, backend, signal);
  const largeScore = score(few, (rows) => large.predict(rows));
  large.dispose();
  return {
    median: await of("median"),
    energy: await of("energy"),
    feederAlone: score([feeder], (rows) => alone.predict(rows)),
    large: largeScore,
  };
}
