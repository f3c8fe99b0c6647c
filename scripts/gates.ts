/**
 * The gates of `npm run check`: what each one runs, and how to run several at a time. A gate passes when its program
 * exits with 0; what the program said is kept for those that fail.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";

/** One check: a program of node_modules/.bin and its arguments. */
export interface Gate {
  readonly name: string;
  readonly about: string;
  readonly program: string;
  readonly args: readonly string[];
  /** The gate that does this as well: beside it there is nothing left for this one. */
  readonly within?: string;
}

/** How a gate ended. */
export interface GateResult {
  readonly gate: Gate;
  readonly passed: boolean;
  readonly seconds: number;
  /** What it printed, both streams. */
  readonly output: string;
}

/**
 * Compilers make more than they keep: with room for it, collecting garbage takes a sixth of the time less. In MiB, of
 * each process of a gate.
 */
const YOUNG_GENERATION = 128;

/** Slowest first, so that two at a time finish soonest. */
export const GATES: readonly Gate[] = [
  {
    name: "lint",
    about: "types, browser, and eslint on what they found",
    program: "tsx",
    args: ["scripts/lint-main.ts"],
  },
  {
    name: "types",
    about: "the TypeScript compiler alone",
    program: "tsc",
    args: ["--noEmit", "--project", "."],
    within: "lint",
  },
  {
    name: "browser",
    about: "the TypeScript compiler alone, for what runs in browsers",
    program: "tsc",
    args: ["--noEmit", "--project", "utility/dashboard"],
    within: "lint",
  },
  {
    name: "boundaries",
    about: "who may import whom",
    program: "depcruise",
    args: ["--config", ".dependency-cruiser.cjs", "--output-type", "err", "."],
  },
  {
    name: "unused",
    about: "files, exports and dependencies nobody uses",
    program: "knip",
    args: ["--no-config-hints"],
  },
  { name: "formatting", about: "biome's layout", program: "biome", args: ["format", "."] },
];

/**
 * The gates of the given names, in the table's order; all without names. A gate that another of them does as well is
 * left out. Throws RangeError for an unknown name.
 */
export function selectGates(gates: readonly Gate[], names: readonly string[]): Gate[] {
  const known = gates.map((gate) => gate.name);
  for (const name of names) {
    if (!known.includes(name)) throw new RangeError(`gate: expected one of ${known.join(", ")}, got "${name}"`);
  }
  const wanted = gates.filter((gate) => names.length === 0 || names.includes(gate.name));
  return wanted.filter(({ within }) => !wanted.some(({ name }) => name === within));
}

/** Runs a gate in the package at `root`. A program that cannot be started fails its gate and says why. */
export async function runGate(gate: Gate, root: string, now: () => number): Promise<GateResult> {
  const start = now();
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const end = (passed: boolean, remark = ""): void => {
      const output = Buffer.concat(chunks).toString("utf8") + remark;
      resolve({ gate, passed, seconds: (now() - start) / 1000, output });
    };
    const child = spawn(join(root, "node_modules/.bin", gate.program), gate.args, {
      cwd: root,
      env: {
        ...process.env,
        NODE_OPTIONS: `${process.env["NODE_OPTIONS"] ?? ""} --max-semi-space-size=${YOUNG_GENERATION}`,
      },
    });
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.once("error", (error) => {
      end(false, `${gate.program} could not be run: ${error.message}\n`);
    });
    child.once("close", (code, signal) => {
      end(code === 0, signal === null ? "" : `${gate.program} was ended by ${signal}\n`);
    });
  });
}

/** Runs `task` over all items, at most `width` at a time; results in the items' order. */
export async function atMost<In, Out>(
  width: number,
  items: readonly In[],
  task: (item: In) => Promise<Out>,
): Promise<Out[]> {
  const results = new Array<Out>(items.length);
  // The lanes share one iterator: whichever is free takes the next item.
  const queue = items.entries();
  const lane = async (): Promise<void> => {
    for (const [index, item] of queue) results[index] = await task(item);
  };
  await Promise.all(Array.from({ length: width }, lane));
  return results;
}

/** The heading above the rows. */
export const HEADING = "gate        result  seconds";

/** The line a person reads about one gate. */
export function formatRow(result: GateResult): string {
  const { gate, passed, seconds } = result;
  return `${gate.name.padEnd(12)}${(passed ? "ok" : "FAILED").padEnd(8)}${seconds.toFixed(1).padStart(7)}`;
}

/** What the failing gates said, and how many there are. */
export function formatSummary(results: readonly GateResult[]): string {
  const failed = results.filter((result) => !result.passed);
  const outputs = failed.map(({ gate, output }) => `\n--- ${gate.name} (${gate.about})\n${output.trimEnd()}\n`);
  const verdict =
    failed.length === 0
      ? `${results.length} of ${results.length} gates passed`
      : `${failed.length} of ${results.length} gates failed: ${failed.map((result) => result.gate.name).join(", ")}`;
  return `${outputs.join("")}\n${verdict}`;
}
