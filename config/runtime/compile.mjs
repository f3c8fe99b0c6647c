/**
 * Makes one file of JavaScript of a program in node_modules/.cache, and again whenever one of its sources has changed;
 * and once, for all programs, a file of each package that most of them use.
 *
 * Loading a role from TypeScript, file by file, takes more than a second of CPU time; with its sources in one file and
 * the packages in hundreds of others it takes half a second, and with both in one file each a third.
 *
 * JavaScript, because it runs before anything that knows TypeScript.
 */
import { createHash, randomUUID } from "node:crypto";
import { statSync } from "node:fs";
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isWhole, settleFolder, writeWhole } from "./whole-files.mjs";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** Inside the project, so that packages are found from there. */
export const CACHE = join(ROOT, "node_modules/.cache/wattveil");
/** What a compiled program depends on besides its sources: how it is compiled, and the versions of packages. */
const ALWAYS = ["config/runtime/compile.mjs", "package-lock.json"];

const THREAD = /new URL\("(\.[^"]+\.ts)", import\.meta\.url\)/g;
const BESIDE = /,\s*import\.meta\.url\s*\)/g;
/** Their `new URL("./main.ts", import.meta.url)` are programs to be started, as sources. */
const TESTS = /(\.test\.ts$|[\\/]testing[\\/])/;
const FOLDER = /\bimport\.meta\.dirname\b/g;

/** Packages of plain JavaScript that roles load at their start. Others have binaries, or threads of their own. */
const PACKAGES = [
  ...["@hpke/core", "@peculiar/x509", "aedes", "cli-progress", "cli-table3", "commander"],
  ...["csv-parse", "csv-parse/sync", "csv-stringify", "csv-stringify/sync", "kysely", "luxon", "mqtt", "mqtt-packet"],
  ...["pg", "pino", "prom-client", "reflect-metadata", "ws", "yaml", "zod"],
];
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
export function stampOf(source) {
  const path = join(ROOT, source);
  try {
    // Hundreds of files at each start: one after another takes a tenth of the time of all at once.
    const { mtimeMs, size } = statSync(path);
    return `${path} ${mtimeMs} ${size}`;
  } catch {
    return "not there";
  }
}

/**
 * The sources of a program, or of a folder, that is there and still as they are, or undefined.
 * @param {string} program
 * @returns {Promise<Sources | undefined>}
 */
export async function currentSources(program) {
  try {
    /** @type {{ size: number, sources: Sources }} */
    const { size, sources } = JSON.parse(await readFile(`${program}.json`, "utf8"));
    if ((await stat(program)).size !== size) return undefined;
    return Object.entries(sources).every(([file, stamp]) => stampOf(file) === stamp) ? sources : undefined;
  } catch {
    return undefined;
  }
}

/**
 * What `currentSources` reads: to be written when the program, or the folder, is there.
 * @param {string} program
 * @param {Sources} sources
 */
export async function writeSources(program, sources) {
  const { size } = await stat(program);
  await writeWhole(`${program}.json`, JSON.stringify({ size, sources }));
}

/** @type {Promise<typeof import("esbuild")> | undefined} */
let esbuild;

/** The compiler, a process of its own. */
function compiler() {
  esbuild ??= import("esbuild");
  return esbuild;
}

/** Ends the compiler, if anything was compiled: it would stay for as long as this process does. */
export async function endCompiler() {
  const started = esbuild;
  esbuild = undefined;
  await (await started?.catch(() => undefined))?.stop();
}

/**
 * What this process is making now: sources that start the same thread ask for it at the same time.
 * @type {Map<string, Promise<{ program: string, sources: Sources }>>}
 */
const inWork = new Map();

/**
 * Compiles a program and the threads that it starts, unless that was done.
 * @param {string} entry path of its first file, relative to the project
 * @returns {Promise<{ program: string, sources: Sources }>}
 */
export function compile(entry) {
  const work = inWork.get(entry) ?? compileNow(entry).finally(() => inWork.delete(entry));
  inWork.set(entry, work);
  return work;
}

/**
 * @param {string} entry
 * @returns {Promise<{ program: string, sources: Sources }>}
 */
async function compileNow(entry) {
  const program = join(CACHE, `${entry.replaceAll(/[\\/]/g, "-")}.mjs`);
  const known = await currentSources(program);
  if (known !== undefined) return { program, sources: known };

  const { build } = await compiler();
  /** @type {Sources} */
  const sources = {};
  const result = await build({
    ...(await buildOptions(sources)),
    entryPoints: [join(ROOT, entry)],
    metafile: true,
    write: false,
    outfile: program,
  });
  for (const file of [...ALWAYS, ...Object.keys(result.metafile.inputs)]) sources[file] ??= stampOf(file);
  await mkdir(CACHE, { recursive: true });
  for (const { path, contents } of result.outputFiles) await writeWhole(path, contents);
  await writeSources(program, sources);
  return { program, sources };
}

/** @type {import("esbuild").BuildOptions} */
const COMMON = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  outExtension: { ".js": ".mjs" },
  logLevel: "silent",
};

/**
 * How esbuild compiles anything of this project.
 * @param {Sources} sources to which those of the threads are added that a compiled file starts
 * @returns {Promise<import("esbuild").BuildOptions>}
 */
export async function buildOptions(sources) {
  packages ??= compilePackages();
  const folder = await packages;
  sources[relative(ROOT, folder)] = stampOf(relative(ROOT, folder));
  return {
    ...COMMON,
    sourcemap: "external",
    sourcesContent: false,
    plugins: [
      {
        name: "wattveil",
        setup({ onLoad, onResolve }) {
          onResolve({ filter: /^[^./]/ }, ({ path, kind }) => {
            if (kind === "entry-point") return undefined;
            const file = join(folder, `${nameOf(path)}.mjs`);
            return { path: PACKAGES.includes(path) ? pathToFileURL(file).href : path, external: true };
          });
          onLoad({ filter: /\.ts$/ }, ({ path }) => loadSource(path, sources));
        },
      },
    ],
  };
}

/**
 * Of zod's sixty languages English is used: the others are half of it.
 * @type {import("esbuild").Plugin}
 */
const WITHOUT_LOCALES = {
  name: "without-locales",
  setup({ onLoad }) {
    onLoad({ filter: /zod[\\/]v4[\\/]locales[\\/][\w-]+\.js$/ }, ({ path }) =>
      /[\\/](en|index)\.js$/.test(path) ? undefined : { contents: "export default undefined;" },
    );
  },
};

/** @param {string} specifier */
function nameOf(specifier) {
  return specifier.replaceAll("/", "-");
}

/**
 * Made once by a process, however many programs it compiles.
 * @type {Promise<string> | undefined}
 */
let packages;

/**
 * One file of each package, and what they share, in a folder whose name changes with their versions.
 * @returns {Promise<string>}
 */
async function compilePackages() {
  const stamps = ALWAYS.map(stampOf);
  const folder = join(CACHE, `packages-${createHash("sha256").update(stamps.join("\n")).digest("hex").slice(0, 16)}`);
  if (await isWhole(folder)) return folder;
  const { build } = await compiler();
  const made = `${folder}.${randomUUID()}`;
  await mkdir(made, { recursive: true });
  const entries = PACKAGES.map((specifier) => join(made, `${nameOf(specifier)}.entry.mjs`));
  // Packages that ask for it when they are loaded do not bring it.
  await import("reflect-metadata");
  await Promise.all(PACKAGES.map(async (specifier, i) => writeFile(entries[i] ?? "", await exportsOf(specifier))));
  try {
    await build({
      ...COMMON,
      entryPoints: PACKAGES.map((specifier, i) => ({ in: entries[i] ?? "", out: nameOf(specifier) })),
      outdir: made,
      // Node reads all of a file before it runs any of it.
      minifyWhitespace: true,
      minifySyntax: true,
      legalComments: "none",
      splitting: true,
      chunkNames: "shared/[hash]",
      banner: { js: REQUIRE },
      plugins: [WITHOUT_LOCALES],
    });
    await settleFolder(made);
    await put(made, folder);
  } catch (error) {
    await rm(made, { recursive: true, force: true });
    throw error;
  }
  return folder;
}

/**
 * @param {string} made
 * @param {string} folder where another process may have put what it made, or a broken disk has left a part
 */
async function put(made, folder) {
  try {
    await rename(made, folder);
  } catch {
    if (await isWhole(folder)) return rm(made, { recursive: true });
    await rm(folder, { recursive: true, force: true });
    await rename(made, folder);
  }
}

/**
 * A source that exports what a package does, by name: of one written for `require` only node knows the names.
 * @param {string} specifier
 */
async function exportsOf(specifier) {
  const names = Object.keys(await import(specifier));
  return [
    `import * as all from ${JSON.stringify(specifier)};`,
    `const { ${names.map((name, i) => `${JSON.stringify(name)}: $${i}`).join(", ")} } = all;`,
    `export { ${names.map((name, i) => `$${i} as ${JSON.stringify(name)}`).join(", ")} };`,
  ].join("\n");
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
