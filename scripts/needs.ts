/**
 * What a test file needs from the system. A file that runs a foreign program says so in a line of its own,
 * `// needs: mosquitto sqlite3`; it is left out, loudly, where that program is missing.
 */
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { serverFolders } from "../config/runtime/postgres/programs.ts";

/** Environment variable by which the runner tells its reporter what was left out. */
export const LEFT_OUT_VARIABLE = "WATTVEIL_TESTS_LEFT_OUT";

/** A test file that cannot run here, and the commands it misses. */
export interface LeftOut {
  readonly file: string;
  readonly missing: readonly string[];
}

/** The commands that the `// needs:` lines of a test file name, each once. */
export function neededCommands(source: string): string[] {
  const lines = source.matchAll(/^\/\/ needs:(.*)$/gm);
  const names = [...lines].flatMap((line) => (line[1] ?? "").split(/[\s,]+/)).filter((name) => name !== "");
  return [...new Set(names)];
}

/** PATH with the folders where Debian keeps daemons and PostgreSQL, which a user's PATH often lacks. */
export function searchPath(path: string, others: readonly string[] = serverFolders()): string {
  const folders = path.split(delimiter).filter((folder) => folder !== "");
  return [...new Set([...folders, "/usr/local/sbin", "/usr/sbin", "/sbin", ...others])].join(delimiter);
}

/** True when some folder of `path` holds an executable file of that name. */
export function isOnPath(command: string, path: string): boolean {
  return path.split(delimiter).some((folder) => isExecutable(join(folder, command)));
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** Parts the files that can run from those that cannot. `needs` tells a file's commands, `has` whether one is there. */
export function partByNeeds(
  files: readonly string[],
  needs: (file: string) => readonly string[],
  has: (command: string) => boolean,
): { readonly runnable: string[]; readonly leftOut: LeftOut[] } {
  const runnable: string[] = [];
  const leftOut: LeftOut[] = [];
  for (const file of files) {
    const missing = needs(file).filter((command) => !has(command));
    if (missing.length === 0) runnable.push(file);
    else leftOut.push({ file, missing });
  }
  return { runnable, leftOut };
}

/** What a person reads about the files that were left out. */
export function describeLeftOut(leftOut: readonly LeftOut[], failing: boolean): string {
  const head = `LEFT OUT: ${leftOut.length} test file${leftOut.length === 1 ? "" : "s"} whose programs are not installed`;
  const rows = leftOut.map(({ file, missing }) => `  ${file}: needs ${missing.join(", ")}`);
  return [`${head}${failing ? " (CI is set: this run fails)" : ""}`, ...rows].join("\n");
}
