/** Writes an engine's files: each is whole or not there, and for nobody else's eyes, since some hold a secret. */
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeFolder } from "../../config/runtime/folders.ts";
import type { EngineFiles } from "./plan.ts";

/** Returns the paths. Throws FolderError. */
export function writeEngineFiles(folder: string, files: EngineFiles): string[] {
  makeFolder(folder, { setting: "--out", mode: 0o700 });
  return [...files].map(([name, text]) => {
    const path = join(folder, name);
    writeFileSync(`${path}.next`, text, { mode: 0o600 });
    renameSync(`${path}.next`, path);
    return path;
  });
}
