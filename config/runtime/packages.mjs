/**
 * The packages that most programs load, each in one file for modules, or all in one script for scripts: made once, and
 * again when their versions change.
 *
 * JavaScript, because it runs before anything that knows TypeScript.
 */
import { createHash, randomUUID } from "node:crypto";
import { mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ALWAYS, CACHE, COMMON, compiler, stampOf } from "./compiler.mjs";
import { packagesOf } from "./script.mjs";

/** Packages of plain JavaScript that roles load at their start. Others have binaries, or threads of their own. */
const PACKAGES = [
  ...["@hpke/core", "@peculiar/x509", "aedes", "cli-progress", "cli-table3", "commander"],
  ...["csv-parse", "csv-parse/sync", "csv-stringify", "csv-stringify/sync", "kysely", "luxon", "mqtt", "mqtt-packet"],
  ...["pino", "prom-client", "reflect-metadata", "ws", "yaml", "zod"],
];
/** What packages written for `require` ask of their surroundings. */
const REQUIRE =
  'import { createRequire as wattveilRequire } from "node:module"; const require = wattveilRequire(import.meta.url);';

/** @param {string} specifier */
function nameOf(specifier) {
  return specifier.replaceAll("/", "-");
}

/**
 * Made once by a process, however many programs it compiles.
 * @type {Promise<Map<string, string>> | undefined}
 */
let modules;
/** @type {Promise<{ file: string, names: readonly string[] }> | undefined} */
let script;

/** The URL of each package's module. */
export function packageModules() {
  modules ??= packagesFolder(false).then((folder) => {
    const urls = PACKAGES.map((name) => pathToFileURL(join(folder, `${nameOf(name)}.mjs`)).href);
    return new Map(PACKAGES.map((name, i) => [name, urls[i] ?? ""]));
  });
  return modules;
}

/** The script of all packages, each of which runs when a program asks for it. */
export function packagesScript() {
  script ??= packagesFolder(true).then((folder) => ({ file: join(folder, "packages.js"), names: PACKAGES }));
  return script;
}

/**
 * One file of each package, and what they share, or one of all as a script, in a folder whose name changes with their
 * versions.
 * @param {boolean} asScript
 * @returns {Promise<string>}
 */
async function packagesFolder(asScript) {
  const hash = createHash("sha256").update(ALWAYS.map(stampOf).join("\n")).digest("hex").slice(0, 16);
  const folder = join(CACHE, `${asScript ? "all-packages" : "packages"}-${hash}`);
  if (await isThere(folder)) return folder;
  const { build } = await compiler();
  const made = `${folder}.${randomUUID()}`;
  await mkdir(made, { recursive: true });
  const entries = PACKAGES.map((specifier) => join(made, `${nameOf(specifier)}.entry.mjs`));
  // Packages that ask for it when they are loaded do not bring it.
  await import("reflect-metadata");
  await Promise.all(PACKAGES.map(async (specifier, i) => writeFile(entries[i] ?? "", await exportsOf(specifier))));
  if (asScript) {
    const asked = PACKAGES.map(
      (specifier, i) => `exports[${JSON.stringify(specifier)}] = () => require(${JSON.stringify(entries[i])});`,
    );
    const all = { contents: asked.join("\n"), resolveDir: made };
    const small = { minifyWhitespace: true, minifySyntax: true, legalComments: /** @type {const} */ ("none") };
    const result = await build({ ...COMMON, ...small, format: "cjs", stdin: all, outExtension: {}, write: false });
    await writeFile(join(made, "packages.js"), packagesOf(result.outputFiles[0]?.text ?? ""));
  } else {
    await build({
      ...COMMON,
      entryPoints: PACKAGES.map((specifier, i) => ({ in: entries[i] ?? "", out: nameOf(specifier) })),
      outdir: made,
      splitting: true,
      chunkNames: "shared/[hash]",
      banner: { js: REQUIRE },
    });
  }
  try {
    await rename(made, folder);
  } catch (error) {
    // Another process was as fast.
    await rm(made, { recursive: true });
    if (!(await isThere(folder))) throw error;
  }
  return folder;
}

/** @param {string} path */
async function isThere(path) {
  return stat(path).then(
    () => true,
    () => false,
  );
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
