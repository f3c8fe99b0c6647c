/** Parsing and verifying what a folder of keys holds: errors name the file, and never its content. */
import { createPrivateKey, type KeyObject } from "node:crypto";
import { join } from "node:path";
import { KeyFolderError } from "./folder.ts";

export function privateKey(folder: string, name: string, pem: string): KeyObject {
  return parse(folder, name, () => createPrivateKey(pem));
}

// The cause is left out on purpose: parsers quote what they fail on.
export function parse<T>(folder: string, name: string, parser: () => T): T {
  try {
    return parser();
  } catch {
    throw new KeyFolderError("damaged-file", `${join(folder, name)} cannot be parsed`);
  }
}

/** Runs a verification; its error becomes one that names the file. */
export function trust<T>(folder: string, name: string, verifier: () => T): T {
  try {
    return verifier();
  } catch (cause) {
    throw notTrusted(folder, name, cause);
  }
}

/** The error for a file that does not verify. */
export function notTrusted(folder: string, name: string, cause: unknown): KeyFolderError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new KeyFolderError("not-trusted", `${join(folder, name)} does not verify: ${reason}`, { cause });
}

export function refuse(folder: string, name: string, problem: string): never {
  throw new KeyFolderError("not-trusted", `${join(folder, name)} ${problem}`);
}
