/**
 * `npm run check`: types, lint, formatting, import boundaries and unused code, two at a time. A row per gate, then what
 * the failing ones said; exits with 1 when any failed.
 */
import { join } from "node:path";
import { Command } from "commander";
import { GATES, HEADING, atMost, formatRow, formatSummary, runGate, selectGates } from "./gates.ts";

const ROOT = join(import.meta.dirname, "..");
/** Each gate keeps a core busy, and the smallest machine that builds this has two. */
const AT_A_TIME = 2;

const program = new Command("npm run check --")
  .description("Checks the code without running it.")
  .option("--only <names...>", "only these gates")
  .addHelpText("after", `\nGates:\n${GATES.map((gate) => `  ${gate.name.padEnd(12)}${gate.about}`).join("\n")}`)
  .action(async (options: { readonly only?: readonly string[] }) => {
    const names = (options.only ?? []).flatMap((name) => name.split(","));
    const gates = selectGates(GATES, names);
    console.log(HEADING);
    const results = await atMost(AT_A_TIME, gates, async (gate) => {
      const result = await runGate(gate, ROOT, () => performance.now());
      console.log(formatRow(result));
      return result;
    });
    console.log(formatSummary(results));
    if (results.some((result) => !result.passed)) process.exitCode = 1;
  });

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof RangeError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
