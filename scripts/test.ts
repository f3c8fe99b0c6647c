/**
 * `npm test`: lists the test files, leaves out those whose programs are missing, and hands the rest to node's runner.
 * Ends with the runner's own counts; exits non-zero on a failed test, an empty list, or in CI on a file left out.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { LEFT_OUT_VARIABLE, describeLeftOut, isOnPath, neededCommands, partByNeeds, searchPath } from "./needs.ts";
import { listTestFiles, selectFiles } from "./test-files.ts";

interface Options {
  readonly coverage?: boolean;
  readonly concurrency: number;
}

const REPORTER = join(import.meta.dirname, "summary-last.mjs");
const C8 = join(import.meta.dirname, "../node_modules/c8/bin/c8.js");

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("expected an integer of at least 1");
  return value;
}

function isCi(value: string | undefined): boolean {
  return value !== undefined && !["", "0", "false"].includes(value.toLowerCase());
}

/** Runs node with the terminal's own streams; resolves with its exit code, 1 when a signal ended it. */
async function runNode(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: "inherit", env });
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });
}

async function main(filters: readonly string[], options: Options): Promise<number> {
  const root = process.cwd();
  const path = searchPath(process.env["PATH"] ?? "");
  const files = selectFiles(root, listTestFiles(root), filters);
  const { runnable, leftOut } = partByNeeds(
    files,
    (file) => neededCommands(readFileSync(join(root, file), "utf8")),
    (command) => isOnPath(command, path),
  );
  const incomplete = leftOut.length > 0 && isCi(process.env["CI"]);
  const env: NodeJS.ProcessEnv = { ...process.env, PATH: path };
  // A runner that believes it runs inside a test of another runner would report to that one.
  delete env["NODE_TEST_CONTEXT"];
  // Set to undefined it is not inherited either.
  env[LEFT_OUT_VARIABLE] = leftOut.length > 0 ? describeLeftOut(leftOut, incomplete) : undefined;
  if (leftOut.length > 0) console.error(env[LEFT_OUT_VARIABLE]);
  if (runnable.length === 0) {
    console.error("tests: nothing is left to run");
    return 1;
  }
  const node = [
    "--import",
    import.meta.resolve("tsx"),
    "--test",
    `--test-concurrency=${options.concurrency}`,
    `--test-reporter=${REPORTER}`,
    "--test-reporter-destination=stdout",
    ...runnable,
  ];
  const c8 = [C8, "--all", "--include=**/*.ts", "--exclude=**/*.test.ts", "--reporter=text", "--reporter=lcov"];
  const code = await runNode(options.coverage === true ? [...c8, process.execPath, ...node] : node, env);
  return code === 0 && incomplete ? 1 : code;
}

const program = new Command("npm test --")
  .description("Runs the tests. A file with a line `// needs: <commands>` is left out where a command is missing.")
  .argument("[paths...]", "only test files whose path contains one of these")
  .option("--coverage", "measure coverage with c8: a table after the counts, lcov in coverage/")
  .option("--concurrency <files>", "test files run at a time", positive, Math.max(2, availableParallelism()))
  .action(async (filters: string[], options: Options) => {
    try {
      process.exitCode = await main(filters, options);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      console.error(error.message);
      process.exitCode = 2;
    }
  });

await program.parseAsync();
