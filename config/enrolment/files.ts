/** Writes key files: always private to the owner, never over an existing key, and whole or not at all. */
import { chmodSync, existsSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { ExplainedError } from "../faults.ts";
import { makeFolder as make } from "../runtime/folders.ts";
import { writeWholeFile } from "../runtime/system-fault.ts";

const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

/** Something stands in the way of an enrolment; the message says what to do. */
export class EnrolmentError extends ExplainedError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "EnrolmentError";
  }
}

export type Files = ReadonlyMap<string, string | Uint8Array>;

/**
 * Makes a folder with all its files in one step: it appears complete, or not. Throws EnrolmentError when it exists,
 * because what is in it may be the only copy of a key.
 */
export function writeFolder(folder: string, files: Files): void {
  if (existsSync(folder)) throw new EnrolmentError(`${folder} exists already and is not overwritten`);
  // A name that begins with a dot is no party's folder; what an interrupted run left there was never handed out.
  const staging = join(dirname(folder), `.${basename(folder)}.new`);
  rmSync(staging, { recursive: true, force: true });
  makeFolder(staging);
  for (const [name, content] of files) writeWholeFile(join(staging, name), content, { mode: FILE_MODE, flag: "wx" });
  renameSync(staging, folder);
}

/** Replaces a file that is not a key, such as a list, in one step. */
export function replaceFile(path: string, content: string | Uint8Array): void {
  const staging = join(dirname(path), `.${basename(path)}.new`);
  rmSync(staging, { force: true });
  writeWholeFile(staging, content, { mode: FILE_MODE, flag: "wx", flush: true });
  renameSync(staging, path);
}

/** Makes a folder, and those above it, for the owner alone. */
export function makeFolder(path: string): void {
  make(path, { mode: FOLDER_MODE });
  chmodSync(path, FOLDER_MODE); // whatever the umask was
}
