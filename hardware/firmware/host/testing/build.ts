/** Compiles the core with the host's compiler into a temporary folder: plain, with sanitizers, for valgrind, 32-bit. */
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const HOST = join(import.meta.dirname, "..");
const CORE = join(HOST, "../core");

/** Warnings are errors in every build; the core is C99 without extensions. */
const COMMON = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Wshadow", "-Werror"];
const VARIANTS = {
  plain: ["-O2"],
  sanitized: ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
  // Optimised for size as on the device, with secrets marked for memcheck.
  marked: ["-Os", "-g", "-DWV_MARK_PUBLIC"],
  narrow: ["-O2", "-m32"],
} as const;

export type Variant = keyof typeof VARIANTS;

const sources = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".c"))
    .map((name) => join(folder, name));

const built = new Map<Variant, Promise<string>>();

/** Can this compiler make 32-bit programs? Debian's needs gcc-multilib for it. */
export async function hasNarrow(): Promise<boolean> {
  return await buildDriver("narrow").then(
    () => true,
    (fault: unknown) => {
      // A fault of ours would stop the 64-bit build as well; what is missing here is a library for 32 bits.
      if (/skipping incompatible|cannot find|No such file/.test(String(fault))) return false;
      throw fault;
    },
  );
}

/** The path of the driver, compiled once for each process; throws what the compiler said. */
export function buildDriver(variant: Variant): Promise<string> {
  let program = built.get(variant);
  if (program === undefined) {
    program = compile(variant);
    built.set(variant, program);
  }
  return program;
}

async function compile(variant: Variant): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "wattveil-core-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const program = join(folder, "driver");
  await run("cc", [...COMMON, ...VARIANTS[variant], "-o", program, ...sources(HOST), ...sources(CORE)]);
  return program;
}
