/**
 * `npm test`: lists the test files, leaves out those whose programs are missing, compiles the rest and hands it to
 * node's runner; for coverage, and where they cannot be compiled, it hands over the sources.
 * Ends with the runner's own counts; exits non-zero on a failed test, an empty list, or in CI on a file left out.
 */
import { spawn } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { compileTests } from "./compile-tests.ts";
import { HANG_LIMITS, endHangingFiles } from "./hang-watch.ts";
import { LEFT_OUT_VARIABLE, describeLeftOut, isOnPath, neededCommands, partByNeeds, searchPath } from "./needs.ts";
import { listTestFiles, selectFiles } from "./test-files.ts";
import { groupTests } from "./test-groups.ts";

interface Options {
  readonly coverage?: boolean;
  readonly concurrency: number;
  /** In seconds. */
  readonly idle: number;
  readonly busy: number;
}

const REPORTER = join(import.meta.dirname, "summary-last.mjs");
/** One more than there are cores: files that start processes wait for them much of their time. */
const AT_A_TIME = Math.max(2, availableParallelism()) + 1;
/**
 * Of the young generation, in megabytes: files run one after another in a process leave much behind, and with node's own
 * 16 a sixth more processor time goes into its collection.
 */
const YOUNG_GENERATION = 64;
/** What has not ended by then is ended whatever it does, as a failure with its name. In milliseconds. */
const HANGS_AFTER = 600_000;
const C8_ARGUMENTS = [
  join(import.meta.dirname, "../node_modules/c8/bin/c8.js"),
  ...["--all", "--include=**/*.ts", "--exclude=**/*.test.ts", "--reporter=text", "--reporter=lcov"],
];

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("expected an integer of at least 1");
  return value;
}

function isCi(value: string | undefined): boolean {
  return value !== undefined && !["", "0", "false"].includes(value.toLowerCase());
}

/** Runs node with the terminal's own streams; resolves with its exit code, 1 when a signal ended it. */
async function runNode(args: readonly string[], env: NodeJS.ProcessEnv, { idle, busy }: Options): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: "inherit", env });
    const limits = { idleSeconds: idle, busySeconds: busy };
    const stopWatching = child.pid === undefined ? () => {} : endHangingFiles(child.pid, limits, console.error);
    child.once("error", reject);
    child.once("exit", (code) => {
      stopWatching();
      resolve(code ?? 1);
    });
  });
}

function runnerArguments({ concurrency }: Options, flag: readonly string[], files: readonly string[]): string[] {
  return [
    ...flag,
    `--max-semi-space-size=${YOUNG_GENERATION}`, // each file's process is given the flags of its runner
    "--test",
    `--test-concurrency=${concurrency}`,
    `--test-timeout=${HANGS_AFTER}`,
    `--test-reporter=${REPORTER}`,
    "--test-reporter-destination=stdout",
    ...files,
  ];
}

/** The runner's arguments for sources: tsx loads them. */
function sourceArguments(root: string, files: readonly string[], options: Options): string[] {
  const paths = files.map((file) => join(root, file));
  return runnerArguments(options, ["--import", import.meta.resolve("tsx")], paths);
}

async function runCompiled(root: string, files: readonly string[], options: Options, env: NodeJS.ProcessEnv) {
  const groups = groupTests(files, (file) => readFileSync(join(root, file), "utf8"));
  const compiled = await compileTests(root, groups).catch((error: unknown) => {
    console.error(`tests: not compiled, so the sources run as they are, which takes longer\n${String(error)}`);
    return undefined;
  });
  // A fault in a source is told better by whoever loads the sources.
  if (compiled === undefined) return runNode(sourceArguments(root, files, options), env, options);
  // The runner gets a Ctrl-C as well, and ends; then what was compiled is deleted.
  const wait = (): void => undefined;
  process.on("SIGINT", wait);
  try {
    // By the maps a test that fails is told with the place in its source.
    return await runNode(runnerArguments(options, ["--enable-source-maps"], compiled.programs), env, options);
  } finally {
    process.off("SIGINT", wait);
    rmSync(compiled.folder, { recursive: true, force: true });
  }
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
  // Tests trust the certificates they make; node 20 would read all that this machine trusts at each start.
  delete env["NODE_EXTRA_CA_CERTS"];
  // Set to undefined it is not inherited either.
  env[LEFT_OUT_VARIABLE] = leftOut.length > 0 ? describeLeftOut(leftOut, incomplete) : undefined;
  if (leftOut.length > 0) console.error(env[LEFT_OUT_VARIABLE]);
  if (runnable.length === 0) {
    console.error("tests: nothing is left to run");
    return 1;
  }
  const code =
    options.coverage === true
      ? await runNode([...C8_ARGUMENTS, process.execPath, ...sourceArguments(root, runnable, options)], env, options)
      : await runCompiled(root, runnable, options, env);
  return code === 0 && incomplete ? 1 : code;
}

const program = new Command("npm test --")
  .description("Runs the tests. A file with a line `// needs: <commands>` is left out where a command is missing.")
  .argument("[paths...]", "only test files whose path contains one of these")
  .option("--coverage", "measure coverage with c8: a table after the counts, lcov in coverage/")
  .option("--concurrency <files>", "test files run at a time", positive, AT_A_TIME)
  .option("--idle <seconds>", "end a file that uses no processor time for so long", positive, HANG_LIMITS.idleSeconds)
  .option("--busy <seconds>", "end a file that uses so much of it", positive, HANG_LIMITS.busySeconds)
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
