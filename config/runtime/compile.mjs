/**
 * Makes one file of JavaScript of a program in node_modules/.cache, and again whenever one of its sources has changed:
 * a script for `start.mjs`, a module for threads and tests. The packages that most of them use are made once for all.
 *
 * Loading a role from TypeScript, file by file, takes more than a second of CPU time; with its sources in one file and
 * the packages in hundreds of others it takes half a second, and as a script whose machine code is kept (`script.mjs`)
 * a quarter.
 *
 * JavaScript, because it runs before anything that knows TypeScript.
 */
import { mkdir, readFile, readdir, rm, stat } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { ALWAYS, CACHE, COMMON, ROOT, compiler, stampOf, writeWhole } from "./compiler.mjs";
import { packageModules, packagesScript } from "./packages.mjs";
import { CODE, scriptOf } from "./script.mjs";

export { CACHE, ROOT, endCompiler, stampOf, writeWhole } from "./compiler.mjs";

const THREAD = /new URL\("(\.[^"]+\.ts)", import\.meta\.url\)/g;
const BESIDE = /,\s*import\.meta\.url\s*\)/g;
/** Their `new URL("./main.ts", import.meta.url)` are programs to be started, as sources. */
const TESTS = /(\.test\.ts$|[\\/]testing[\\/])/;
const FOLDER = /\bimport\.meta\.dirname\b/g;

/**
 * What a program was made from: each source, relative to the project, with its path, time and size.
 * @typedef {Record<string, string>} Sources
 */

/**
 * The sources of a program, or of a folder, that is there and still as they are, or undefined.
 * @param {string} program
 * @returns {Promise<Sources | undefined>}
 */
export async function currentSources(program) {
  try {
    /** @type {Sources} */
    const sources = JSON.parse(await readFile(`${program}.json`, "utf8"));
    await stat(program);
    // One after another: hundreds of promises take longer than hundreds of files.
    return Object.entries(sources).every(([file, stamp]) => stampOf(file) === stamp) ? sources : undefined;
  } catch {
    return undefined;
  }
}

/**
 * What this process is making now: sources that start the same thread ask for it at the same time.
 * @type {Map<string, Promise<{ program: string, sources: Sources }>>}
 */
const inWork = new Map();

/**
 * Compiles a program and the threads that it starts, unless that was done.
 * @param {string} entry path of its first file, relative to the project
 * @param {boolean} asScript for `runScript`, with packages; else a module
 * @returns {Promise<{ program: string, sources: Sources }>}
 */
export function compile(entry, asScript = false) {
  const program = join(CACHE, `${entry.replaceAll(/[\\/]/g, "-")}.${asScript ? "js" : "mjs"}`);
  const work = inWork.get(program) ?? compileNow(entry, program, asScript).finally(() => inWork.delete(program));
  inWork.set(program, work);
  return work;
}

/**
 * @param {string} entry
 * @param {string} program
 * @param {boolean} asScript
 * @returns {Promise<{ program: string, sources: Sources }>}
 */
async function compileNow(entry, program, asScript) {
  const known = await currentSources(program);
  if (known !== undefined) return { program, sources: known };

  const { build } = await compiler();
  /** @type {Sources} */
  const sources = {};
  const result = await build({
    ...(await (asScript ? scriptOptions(sources, program) : buildOptions(sources))),
    entryPoints: [join(ROOT, entry)],
    metafile: true,
    write: false,
    outfile: program,
  });
  // Packages change with the lock file.
  const own = Object.keys(result.metafile.inputs).filter((file) => !file.includes("node_modules/"));
  for (const file of [...ALWAYS, ...own]) sources[file] ??= stampOf(file);
  await mkdir(CACHE, { recursive: true });
  for (const { path, contents, text } of result.outputFiles) {
    const [output] = asScript && path === program ? Object.values(result.metafile.outputs).filter(hasEntry) : [];
    const whole = output === undefined ? contents : scriptOf(text, output.imports, await packagesScript());
    await writeWhole(path, whole);
  }
  if (asScript) await forgetCode(program);
  await writeWhole(`${program}.json`, JSON.stringify(sources));
  return { program, sources };
}

/** @param {import("esbuild").Metafile["outputs"][string]} output */
function hasEntry({ entryPoint }) {
  return entryPoint !== undefined;
}

/**
 * Machine code of what a program was before.
 * @param {string} program
 */
async function forgetCode(program) {
  const names = await readdir(CACHE);
  const old = names.filter((name) => name.startsWith(`${basename(program)}.`) && name.endsWith(CODE));
  await Promise.all(old.map((name) => rm(join(CACHE, name), { force: true })));
}

/**
 * How esbuild compiles anything of this project.
 * @param {Sources} sources to which those of the threads are added that a compiled file starts
 * @returns {Promise<import("esbuild").BuildOptions>}
 */
export async function buildOptions(sources) {
  const modules = await packageModules();
  return {
    ...COMMON,
    sourcemap: "inline",
    sourcesContent: false,
    plugins: [
      {
        name: "wattveil",
        setup({ onLoad, onResolve }) {
          onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
            kind === "entry-point" ? undefined : { path: modules.get(path) ?? path, external: true },
          );
          onLoad({ filter: /\.ts$/ }, ({ path }) => loadSource(path, sources));
        },
      },
    ],
  };
}

/**
 * How esbuild compiles what becomes a script: by nothing but its imports it needs a module's surroundings.
 * @param {Sources} sources to which those of the threads are added that a compiled file starts
 * @param {string} program
 * @returns {Promise<import("esbuild").BuildOptions>}
 */
async function scriptOptions(sources, program) {
  return {
    ...COMMON,
    outExtension: { ".js": ".js" },
    sourcemap: "external",
    sourcesContent: false,
    define: { "import.meta.url": JSON.stringify(pathToFileURL(program).href) },
    plugins: [
      {
        name: "wattveil",
        setup({ onLoad, onResolve }) {
          onResolve({ filter: /^[^./]/ }, ({ path, kind }) =>
            kind === "entry-point" ? undefined : { path, external: true },
          );
          onLoad({ filter: /\.ts$/ }, ({ path }) => loadSource(path, sources));
        },
      },
    ],
  };
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
  for (const [expression, file] of TESTS.test(path) ? [] : text.matchAll(THREAD)) {
    const thread = await compile(relative(ROOT, resolve(dirname(path), file)));
    Object.assign(sources, thread.sources);
    threads.set(expression, urlOf(pathToFileURL(thread.program)));
  }
  const contents = text
    .replaceAll(THREAD, (expression) => threads.get(expression) ?? expression)
    .replaceAll(BESIDE, `, ${JSON.stringify(pathToFileURL(path).href)})`)
    .replaceAll(FOLDER, JSON.stringify(dirname(path)));
  return { contents, loader: "ts" };
}

/** @param {URL} url */
function urlOf({ href }) {
  return `new URL(${JSON.stringify(href)})`;
}
