/**
 * Opens a party's folder of keys. Trust begins with `authority.pub`, pinned in the folder: it verifies the directory,
 * the directory names the CA and the public halves of the server's keys, the CA verifies the certificate.
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from "node:crypto";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import {
  type CkksManifest,
  type Directory,
  openCkksManifest,
  openDirectory,
  rawPublicKey,
} from "../../protocol/keys/index.ts";
import { type Role, ROLES } from "../../protocol/topics.ts";
import { assertFolder, CKKS_FILE, KeyFolderError, readKeyFile } from "./folder.ts";

export interface Party {
  /** CN of the certificate: meter id, `a-<i>`, `utility` and so on. */
  readonly id: string;
  /** OU of the certificate. */
  readonly role: Role;
  readonly folder: string;
  /** PEM, for mutual TLS. */
  readonly tls: { readonly key: string; readonly cert: string; readonly ca: string };
  readonly directory: Directory;
  /** Ed25519 private key of parties that sign. */
  readonly signKey?: KeyObject;
  /** X25519 private key of parties that receive sealed messages. */
  readonly sealKey?: KeyObject;
  /** What was dealt for ciphertexts; undefined where nothing was, or the role has no part in it. */
  readonly ckks?: CkksManifest;
}

/** Throws KeyFolderError, naming the file, when anything in the folder is missing, foreign, open or does not fit. */
export function openParty(path: string): Party {
  const folder = resolve(path);
  const text = (name: string): string => readKeyFile(folder, name).toString("utf8");
  const cert = text("identity.crt");
  const certificate = parse(folder, "identity.crt", () => new X509Certificate(cert));
  const { id, role } = subjectOf(folder, certificate);
  assertFolder(folder, role);

  const authorityKey = parse(folder, "authority.pub", () => createPublicKey(text("authority.pub")));
  const directory = trust(folder, "directory.cose", () =>
    openDirectory(readKeyFile(folder, "directory.cose"), authorityKey),
  );

  const ca = text("ca.crt");
  const caCertificate = parse(folder, "ca.crt", () => new X509Certificate(ca));
  if (!createHash("sha256").update(caCertificate.raw).digest().equals(directory.ca)) {
    refuse(folder, "ca.crt", "is not the certificate authority that the directory names");
  }
  if (!certificate.checkIssued(caCertificate) || !certificate.verify(caCertificate.publicKey)) {
    refuse(folder, "identity.crt", "is not issued by ca.crt");
  }
  const key = text("identity.key");
  if (!certificate.checkPrivateKey(privateKey(folder, "identity.key", key))) {
    refuse(folder, "identity.key", "does not belong to identity.crt");
  }

  const ckks = existsSync(join(folder, CKKS_FILE))
    ? trust(folder, CKKS_FILE, () => openCkksManifest(readKeyFile(folder, CKKS_FILE), authorityKey))
    : undefined;
  const party = { id, role, folder, tls: { key, cert, ca }, directory, ...(ckks === undefined ? {} : { ckks }) };
  const listed = directory.servers.get(id);
  // Whoever neither signs nor receives sealed messages has nothing to be listed with.
  if (listed === undefined && (role === "meter" || role === "api")) return party;
  if (listed === undefined) return refuse(folder, "directory.cose", `does not list ${id}`);
  if (listed.role !== role) refuse(folder, "directory.cose", `lists ${id} as ${listed.role}, not as ${role}`);
  const { signKey, sealKey } = listed;
  return {
    ...party,
    ...(signKey === undefined ? {} : { signKey: serverKey(folder, "sign.key", rawPublicKey(signKey)) }),
    ...(sealKey === undefined ? {} : { sealKey: serverKey(folder, "seal.key", sealKey) }),
  };
}

function subjectOf(folder: string, certificate: X509Certificate): { id: string; role: Role } {
  const { CN, OU } = certificate.toLegacyObject().subject as unknown as Record<string, unknown>;
  const role = ROLES.find((name) => name === OU && name !== "public");
  if (typeof CN !== "string" || role === undefined) refuse(folder, "identity.crt", "names no party (CN) and role (OU)");
  return { id: CN, role };
}

/** A private key whose public half the directory lists. */
function serverKey(folder: string, name: string, expected: Uint8Array): KeyObject {
  const key = privateKey(folder, name, readKeyFile(folder, name).toString("utf8"));
  const matches = parse(folder, name, () => Buffer.from(rawPublicKey(key)).equals(expected));
  if (!matches) refuse(folder, name, "is not the key that the directory lists for this party");
  return key;
}

function privateKey(folder: string, name: string, pem: string): KeyObject {
  return parse(folder, name, () => createPrivateKey(pem));
}

// The cause is left out on purpose: parsers quote what they fail on.
function parse<T>(folder: string, name: string, parser: () => T): T {
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

function refuse(folder: string, name: string, problem: string): never {
  throw new KeyFolderError("not-trusted", `${join(folder, name)} ${problem}`);
}
