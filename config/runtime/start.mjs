/**
 * Starts a program of this project: `node config/runtime/start.mjs broker/main.ts <arguments>`.
 *
 * It runs compiled (`compile.mjs`); where nothing can be written, the sources are loaded as they are.
 * A program whose parent is gone ends: who still waits for a broker would else wait for ever, for nobody.
 *
 * JavaScript, because it runs before anything that knows TypeScript.
 */
import { join, relative, resolve } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { ROOT, compile, endCompiler } from "./compile.mjs";
import { runScript } from "./script.mjs";

function endWithoutParent() {
  const end = () => process.kill(process.pid, "SIGTERM");
  if (process.connected) process.once("disconnect", end);
  else end();
}

if (process.send !== undefined) endWithoutParent();

const [node, , path, ...args] = process.argv;
/** Relative to the project, from wherever it is started. */
const entry = relative(ROOT, resolve(ROOT, path));
/** What coverage is measured of, node's own maps must know; those of scripts it ignores. */
const asScript = process.env["NODE_V8_COVERAGE"] === undefined;
/** @type {string | undefined} */
let program;
try {
  ({ program } = await compile(entry, asScript));
} catch (error) {
  // A fault in a source is told better by whoever loads the sources.
  const { register } = await import("tsx/esm/api");
  register();
}
await endCompiler();
const file = program ?? join(ROOT, entry);
process.argv = [node, file, ...args];
if (program !== undefined && asScript) await runScript(program);
else {
  if (program !== undefined) process.setSourceMapsEnabled(true);
  await import(pathToFileURL(file).href);
}
