/**
 * Makes folders, and those above them. Node's own `recursive` never ends where the system answers ENOENT inside a folder
 * that is there, as under /proc; here every step is tried once, and what cannot be made is told in one line.
 */
import { mkdirSync, rmdirSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { ExplainedError } from "../faults.ts";
import { faultWords } from "./system-fault.ts";

/** A folder cannot be made; the message names it and the reason. */
export class FolderError extends ExplainedError {
  override readonly exitCode = 2;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "FolderError";
  }
}

export interface FolderOptions {
  /** The setting that names the folder, for the message: `paths.data`. */
  readonly setting?: string;
  /** Of every folder that is made; default as the umask has it. */
  readonly mode?: number;
}

/** Throws FolderError; then none of the folders on the way is left. Returns what was made, the outermost first. */
export function makeFolder(folder: string, { setting, mode }: FolderOptions = {}): string[] {
  const made: string[] = [];
  for (const step of missingOf(resolve(folder))) {
    try {
      mkdirSync(step, mode);
      made.push(step);
    } catch (cause) {
      // Another process may have been quicker.
      if (isFolder(step)) continue;
      unmake(made);
      const { code = "" } = cause as NodeJS.ErrnoException;
      // In a folder that is there, only the system itself can miss something.
      const reason = code === "ENOENT" ? "the system keeps no folders there" : faultWords(code);
      const where = setting === undefined ? folder : `${setting}: ${folder}`;
      throw new FolderError(`${where} cannot be made in ${dirname(step)}: ${reason ?? "it failed"} (${code})`, {
        cause,
      });
    }
  }
  return made;
}

/** All of the folders or none. Throws FolderError. */
export function makeFolders(folders: readonly (FolderOptions & { readonly folder: string })[]): void {
  const made: string[] = [];
  try {
    for (const { folder, ...options } of folders) made.push(...makeFolder(folder, options));
  } catch (error) {
    unmake(made);
    throw error;
  }
}

/** From the outermost folder that is missing to the wanted one. */
function missingOf(folder: string): string[] {
  const missing: string[] = [];
  for (let at = folder; !isFolder(at) && dirname(at) !== at; at = dirname(at)) missing.unshift(at);
  return missing;
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false; // not there, or not to be seen: making it will tell
  }
}

function unmake(made: readonly string[]): void {
  for (const folder of made.toReversed()) {
    try {
      rmdirSync(folder);
    } catch {
      return; // somebody uses it already
    }
  }
}
