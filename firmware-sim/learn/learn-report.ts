/** What a learning run prints: a line for each round, and what the model is worth beside what it is held against. */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { type Cell, renderTable } from "../../config/runtime/terminal.ts";
import type { RoundEntry } from "./messages.ts";

const score = z.object({
  maeWh: z.number(),
  meanWh: z.number(),
  best: z.string(),
  bestWh: z.number(),
  skill: z.number(),
});
const comparison = z.object({ federated: score, central: score, baselines: z.record(z.string(), z.number()) });
const report = z.object({
  campaign: z.string(),
  model: z.string(),
  parameters: z.number(),
  minMeters: z.number(),
  epsilon: z.number().nullable(),
  options: z.object({ kind: z.string(), homes: z.number(), rounds: z.number(), delta: z.number() }).loose(),
  history: z.array(
    z
      .object({
        step: z.number(),
        round: z.string().optional(),
        homes: z.number(),
        updateNorm: z.number(),
        epsilon: z.number().nullable(),
        bound: z.object({ proved: z.number(), unproved: z.number(), leftOut: z.number() }).optional(),
        validation: z.object({ maeWh: z.number() }).optional(),
      })
      .loose(),
  ),
  verdict: z.object({ homes: comparison, feeder: comparison }).optional(),
});
type Comparison = z.infer<typeof comparison>;
/** What the coordinator has written at the end, as far as it is printed. */
export type LearnReport = z.infer<typeof report>;

export function readReport(file: string): LearnReport {
  return report.parse(JSON.parse(readFileSync(file, "utf8")));
}

export function describeRounds(history: readonly RoundEntry[]): string {
  const isBounded = history.some(({ bound }) => bound !== undefined);
  const rows = history.map(({ step, homes, validation, epsilon, updateNorm, bound }): Cell[] => [
    step + 1,
    homes === 0 ? "not opened" : homes,
    validation === undefined ? "" : validation.maeWh.toFixed(2),
    updateNorm.toFixed(4),
    epsilon === null ? "no noise" : epsilon.toFixed(2),
    ...(isBounded ? [describeBound(bound)] : []),
  ]);
  const columns = ["round", "homes in the set", "validation MAE, Wh", "mean update", "epsilon spent"];
  return renderTable([...columns, ...(isBounded ? ["within the bound"] : [])], rows);
}

/** How far the homes of a round were proved to be within its bound. */
export function describeBound(bound: RoundEntry["bound"]): string {
  if (bound === undefined) return "";
  const { proved, unproved, leftOut } = bound;
  const parts = [unproved === 0 ? `${proved} proved` : proved === 0 ? "unproved" : `${proved} proved, ${unproved} not`];
  if (leftOut > 0) parts.push(`${leftOut} left out`);
  return parts.join("; ");
}

export function describeVerdict({ verdict, options, epsilon, parameters, model }: LearnReport): string {
  const privacy = epsilon === null ? "without noise" : `epsilon ${epsilon.toFixed(2)} at delta ${options.delta}`;
  const head = `${options.homes} homes, ${options.kind} model of ${parameters} parameters, ${privacy}; saved in ${model}`;
  if (verdict === undefined) return head;
  const line = (name: string, of: (part: Comparison) => number): Cell[] => [
    name,
    of(verdict.homes).toFixed(2),
    percent(of(verdict.homes) / verdict.homes.central.maeWh - 1),
    of(verdict.feeder).toFixed(2),
    percent(of(verdict.feeder) / verdict.feeder.central.maeWh - 1),
  ];
  const rows = [
    line("federated, this run", ({ federated }) => federated.maeWh),
    line("central: all readings in one place", ({ central }) => central.maeWh),
    ...Object.keys(verdict.homes.baselines).map((name) => line(`baseline ${name}`, (part) => part.baselines[name]!)),
  ];
  const columns = [
    "days that nobody trained on",
    "homes: MAE, Wh",
    "against central",
    "feeder: MAE, Wh",
    "against central",
  ];
  return `${renderTable(columns, rows)}\n${head}`;
}

function percent(part: number): string {
  return `${part < 0 ? "-" : "+"}${Math.abs(100 * part).toFixed(1)} %`;
}
