/**
 * Programs as scripts, whose machine code is kept: reading a role's sources and its packages is a third of its start,
 * and node keeps what came of that (as Node 22 does by itself) of scripts alone, not of modules.
 *
 * A module becomes a script by its imports: they are loaded before it and handed to it by name.
 *
 * JavaScript, because it runs before anything that knows TypeScript.
 */
import { isAscii } from "node:buffer";
import { createHash, randomUUID } from "node:crypto";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { SourceMap, createRequire } from "node:module";
import { dirname, resolve } from "node:path";
import process from "node:process";
import { cachedDataVersionTag } from "node:v8";
import { Script, constants } from "node:vm";

/** How files of machine code end. */
export const CODE = ".code";

const IMPORT = /^import (?:"([^"]+)"|(?:([\w$]+)(?:, )?)?(?:\* as ([\w$]+)|(\{[^{}]*\}))? from "([^"]+)");$/gm;
const EXPORT = /^export \{[^{}]*\};$/m;
const MODULES = "wattveilModules";
/** A text in which every character is a byte is half as large; esbuild writes all but comments and patterns so. */
const COMMENT = /^ *(\*|\/\/|\/\*).*$/gm;
const NOT_ASCII = /[^\0-\x7f]/g;

/**
 * The script of a module that esbuild made: a first line that tells its modules, then a function of these.
 * Throws when the module holds what no script can.
 * @param {string} module
 * @param {readonly { readonly kind: string, readonly external?: boolean }[]} imports as esbuild lists them
 * @param {{ readonly file: string, readonly names: readonly string[] }} [packages] a script of `packagesOf`, for some
 */
export function scriptOf(module, imports, packages) {
  /** @type {string[]} */
  const modules = [];
  let found = 0;
  const body = module.replaceAll(IMPORT, (statement, alone, usual, all, named, from) => {
    found += 1;
    const specifier = alone ?? from;
    if (!modules.includes(specifier)) modules.push(specifier);
    const loaded = `${MODULES}[${modules.indexOf(specifier)}]`;
    const names = [];
    if (usual !== undefined) names.push(`{ default: ${usual} } = ${loaded}`);
    if (all !== undefined) names.push(`${all} = ${loaded}`);
    if (named !== undefined) names.push(`${named.replaceAll(" as ", ": ")} = ${loaded}`);
    // As many lines as before, for the map of its sources.
    const lines = "\n".repeat(statement.split("\n").length - (named?.split("\n").length ?? 1));
    return names.length > 0 ? `const ${names.join(", ")};${lines}` : lines;
  });
  const listed = imports.filter(({ kind, external }) => external === true && kind === "import-statement").length;
  if (found !== listed) throw new RangeError(`imports: expected ${listed} as esbuild lists them, got ${found}`);
  const text = body.replace(EXPORT, "").replaceAll(COMMENT, (line) => line.replaceAll(NOT_ASCII, "?"));
  const bundled = modules.filter((name) => packages?.names.includes(name));
  // Sources may name something of their own `require`, which the inner function allows.
  const script = `((${MODULES}, require) => async () => { "use strict";\n${text}\n})`;
  return headed(script, { modules, bundled, packages: packages?.file });
}

/**
 * The script of a CommonJS file whose exports are functions that give a package each.
 * @param {string} file
 */
export function packagesOf(file) {
  return headed(`((exports, require) => {\n${file}\n})`, {});
}

/**
 * @param {string} script
 * @param {object} about
 */
function headed(script, about) {
  const hash = createHash("sha256").update(script).digest("hex").slice(0, 16);
  return `/*${JSON.stringify({ hash, ...about })}*/${script}`;
}

/**
 * Runs a program that `scriptOf` made.
 * @param {string} program
 */
export async function runScript(program) {
  const { start, about } = load(program, program);
  mapStacks(program);
  const require = createRequire(program);
  /** @type {Record<string, () => unknown>} */
  const packages = {};
  if (about.bundled.length > 0)
    load(about.packages, `${program}.packages`).start(packages, createRequire(about.packages));
  const loaded = [];
  // Some must be there before others: one after another, as the program names them.
  for (const name of about.modules) {
    const bundled = about.bundled.includes(name);
    loaded.push(bundled ? packages[name]?.() : await import(name.startsWith(".") ? require.resolve(name) : name));
  }
  await start(loaded, require)();
}

/**
 * @param {string} file of a script
 * @param {string} stem of the file of its machine code
 */
function load(file, stem) {
  const bytes = readFileSync(file);
  const text = bytes.toString(isAscii(bytes) ? "latin1" : "utf8");
  const about = JSON.parse(text.slice("/*".length, text.indexOf("*/")));
  // V8 itself compares no more than the length of the text, and refuses the code of another version or of other flags.
  const kept = `${stem}.${about.hash}-${cachedDataVersionTag().toString(16)}${CODE}`;
  const code = readIfThere(kept);
  const script = new Script(text, {
    filename: file,
    lineOffset: -1,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    ...(code === undefined ? {} : { cachedData: code }),
  });
  // Made at the end, it holds what was compiled on the way as well.
  if (code === undefined || script.cachedDataRejected === true) process.once("exit", () => keepCode(script, kept));
  return { start: script.runInThisContext(), about };
}

/**
 * @param {Script} script
 * @param {string} file
 */
function keepCode(script, file) {
  try {
    const partial = `${file}.${randomUUID()}`;
    writeFileSync(partial, script.createCachedData());
    renameSync(partial, file);
  } catch {
    // A full disk or a folder of others: the next start takes as long as this one.
  }
}

/** @param {string} file */
function readIfThere(file) {
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

/**
 * Names sources in the stacks of errors. The map is read at the first one: most processes need none.
 * @param {string} program
 */
function mapStacks(program) {
  /** @type {SourceMap | undefined} */
  let map;
  Error.prepareStackTrace = (error, frames) => {
    map ??= new SourceMap(JSON.parse(readFileSync(`${program}.map`, "utf8")));
    const lines = frames.map((frame) => `\n    at ${mapped(map, program, frame)}`);
    return `${headOf(error)}${lines.join("")}`;
  };
}

/**
 * @param {SourceMap | undefined} map
 * @param {string} program
 * @param {NodeJS.CallSite} frame
 */
function mapped(map, program, frame) {
  const [text, line, column] = [String(frame), frame.getLineNumber(), frame.getColumnNumber()];
  if (frame.getFileName() !== program || line === null || column === null) return text;
  const place = map?.findEntry(line - 1, column - 1);
  if (place === undefined || !("originalSource" in place)) return text;
  const source = resolve(dirname(program), place.originalSource);
  return text.replace(
    `${program}:${line}:${column}`,
    `${source}:${place.originalLine + 1}:${place.originalColumn + 1}`,
  );
}

/** @param {unknown} error */
function headOf(error) {
  try {
    return Error.prototype.toString.call(error);
  } catch {
    return "Error";
  }
}
