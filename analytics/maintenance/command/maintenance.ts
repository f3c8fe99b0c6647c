/** What `npm run maintenance` is: its verbs, its flags, and which faults are the user's. */
import { type RoleContext, UsageError } from "../../../config/runtime/role-command.ts";
import type { RoleCommand } from "../../../config/runtime/role.ts";
import { explained } from "../../command/explained.ts";
import { HazardModelError, HistoryFileError } from "../index.ts";
import { runCompare, runSchedule } from "./plan.ts";
import { runEvaluate, runFit, runSimulate } from "./learn.ts";

const VERBS: Readonly<Record<string, (context: RoleContext) => number | Promise<number>>> = {
  simulate: runSimulate,
  fit: runFit,
  evaluate: runEvaluate,
  schedule: runSchedule,
  compare: runCompare,
};
const USAGE = [HistoryFileError, HazardModelError, RangeError];

async function run(context: RoleContext): Promise<number> {
  const [name = "", ...more] = context.operands;
  const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
  if (verb === undefined || more.length > 0) {
    const said = context.operands.join(" ") || "nothing";
    throw new UsageError(`expected one of ${Object.keys(VERBS).join(", ")}, got ${said}`);
  }
  return explained("maintenance", USAGE, () => verb(context));
}

/** The command for `runRole`. */
export const MAINTENANCE: RoleCommand = {
  name: "maintenance",
  description: "Predicts failures of transformers and lines, and plans their maintenance.",
  operands: "[command]",
  logFiles: false,
  flags: [
    { flags: "--seed <n>", description: "simulate: default 1" },
    { flags: "--transformers <n>", description: "simulate, evaluate, compare: default 400 (compare 200)" },
    { flags: "--lines <n>", description: "simulate, evaluate, compare: default 200 (compare 100)" },
    { flags: "--years <years>", description: "simulate, evaluate, compare: default 5 (compare 3)" },
    { flags: "--histories <file>", description: "fit, evaluate, schedule: CSV of weeks, as simulate writes it" },
    { flags: "--calibration <file>", description: "fit: another fleet's CSV, to calibrate on" },
    { flags: "--model <file>", description: "evaluate, schedule, compare: what fit wrote" },
    { flags: "--own <module>", description: "evaluate, schedule, compare: your model instead of the logistic one" },
    {
      flags: "--seeds <list>",
      description: "evaluate without --histories, compare: simulated fleets, default 11,12,13",
    },
    { flags: "--weeks <n>", description: "schedule: weeks to plan, at most and by default 26" },
    { flags: "--hours <n>", description: "schedule, compare: crew hours a week, default 40" },
    { flags: "--out <file>", description: "simulate, fit: writes there" },
  ],
  help: `Commands:
  simulate       histories of a made-up fleet as CSV, every row marked as simulated
  fit            a logistic hazard from histories, calibrated on others
  evaluate       ROC, calibration and skill of a model, beside an untrained one (simulated: and the best possible)
  schedule       what to maintain in which week, remaining life and losses of each asset
  compare        what simulated fleets cost: run to failure, fixed intervals, planned

Exit codes: 0 done; 1 something failed; 2 wrong usage, or a file that cannot be used; 130 interrupted.`,
  examples: [
    "npm run maintenance -- simulate --seed 1 --out fleet1.csv",
    "npm run maintenance -- fit --histories fleet1.csv --calibration fleet2.csv --out hazard.json",
    "npm run maintenance -- evaluate --model hazard.json --seeds 11,12,13",
    "npm run maintenance -- schedule --model hazard.json --histories fleet1.csv --hours 40",
  ],
  run,
};
