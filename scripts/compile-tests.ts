/**
 * Compiles test files before they run: all of them at once, with what they share in chunks. A process then starts in a
 * third of the time that it takes to load its sources one by one; with hundreds of files that is minutes.
 *
 * A file with a line `// as it is: <why>` is left to tsx: one that holds other sources as text, for example.
 */
import { mkdirSync, mkdtempSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Plugin, build as esbuild } from "esbuild";
import { CACHE, buildOptions } from "../config/runtime/compile.mjs";

const AS_IT_IS = /^\/\/ as it is: ./m;

export interface CompiledTests {
  /** Holds what was compiled; to be deleted after the run. */
  readonly folder: string;
  /** Absolute paths for node's runner, which sorts them: their names keep the order in which they were given. */
  readonly programs: readonly string[];
}

/**
 * Compiles one program of each group of files; paths are relative to `root`. Rejects when a source is wrong or nothing
 * can be written.
 */
export async function compileTests(root: string, groups: readonly (readonly string[])[]): Promise<CompiledTests> {
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(join(CACHE, "tests-"));
  const entries = new Map(groups.map((files, index) => [nameOf(files, index), files.map((file) => join(root, file))]));
  const { plugins = [], ...options } = await buildOptions({});
  await esbuild({
    ...options,
    plugins: [groupPlugin(entries), ...plugins],
    entryPoints: [...entries.keys()].map((name) => ({ in: `${GROUP}:${name}`, out: name })),
    outdir: folder,
    sourcemap: "inline",
    splitting: true,
    chunkNames: "shared/[hash]",
    // Where one hangs its inspector tells (where-it-hangs.ts); the usual port is free for one process alone.
    banner: { js: "process.debugPort = 0;" },
  });
  return { folder, programs: [...entries.keys()].map((name) => join(folder, `${name}.mjs`)) };
}

const GROUP = "wattveil-test-group";

/** The source of a group: it imports its files, one after another. */
function groupPlugin(groups: ReadonlyMap<string, readonly string[]>): Plugin {
  const prefix = `${GROUP}:`;
  return {
    name: GROUP,
    setup(build) {
      build.onResolve({ filter: new RegExp(`^${prefix}`) }, ({ path }) => ({
        path: path.slice(prefix.length),
        namespace: GROUP,
      }));
      build.onLoad({ filter: /./, namespace: GROUP }, ({ path }) => ({
        contents: (groups.get(path) ?? []).map(importOf).join("\n"),
        resolveDir: "/",
      }));
    },
  };
}

/** The name of a module that is computed stays as it is. */
function importOf(file: string): string {
  if (!AS_IT_IS.test(readFileSync(file, "utf8"))) return `import ${JSON.stringify(file)};`;
  const url = JSON.stringify(pathToFileURL(file).href);
  return `import { register } from "tsx/esm/api"; register(); await import([${url}][0]);`;
}

/** A person who looks at the processes sees where they are. */
function nameOf([first = "", ...others]: readonly string[], index: number): string {
  const stem = first.replace(/\.test\.ts$/, "").replaceAll("/", "-");
  return `${String(index).padStart(4, "0")}-${stem}${others.length > 0 ? `-and-${others.length}-more` : ""}`;
}
