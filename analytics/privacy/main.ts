/**
 * `npm run privacy -- epsilon --noise 1.1 --rate 0.01 --rounds 1000 --delta 1e-5`: what noise costs, and how much of it a budget
 * asks for. It only computes; the accounts of households are elsewhere (account/).
 */
import { EXIT, type RoleContext, runRole, UsageError } from "../../config/runtime/role-command.ts";
import { answer, VERBS } from "./command.ts";

function run({ operands, options, json }: RoleContext): Promise<number> {
  const [verb = "", ...more] = operands;
  if (!Object.hasOwn(VERBS, verb) || more.length > 0) {
    const known = Object.keys(VERBS).join(", ");
    throw new UsageError(`expected one of ${known}, got ${operands.join(" ") || "nothing"}`);
  }
  const { figures, text } = answer(verb, options);
  process.stdout.write(`${json ? JSON.stringify(figures) : text}\n`);
  return Promise.resolve(EXIT.ok);
}

await runRole({
  name: "privacy",
  description: "What noise costs in epsilon, and the least noise that keeps a budget.",
  operands: "[command]",
  logFiles: false,
  flags: [
    { flags: "--noise <multiplier>", description: "gaussian: standard deviation over L2 sensitivity" },
    { flags: "--rate <q>", description: "chance of a household to take part in a round; default 1" },
    { flags: "--rounds <n>", description: "how often; default 1" },
    { flags: "--delta <d>", description: "default 1e-5" },
    { flags: "--epsilon <e>", description: "calibrate, delta: the budget" },
    { flags: "--mechanism <name>", description: "gaussian (default), skellam, or discrete (one discrete Gaussian)" },
    { flags: "--variance <v>", description: "skellam, discrete: variance of the noise of the sum, per coordinate" },
    { flags: "--l2 <norm>", description: "skellam, discrete: L2 sensitivity of the integer vector" },
    { flags: "--l1 <norm>", description: "skellam: L1 sensitivity; the most that L2 allows if left out" },
    { flags: "--dimension <d>", description: "skellam: coordinates; default 1" },
  ],
  help: `Commands:\n${Object.entries(VERBS)
    .map(([name, about]) => `  ${name.padEnd(11)} ${about}`)
    .join("\n")}

"renyi" adds up Renyi divergences; "pld" composes privacy loss distributions, which is tighter and for gaussian only.
Both are upper bounds. A rate below 1 counts only against those who do not learn who took part.

Exit codes: 0 done; 1 something failed; 2 wrong usage.`,
  examples: [
    "npm run privacy -- epsilon --noise 1.1 --rate 0.01 --rounds 1000 --delta 1e-5",
    "npm run privacy -- calibrate --epsilon 8 --rounds 30 --json",
    "npm run privacy -- delta --noise 5 --rounds 30 --epsilon 4",
    "npm run privacy -- calibrate --epsilon 8 --rounds 30 --mechanism skellam --l2 1000 --dimension 64",
  ],
  run,
});
