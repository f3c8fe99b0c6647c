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
import { placeStacksIn } from "./stacks.mjs";

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
  placeStacksIn(file);
} catch (error) {
  // A fault in a source is told better by whoever loads the sources.
  file = join(ROOT, entry);
  const { register } = await import("tsx/esm/api");
  register();
}
await endCompiler();
process.argv = [node, file, ...args];
await import(pathToFileURL(file).href);
