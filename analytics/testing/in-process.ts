/** A command, run in the test's own process: starting one costs more than what it computes. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { commandOf } from "../../config/runtime/command-line.ts";
import { type RoleContext, UsageError } from "../../config/runtime/role-command.ts";
import type { OptionValues, RoleCommand } from "../../config/runtime/role.ts";

const ROOT = join(import.meta.dirname, "../..");

interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What `work` prints, and gives. */
export async function captured<T>(
  work: () => T | Promise<T>,
): Promise<{ readonly result: T; readonly stdout: string; readonly stderr: string }> {
  const printed = { stdout: "", stderr: "" };
  const write = {
    stdout: process.stdout.write.bind(process.stdout),
    stderr: process.stderr.write.bind(process.stderr),
  };
  for (const name of ["stdout", "stderr"] as const) {
    process[name].write = (text: string | Uint8Array): boolean => {
      // Bytes are the test runner's own messages.
      if (typeof text !== "string") return write[name](text);
      printed[name] += text;
      return true;
    };
  }
  try {
    return { result: await work(), ...printed };
  } finally {
    process.stdout.write = write.stdout;
    process.stderr.write = write.stderr;
  }
}

/** What `runRole` would hand a role for these words. */
export function contextOf(role: RoleCommand, args: readonly string[]): RoleContext {
  const command = commandOf(role).parse(args, { from: "user" });
  const options: OptionValues = command.opts();
  const signal = new AbortController().signal;
  return { options, operands: command.args, json: options["json"] === true, signal } as unknown as RoleContext;
}

/** Runs `role` in a folder, as `runRole` would; of wrong usage, `stderr` is its message alone. */
export async function runInProcess(role: RoleCommand, folder: string, args: readonly string[]): Promise<Said> {
  const before = process.cwd();
  process.chdir(folder);
  try {
    const { result, ...printed } = await captured(async () => (await role.run(contextOf(role, args))) ?? 0);
    return { code: result, ...printed };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return { code: error.exitCode, stdout: "", stderr: error.message };
  } finally {
    process.chdir(before);
  }
}

/** The commands of all `sh` blocks of a page, as words without `npm run NAME --`. Throws Error for any other line. */
export function commandsOf(page: string, name: string): string[][] {
  const text = readFileSync(join(ROOT, page), "utf8");
  const lines = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, block = ""]) => block.trim().split("\n"));
  return lines.map((line) => {
    const words = line.split(" ");
    if (words.slice(0, 4).join(" ") !== `npm run ${name} --`) throw new Error(`${page}: ${line}`);
    return words.slice(4);
  });
}
