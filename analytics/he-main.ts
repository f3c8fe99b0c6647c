/**
 * `npm run he -- sum --group feeder-1 --from 2025-01-15`: asks the running analytics for computations on ciphertexts,
 * waits for what the aggregators let be opened, and audits. It reads and writes requests in analytics' database; it
 * holds no key.
 */
import { runRole } from "../config/runtime/role-command.ts";
import { runHe } from "./command/he.ts";

await runRole({
  name: "he",
  description: "Asks for statistics computed on ciphertexts; lists, cancels and audits jobs.",
  operands: "[command...]",
  logFiles: false,
  flags: [
    { flags: "--group <feeders>", description: "fleet (default), a feeder, or feeders with commas between them" },
    { flags: "--from <date>", description: "first local day; the newest window when left out" },
    { flags: "--to <date>", description: "first local day not included; one window when left out" },
    { flags: "--series <names>", description: "one or more of homomorphic.series, as in load,solar" },
    { flags: "--levels <numbers>", description: "public levels of comparisons and buckets, as in 500,1000 (Wh)" },
    { flags: "--quantile <numbers>", description: "quantiles from 0 to 1, as in 0.5,0.9" },
    { flags: "--weights <numbers>", description: "public weights of the slots of a window" },
    {
      flags: "--parameter <name=value>",
      description: "any parameter of a circuit, as in window=4; may be repeated (plan lists them)",
      repeated: true,
    },
    { flags: "--no-wait", description: "returns when the job is queued" },
    { flags: "--limit <number>", description: "jobs, results: at most so many, the newest (default 50)" },
  ],
  help: `Commands:
  <circuit>      a job for each window of the days: sum, mean, variance ... (plan lists them,
                 and the parameters that each takes)
  max, min, median, quantile, histogram, compare
                 by one-hot buckets or by encrypted comparison, whichever the series allows
  plan [circuit] whether it fits, what it costs and the error to expect; nothing is computed
  jobs           the newest jobs
  job N          one job and, when it is opened, its result
  results        opened results
  cancel N       ends a job that is not over
  audit N        recomputes a job from the stored ciphertexts and compares every byte

Times are local dates of system.timezone. N is a job's number or the beginning of its transcript's hash.

Exit codes: 0 done; 1 a job was refused or failed, or an audit found a difference; 2 wrong usage or configuration;
130 interrupted: jobs go on, \`he job N\` shows them.`,
  examples: [
    "npm run he -- sum --group feeder-1 --from 2025-01-15 --profile demo",
    "npm run he -- variance --from 2025-01-15 --to 2025-01-18 --json",
    "npm run he -- quantile --quantile 0.5,0.9 --group fleet",
    "npm run he -- compare --levels 500,1000 --series peak",
    "npm run he -- moving-average --parameter window=4 --series load-products",
    "npm run he -- plan variance --group fleet",
    "npm run he -- jobs --limit 10",
    "npm run he -- audit 3",
  ],
  run: runHe,
});
