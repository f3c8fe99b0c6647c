/** Errors of the file system in words: which file, and what is wrong with it. */
import { type WriteFileOptions, writeFileSync } from "node:fs";

const SYSTEM_FAULTS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "not permitted",
  EROFS: "the file system is read-only",
  ENOENT: "there is no such file or folder",
  ENOTDIR: "a part of this path is a file, not a folder",
  EEXIST: "something else is there already",
  EISDIR: "is a folder, not a file",
  ENOSPC: "no space left on the disk",
  EDQUOT: "the disk quota is used up",
  EMFILE: "too many open files (ulimit -n)",
};

/** What a code of the system means, or undefined. */
export function faultWords(code: string): string | undefined {
  return SYSTEM_FAULTS[code];
}

/** The file and what is wrong with it, for an error of the file system; else undefined. */
export function systemFault(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, path: file, syscall } = error as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined) return undefined;
  const words = faultWords(code);
  if (words === undefined) return undefined;
  return file === undefined ? `${words} (${code}, ${syscall})` : `${file}: ${words} (${code})`;
}

/** As `writeFileSync`; an error of the write itself, such as that of a full disk, names the file as well. */
export function writeWholeFile(file: string, content: string | Uint8Array, options: WriteFileOptions): void {
  try {
    writeFileSync(file, content, options);
  } catch (error) {
    throw Object.assign(error as NodeJS.ErrnoException, { path: file });
  }
}
