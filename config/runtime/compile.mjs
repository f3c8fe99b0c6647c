/**
 * Makes one file of JavaScript of a program, its sources and most of the packages that they use, in
 * node_modules/.cache, and again whenever one of its sources or the lock file has changed.
 *
 * Loading a role from TypeScript, file by file, takes more than a second of CPU time; with the sources in one file and
 * the packages in hundreds of others it took half a second, and in one file it takes a third.
 *
 * JavaScript, because it runs before anything that knows TypeScript.
 */
import { mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** Inside the project, so that packages are found from there. */
export const CACHE = join(ROOT, "node_modules/.cache/wattveil");
/** What a compiled program depends on besides its sources: how it is compiled, and the versions of packages. */
const ALWAYS = ["config/runtime/compile.mjs", "package-lock.json"];

const THREAD = /new URL\("(\.[^"]+\.ts)", import\.meta\.url\)/g;
const BESIDE = /new URL\("(\.[^"]+)", import\.meta\.url\)/g;
const FOLDER = /\bimport\.meta\.dirname\b/g;

/** Packages of plain JavaScript that roles load at their start. Others have binaries, or threads of their own. */
const PACKAGES = new Set([
  ...["@hpke/common", "@hpke/core", "@peculiar/x509", "aedes", "cli-progress", "cli-table3", "commander"],
  ...["csv-parse", "csv-stringify", "kysely", "luxon", "mqtt", "mqtt-packet", "pino", "reflect-metadata"],
  ...["ws", "yaml", "zod"],
]);
const PACKAGE_NAME = /^(@[^/]+\/)?[^/]+/;
const INSTALLED = /[\\/]node_modules[\\/]/;
const SCRIPT = /\.[cm]?js$/;
/** A source map that says nothing: lines of packages are told as they are, which keeps the program's own map small. */
const NO_MAP =
  "\n//# sourceMappingURL=data:application/json;base64,eyJ2ZXJzaW9uIjozLCJzb3VyY2VzIjpbIiJdLCJtYXBwaW5ncyI6IkEifQ==";
/** What packages written for `require` ask of their surroundings. */
const REQUIRE =
  'import { createRequire as wattveilRequire } from "node:module"; const require = wattveilRequire(import.meta.url);';

/**
 * What a program was made from: each source, relative to the project, with its path, time and size.
 * @typedef {Record<string, string>} Sources
 */

/**
 * Its path is part of it: a compiled program does not work in a project that was moved.
 * @param {string} source
 */
async function stampOf(source) {
  const path = join(ROOT, source);
  try {
    const { mtimeMs, size } = await stat(path);
    return `${path} ${mtimeMs} ${size}`;
  } catch {
    return "not there";
  }
}

/**
 * The sources of a program that is there and still as they are, or undefined.
 * @param {string} program
 * @returns {Promise<Sources | undefined>}
 */
async function currentSources(program) {
  try {
    /** @type {Sources} */
    const sources = JSON.parse(await readFile(`${program}.json`, "utf8"));
    const same = await Promise.all(
      Object.entries(sources).map(async ([file, stamp]) => (await stampOf(file)) === stamp),
    );
    await stat(program);
    return same.every(Boolean) ? sources : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Others may start the same program at the same time: they see all of a file or nothing.
 * @param {string} file
 * @param {string | Uint8Array} contents
 */
async function writeWhole(file, contents) {
  const partial = `${file}.${process.pid}`;
  await writeFile(partial, contents);
  await rename(partial, file);
}

/**
 * Compiles a program and the threads that it starts, unless that was done.
 * @param {string} entry path of its first file, relative to the project
 * @returns {Promise<{ program: string, sources: Sources }>}
 */
export async function compile(entry) {
  const program = join(CACHE, `${entry.replaceAll(/[\\/]/g, "-")}.mjs`);
  const known = await currentSources(program);
  if (known !== undefined) return { program, sources: known };

  const { build } = await import("esbuild");
  /** @type {Sources} */
  const sources = {};
  const result = await build({
    ...buildOptions(sources),
    entryPoints: [join(ROOT, entry)],
    metafile: true,
    write: false,
    outfile: program,
  });
  const own = Object.keys(result.metafile.inputs).filter((file) => !INSTALLED.test(file));
  for (const file of [...ALWAYS, ...own]) sources[file] ??= await stampOf(file);
  await mkdir(CACHE, { recursive: true });
  await writeWhole(program, result.outputFiles[0].contents);
  await writeWhole(`${program}.json`, JSON.stringify(sources));
  return { program, sources };
}

/**
 * How esbuild compiles anything of this project.
 * @param {Sources} sources to which those of the threads are added that a compiled file starts
 * @returns {import("esbuild").BuildOptions}
 */
export function buildOptions(sources) {
  return {
    absWorkingDir: ROOT,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    sourcemap: "inline",
    sourcesContent: false,
    banner: { js: REQUIRE },
    logLevel: "silent",
    plugins: [
      {
        name: "wattveil",
        setup({ onLoad, onResolve }) {
          onResolve({ filter: /^[^./]/ }, resolvePackage);
          onLoad({ filter: /\.ts$/ }, ({ path }) => loadSource(path, sources));
          onLoad({ filter: SCRIPT }, ({ path }) => (INSTALLED.test(path) ? loadInstalled(path) : undefined));
        },
      },
    ],
  };
}

/**
 * A package stays where it is, unless it is one of those above or is used by one of them.
 * @param {import("esbuild").OnResolveArgs} args
 * @returns {import("esbuild").OnResolveResult | undefined}
 */
function resolvePackage({ path, importer, kind }) {
  if (kind === "entry-point" || INSTALLED.test(importer)) return undefined;
  return PACKAGES.has(PACKAGE_NAME.exec(path)?.[0] ?? path) ? undefined : { path, external: true };
}

/**
 * @param {string} path
 * @returns {Promise<import("esbuild").OnLoadResult>}
 */
async function loadInstalled(path) {
  const text = await readFile(path, "utf8");
  return { contents: text.replaceAll(/^\/\/# sourceMappingURL=.*$/gm, "") + NO_MAP, loader: "js" };
}

/**
 * A compiled file lies elsewhere: what a source says of its own place is written out. Its threads are compiled as well.
 * @param {string} path
 * @param {Sources} sources to which those of its threads are added
 * @returns {Promise<import("esbuild").OnLoadResult | undefined>}
 */
async function loadSource(path, sources) {
  const text = await readFile(path, "utf8");
  if (!text.includes("import.meta")) return undefined;
  /** @type {Map<string, string>} */
  const threads = new Map();
  for (const [expression, file] of text.matchAll(THREAD)) {
    const thread = await compile(relative(ROOT, resolve(dirname(path), file)));
    Object.assign(sources, thread.sources);
    threads.set(expression, urlOf(pathToFileURL(thread.program)));
  }
  const contents = text
    .replaceAll(THREAD, (expression) => threads.get(expression) ?? expression)
    .replaceAll(BESIDE, (_, file) => urlOf(new URL(file, pathToFileURL(path))))
    .replaceAll(FOLDER, JSON.stringify(dirname(path)));
  return { contents, loader: "ts" };
}

/** @param {URL} url */
function urlOf({ href }) {
  return `new URL(${JSON.stringify(href)})`;
}
