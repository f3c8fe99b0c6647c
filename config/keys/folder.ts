/**
 * Reads the files of a party's key folder and refuses what it should not trust: files that others on the machine may
 * read, files that are missing, and files that do not belong there. Names files, never their content.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Role } from "../../protocol/topics.ts";
import { ExplainedError } from "../faults.ts";

export type KeyFolderErrorCode =
  | "not-enrolled"
  | "missing-file"
  | "foreign-file"
  | "open-permissions"
  | "damaged-file"
  | "not-trusted"
  | "on-device";

/** Something is wrong with a folder of keys; the message names the file and what to do. */
export class KeyFolderError extends ExplainedError {
  readonly code: KeyFolderErrorCode;
  override readonly exitCode: 1 | 2;

  constructor(code: KeyFolderErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "KeyFolderError";
    this.code = code;
    // Whoever is asked for by a wrong name, or in a wrong folder, is a matter of use.
    this.exitCode = code === "not-enrolled" ? 2 : 1;
  }
}

const EVERYONE = ["identity.crt", "identity.key", "ca.crt", "authority.pub", "directory.cose"];
/** What each role's folder holds besides (docs/protocol.md, "Folders of keys"). */
const EXTRAS: Readonly<Record<Role, readonly string[]>> = {
  meter: ["meter.json"],
  aggregator: ["roll.cbor", "sign.key", "seal.key", "meter-keys.cbor"],
  utility: ["roll.cbor", "sign.key", "seal.key", "customers.cbor"],
  authority: ["roll.cbor", "sign.key", "seal.key", "customers.cbor", "ca.key"],
  simulator: ["sign.key"],
  broker: ["roll.cbor"],
  analytics: ["roll.cbor", "sign.key", "seal.key"],
  api: [],
  public: [],
};
/** Certificates that are refused; not there while there are none. */
export const REVOCATION_FILE = "crl.pem";
/** Which certificates were replaced and refused. */
export const CERTIFICATES_FILE = "certificates.json";
/** What was dealt for ciphertexts; not there where nothing was. */
export const CKKS_FILE = "ckks.cose";
export const CKKS_SHARE_FILE = "ckks-share.bin";
/** What subsets of aggregators share; not there in a system that was founded without. */
export const SUBSET_KEYS_FILE = "subset-keys.bin";
/** Files that a role's folder may hold. */
const OPTIONAL: Readonly<Partial<Record<Role, readonly string[]>>> = {
  meter: [CKKS_FILE],
  aggregator: [CKKS_FILE, CKKS_SHARE_FILE, SUBSET_KEYS_FILE],
  utility: [CKKS_FILE],
  analytics: [CKKS_FILE],
  authority: [CKKS_FILE, CERTIFICATES_FILE],
};
/** Enrolments under way; only while there are any. */
export const PENDING_FOLDER = "pending";

/** The files that a role's folder must hold. */
function filesOf(role: Role): readonly string[] {
  return [...EVERYONE, ...EXTRAS[role]];
}

/** Reads one file. Throws KeyFolderError when it is missing or open to others. */
export function readKeyFile(folder: string, name: string): Buffer {
  const path = join(folder, name);
  try {
    // As a container makes one for a file that is not there.
    if (statSync(path).isDirectory()) throw new KeyFolderError("damaged-file", `${path} is a folder, expected a file`);
    assertPrivate(path, "600");
    return readFileSync(path);
  } catch (cause) {
    if (cause instanceof KeyFolderError) throw cause;
    if (!existsSync(folder)) throw notEnrolled(folder, cause);
    throw new KeyFolderError("missing-file", `${path} cannot be read: ${reasonOf(cause)}`, { cause });
  }
}

function notEnrolled(folder: string, cause: unknown): KeyFolderError {
  const keys = dirname(folder);
  const remedy = existsSync(keys)
    ? "`npm run enrol -- list` shows who is"
    : "`npm run enrol` makes the keys of a system, --data names another folder";
  return new KeyFolderError("not-enrolled", `${basename(folder)} is not enrolled here (no ${folder}); ${remedy}`, {
    cause,
  });
}

/** Another text whenever a file was replaced, written or made readable; empty while there is none. */
export function fileVersion(folder: string, name: string): string {
  const stat = statSync(join(folder, name), { throwIfNoEntry: false });
  return stat === undefined ? "" : `${stat.ino} ${stat.ctimeMs} ${stat.size}`;
}

/** Checks the folder itself: its permissions, and that it holds the files of this role and no others. */
export function assertFolder(folder: string, role: Role): void {
  const present = listFolder(folder);
  const wanted = filesOf(role);
  const missing = wanted.filter((name) => !present.includes(name));
  if (missing.length > 0) {
    throw new KeyFolderError("missing-file", `${folder} lacks ${missing.join(", ")} of ${withArticle(role)}'s keys`);
  }
  const pending = role === "authority" ? [PENDING_FOLDER] : [];
  const allowed = [...wanted, REVOCATION_FILE, ...(OPTIONAL[role] ?? []), ...pending];
  // A file that is being written has a name that begins with a dot.
  const foreign = present.filter((name) => !name.startsWith(".") && !allowed.includes(name));
  if (foreign.length > 0) {
    throw new KeyFolderError(
      "foreign-file",
      `${folder} holds ${foreign.join(", ")}, which is not part of ${withArticle(role)}'s keys: move it elsewhere`,
    );
  }
}

function withArticle(role: Role): string {
  return role.startsWith("a") ? `an ${role}` : `a ${role}`;
}

function listFolder(folder: string): string[] {
  try {
    assertPrivate(folder, "700");
    return readdirSync(folder);
  } catch (cause) {
    if (cause instanceof KeyFolderError) throw cause;
    throw new KeyFolderError("missing-file", `${folder} cannot be read: ${reasonOf(cause)}`, { cause });
  }
}

/** Windows has no such mode bits; its files are private by the profile folder's access list. */
function assertPrivate(path: string, mode: string): void {
  if (process.platform !== "win32" && (statSync(path).mode & 0o077) !== 0) {
    throw new KeyFolderError(
      "open-permissions",
      `${path} can be read by other users of this machine: chmod ${mode} ${path}`,
    );
  }
}

function reasonOf(cause: unknown): string {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  return code === "ENOENT" ? "there is no such file" : String(code ?? cause);
}
