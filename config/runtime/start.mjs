/**
 * Starts a program of this project: `node config/runtime/start.mjs broker/main.ts <arguments>`.
 *
 * Loading a role from TypeScript, file by file, takes more than a second of CPU time; from one file of JavaScript it
 * takes half of it. So programs are compiled into node_modules/.cache, and again whenever one of their sources has
 * changed. Where nothing can be written there, the sources are loaded as they are.
 * A program whose parent is gone ends: who still waits for a broker would else wait for ever, for nobody.
 *
 * JavaScript, because it runs before anything that knows TypeScript.
 */
import { mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** Inside the project, so that packages are found from there. */
const CACHE = join(ROOT, "node_modules/.cache/wattveil");
const SELF = "config/runtime/start.mjs";

const THREAD = /new URL\("(\.[^"]+\.ts)", import\.meta\.url\)/g;
const BESIDE = /new URL\("(\.[^"]+)", import\.meta\.url\)/g;
const FOLDER = /\bimport\.meta\.dirname\b/g;

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
  const { mtimeMs, size } = await stat(path);
  return `${path} ${mtimeMs} ${size}`;
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
async function compile(entry) {
  const program = join(CACHE, `${entry.replaceAll(/[\\/]/g, "-")}.mjs`);
  const known = await currentSources(program);
  if (known !== undefined) return { program, sources: known };

  const { build } = await import("esbuild");
  /** @type {Sources} */
  const sources = { [SELF]: await stampOf(SELF) };
  const result = await build({
    entryPoints: [join(ROOT, entry)],
    absWorkingDir: ROOT,
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20",
    sourcemap: "inline",
    sourcesContent: false,
    metafile: true,
    write: false,
    outfile: program,
    logLevel: "silent",
    plugins: [
      { name: "places", setup: ({ onLoad }) => onLoad({ filter: /\.ts$/ }, ({ path }) => load(path, sources)) },
    ],
  });
  for (const file of Object.keys(result.metafile.inputs)) sources[file] ??= await stampOf(file);
  await mkdir(CACHE, { recursive: true });
  await writeWhole(program, result.outputFiles[0].contents);
  await writeWhole(`${program}.json`, JSON.stringify(sources));
  return { program, sources };
}

/**
 * A compiled file lies elsewhere: what a source says of its own place is written out. Its threads are compiled as well.
 * @param {string} path
 * @param {Sources} sources to which those of its threads are added
 * @returns {Promise<import("esbuild").OnLoadResult | undefined>}
 */
async function load(path, sources) {
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

function endWithoutParent() {
  const end = () => process.kill(process.pid, "SIGTERM");
  if (process.connected) process.once("disconnect", end);
  else end();
}

if (process.send !== undefined) endWithoutParent();

const [node, , path, ...args] = process.argv;
/** Relative to the project, from wherever it is started. */
const entry = relative(ROOT, resolve(ROOT, path));
/** @type {string} */
let file;
try {
  file = (await compile(entry)).program;
  process.setSourceMapsEnabled(true);
} catch (error) {
  // A fault in a source is told better by whoever loads the sources.
  file = join(ROOT, entry);
  const { register } = await import("tsx/esm/api");
  register();
}
process.argv = [node, file, ...args];
await import(pathToFileURL(file).href);
