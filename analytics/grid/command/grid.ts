/** What `npm run grid` is: its verbs, its flags, and which faults are the user's. */
import { type RoleContext, UsageError } from "../../../config/runtime/role-command.ts";
import type { RoleCommand } from "../../../config/runtime/role.ts";
import { explained } from "../../command/explained.ts";
import { runEstimate } from "./estimate.ts";
import { runFlow } from "./flow.ts";
import { runGenerate } from "./generate.ts";
import { runEvaluate, runOptimise, runTrain } from "./optimise.ts";
import { runPaths } from "./paths.ts";
import { runScada } from "./scada.ts";
import { BUNDLED, EVENT_TYPES, GridError, MatpowerError, ScadaFileError, WeightsFileError } from "../index.ts";

type Verb = (context: RoleContext, operands: readonly string[]) => number | Promise<number>;
const VERBS: Readonly<Record<string, Verb>> = {
  flow: runFlow,
  generate: runGenerate,
  scada: runScada,
  estimate: runEstimate,
  optimise: runOptimise,
  paths: runPaths,
  train: runTrain,
  evaluate: runEvaluate,
};
/** Files and figures that cannot be are the user's fault, like flags. */
const USAGE = [GridError, MatpowerError, ScadaFileError, WeightsFileError, RangeError];

async function run(context: RoleContext): Promise<number> {
  const [name = "", ...operands] = context.operands;
  const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
  if (verb === undefined || operands.length > 1) {
    const said = context.operands.join(" ") || "nothing";
    throw new UsageError(`expected ${Object.keys(VERBS).join(", ")} and one operand, got ${said}`);
  }
  return explained("grid", USAGE, () => verb(context, operands));
}

/** The command for `runRole`. */
export const GRID: RoleCommand = {
  name: "grid",
  description:
    "Power flow, made-up grids, simulated SCADA, the state that measurements tell, and which switches to open.",
  operands: "[command...]",
  logFiles: false,
  flags: [
    {
      flags: "--method <name>",
      description:
        "flow: auto (default), newton or sweep; optimise: policy (default), exchange, random, exact or bound; paths: policy (default), exact, shortest or random",
    },
    { flags: "--start <name>", description: "flow: flat (default) or case" },
    { flags: "--open <ids>", description: "flow, optimise: exactly these branches open, e.g. 7,9,14,32,37" },
    { flags: "--load-scale <factor>", description: "flow, optimise, paths, train, evaluate: all loads times this" },
    { flags: "--reactive-limits", description: "flow: generators at a reactive limit give up their voltage" },
    { flags: "--shed", description: "flow: leave out what has no supply, instead of failing" },
    { flags: "--all", description: "flow: every bus and branch of a large grid" },
    { flags: "--ambient <degC>", description: "flow, scada: default 20" },
    { flags: "--nodes <n>", description: "generate: default 100" },
    { flags: "--generators <n>", description: "generate meshed: default one in five nodes" },
    { flags: "--feeders <n>", description: "generate radial: trunks; default one per 120 nodes" },
    { flags: "--ties <n>", description: "generate radial: open switches; default one per 15 nodes" },
    { flags: "--seed <n>", description: "generate, scada, optimise --method random, paths, train: default 1" },
    { flags: "--scans <n>", description: "scada: default 96" },
    { flags: "--interval <seconds>", description: "scada: default 900" },
    { flags: "--bad-rate <p>", description: "scada: chance of a sample to be grossly wrong; default 0" },
    { flags: "--lost-rate <p>", description: "scada: chance of a sample to be lost; default 0" },
    { flags: "--events <types>", description: `scada: some of ${EVENT_TYPES.join(",")}` },
    { flags: "--event-rate <p>", description: "scada: chance of an event to begin in a scan; default 0.05" },
    { flags: "--truth <file>", description: "scada: also writes what was put in: time,what,kind,element" },
    {
      flags: "--out <file>",
      description: "generate, scada: writes there instead of to the terminal; train: the weights",
    },
    { flags: "--scada <file>", description: "estimate: scans, as grid scada writes them" },
    { flags: "--false-alarm <p>", description: "estimate: chance to suspect a good scan, for each test; default 0.01" },
    { flags: "--broken <ids>", description: "optimise, paths: branches that are out of order" },
    { flags: "--keep-open <ids>", description: "optimise, paths: switches that stay open" },
    { flags: "--keep-closed <ids>", description: "optimise, paths: switches that stay closed" },
    {
      flags: "--assumed-ratings",
      description:
        "optimise, paths, train, evaluate: lines without a rating get 1.5 times what the case has them carry",
    },
    { flags: "--task <name>", description: "train, evaluate: switches (default) or paths" },
    { flags: "--flows <n>", description: "optimise, paths: power flows of policy and random; default 24 and 8" },
    {
      flags: "--risk-weight <kW>",
      description: "optimise, paths, train, evaluate: what a unit of risk is worth; default 0",
    },
    {
      flags: "--violation-weight <kW>",
      description: "optimise, paths, train, evaluate: of a broken limit; default 1000",
    },
    { flags: "--v-min <pu>", description: "optimise, paths, train, evaluate: instead of the case's own" },
    { flags: "--v-max <pu>", description: "optimise, paths, train, evaluate: instead of the case's own" },
    { flags: "--weights <file>", description: "optimise, paths, evaluate: instead of the shipped ones" },
    { flags: "--updates <n>", description: "train: default 150" },
    { flags: "--scenarios <n>", description: "evaluate: of each family and seed; default 5" },
  ],
  help: `Commands:
  flow CASE|FILE            power flow: voltages, flows, losses, limits
  generate radial|meshed    a made-up grid as a MATPOWER case
  scada CASE|FILE           simulated scans of a grid as CSV
  estimate CASE|FILE        the trusted state of each scan of --scada
  optimise CASE|FILE        which switches to open for least losses, and the gap to the optimum
  paths CASE|FILE           the way of every load's power from a generator, and the gap to the optimum
  train CASE|FILE           trains the policy of optimise, or of paths (--task), into --out
  evaluate CASE|FILE        the policy beside its peers, on scenarios it has not seen

CASE is one of ${BUNDLED.join(", ")}; FILE is a MATPOWER case.

Exit codes: 0 done; 1 no power flow, or a scan without a state; 2 wrong usage, or a file that cannot be used; 130 interrupted.`,
  examples: [
    "npm run grid -- flow case33bw --open 7,9,14,32,37",
    "npm run grid -- flow case14 --reactive-limits --json",
    "npm run grid -- generate radial --nodes 500 --seed 3 --out town.m",
    "npm run grid -- scada case33bw --bad-rate 0.002 --lost-rate 0.01 --events theft,outage --out scans.csv",
    "npm run grid -- estimate case33bw --scada scans.csv",
    "npm run grid -- optimise case33bw --broken 5",
    "npm run grid -- paths demo8 --broken 4",
  ],
  run,
};
