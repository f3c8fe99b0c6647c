/** The key of a witness: made once, by itself, and never leaves its folder. */
import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../config/runtime/role-command.ts";
import { makeFolder } from "../config/runtime/folders.ts";
import { NOTE_TYPE, type NoteKey, noteKey, type NoteSigner } from "../protocol/log/index.ts";

const FILE = "witness.key";

/** `<data>/witness/<name>`: several witnesses may live beside each other, for a test of several. */
export function witnessFolder(data: string, name: string): string {
  if (name === "") throw new UsageError("witness.name: a witness has a name, as in witness.example/1");
  return join(data, "witness", name.replaceAll(/[^A-Za-z0-9.-]/g, "_"));
}

/** Opens the key, or makes it. Throws UsageError for a file that others may read, or that is no key. */
export function witnessKey(folder: string, name: string): { readonly signer: NoteSigner; readonly key: NoteKey } {
  const file = join(folder, FILE);
  makeFolder(folder, { mode: 0o700 });
  if (!existsSync(file)) {
    const { privateKey } = generateKeyPairSync("ed25519");
    writeFileSync(file, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600, flag: "wx", flush: true });
  }
  if (process.platform !== "win32" && (statSync(file).mode & 0o077) !== 0) {
    throw new UsageError(`${file} can be read by other users of this machine: chmod 600 ${file}`);
  }
  const signKey = parse(file);
  return { signer: { name, signKey }, key: noteKey(name, NOTE_TYPE.cosignature, signKey) };
}

function parse(file: string): NoteSigner["signKey"] {
  try {
    return createPrivateKey(readFileSync(file));
  } catch {
    throw new UsageError(`${file} cannot be parsed`); // the cause would quote it
  }
}
