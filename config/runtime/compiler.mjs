/**
 * What everything that is compiled has in common: where it lies, what it depends on, and the compiler.
 *
 * JavaScript, because it runs before anything that knows TypeScript.
 */
import { randomUUID } from "node:crypto";
import { statSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** Inside the project, so that packages are found from there. */
export const CACHE = join(ROOT, "node_modules/.cache/wattveil");
/** What a compiled program depends on besides its sources: how it is compiled, and the versions of packages. */
export const ALWAYS = [
  ...["compile", "compiler", "packages", "script"].map((name) => `config/runtime/${name}.mjs`),
  "package-lock.json",
];

/** @type {import("esbuild").BuildOptions} */
export const COMMON = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  outExtension: { ".js": ".mjs" },
  logLevel: "silent",
};

/**
 * Its path is part of it: a compiled program does not work in a project that was moved.
 * @param {string} source
 */
export function stampOf(source) {
  const path = join(ROOT, source);
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? "not there" : `${path} ${found.mtimeMs} ${found.size}`;
}

/**
 * Others may make the same file at the same time, also in this process: they see all of it or nothing.
 * @param {string} file
 * @param {string | Uint8Array} contents
 */
export async function writeWhole(file, contents) {
  const partial = `${file}.${randomUUID()}`;
  await writeFile(partial, contents);
  await rename(partial, file);
}

/** @type {typeof import("esbuild") | undefined} */
let esbuild;

export async function compiler() {
  esbuild ??= await import("esbuild");
  return esbuild;
}

/** Ends the compiler's process, which else stays beside this one, idle, with a pipe to it. */
export async function endCompiler() {
  await esbuild?.stop();
}
