/**
 * `npm run chaos-check -- FOLDER`: holds what a run under chaos has left against the readings that were fed. A program of
 * its own, with its own arithmetic. Exit code 0: everything is right; 1: something is not; 2: it could not be checked.
 */
import { EXIT, type RoleContext, runRole, UsageError } from "../config/runtime/role-command.ts";
import { checkRun, CheckerError } from "./chaos/checker/check.ts";
import { UnknownTariffError } from "./chaos/checker/tariff.ts";
import { reportTable } from "./chaos/report.ts";

async function run({ operands, json }: RoleContext): Promise<number> {
  const [folder, ...more] = operands;
  if (folder === undefined || more.length > 0) throw new UsageError("expected the folder of one run");
  try {
    const report = checkRun(folder);
    process.stdout.write(json ? `${JSON.stringify(report)}\n` : `${reportTable(report)}\n`);
    return report.ok ? EXIT.ok : EXIT.failed;
  } catch (error) {
    if (error instanceof CheckerError || error instanceof UnknownTariffError) throw new UsageError(error.message);
    throw error;
  }
}

await runRole({
  name: "chaos-check",
  description: "Checks what a run under chaos has left: bills, loads, shares, log and receipts, from the truth alone.",
  operands: "<folder>",
  logFiles: false,
  help: "Exit codes: 0 everything is right; 1 something is not; 2 the folder cannot be checked.",
  examples: ["npm run chaos-check -- data/chaos/embedded-1"],
  run,
});
