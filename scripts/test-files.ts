/**
 * Which test files there are. Listed here rather than by a glob of node's runner, which on Node 20 runs nothing and
 * succeeds when its pattern matches nothing.
 */
import { readFileSync, readdirSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";

/** The folder names that a .gitignore excludes at any depth: its lines of the form `name/`. */
export function ignoredFolders(gitignore: string): Set<string> {
  const names = gitignore
    .split(/\r?\n/)
    .map((line) => /^\/?([^/!#*?]+)\/$/.exec(line.trim())?.[1])
    .filter((name) => name !== undefined);
  return new Set(["node_modules", ...names]);
}

/** Every `*.test.ts` below `root`, relative to it with forward slashes, sorted; hidden and ignored folders excluded. */
export function listTestFiles(root: string): string[] {
  const ignored = ignoredFolders(readGitignore(root));
  const found: string[] = [];
  const visit = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        if (!entry.name.startsWith(".") && !ignored.has(entry.name)) visit(path);
      } else if (entry.name.endsWith(".test.ts")) {
        found.push(relative(root, path).split(sep).join("/"));
      }
    }
  };
  visit(root);
  return found.sort();
}

function readGitignore(root: string): string {
  try {
    return readFileSync(join(root, ".gitignore"), "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    throw error;
  }
}

/**
 * The files that some filter selects; all of them without filters. A filter is a file, a folder, or part of a path.
 * Throws RangeError for a filter that selects nothing, and when there is no file at all.
 */
export function selectFiles(root: string, files: readonly string[], filters: readonly string[]): string[] {
  if (files.length === 0) throw new RangeError(`tests: no *.test.ts file below ${root}`);
  if (filters.length === 0) return [...files];
  const selected = new Set<string>();
  for (const filter of filters) {
    const path = relative(root, resolve(root, filter)).split(sep).join("/");
    const hits = files.filter((file) => file.includes(path));
    if (hits.length === 0) throw new RangeError(`tests: "${filter}" selects none of ${files.length} test files`);
    for (const hit of hits) selected.add(hit);
  }
  return files.filter((file) => selected.has(file));
}
