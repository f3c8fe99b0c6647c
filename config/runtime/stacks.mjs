/**
 * Stacks of a compiled program name the places in its sources. Its map is read when the first stack is asked for; node's
 * own way reads it at each start, a tenth of the processor time of a start.
 */
import { readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { dirname, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/**
 * @param {string} program a compiled file, with its map beside it
 */
export function placeStacksIn(program) {
  const url = pathToFileURL(program).href;
  /** @type {SourceMap | undefined} */
  let map;

  /** @param {NodeJS.CallSite} frame */
  const placeOf = (frame) => {
    const text = String(frame);
    const [line, column] = [frame.getLineNumber(), frame.getColumnNumber()];
    if (frame.getFileName() !== url || line === null || column === null) return text;
    map ??= new SourceMap(JSON.parse(readFileSync(`${program}.map`, "utf8")));
    const entry = map.findEntry(line - 1, column - 1);
    if (!("originalSource" in entry)) return text;
    const source = resolve(dirname(program), entry.originalSource);
    return text.replace(`${url}:${line}:${column}`, `${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}`);
  };

  Error.prepareStackTrace = (error, frames) => {
    const lines = frames.map((frame) => {
      try {
        return placeOf(frame);
      } catch {
        return String(frame); // a stack is told in any case
      }
    });
    return [headOf(error), ...lines.map((line) => `    at ${line}`)].join("\n");
  };
}

/** @param {unknown} error */
function headOf(error) {
  try {
    return Error.prototype.toString.call(error);
  } catch {
    return "an error that cannot be shown";
  }
}
