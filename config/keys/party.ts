/**
 * Opens a party's folder of keys. Trust begins with `authority.pub`, pinned in the folder: it verifies the directory,
 * the directory names the CA and the public halves of the server's keys, the CA verifies the certificate.
 */
import { createHash, createPublicKey, type KeyObject, X509Certificate } from "node:crypto";
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
import type { PartyTls } from "../runtime/broker-tls.ts";
import { assertFolder, CKKS_FILE, readKeyFile } from "./folder.ts";
import { TlsFiles } from "./tls-files.ts";
import { parse, privateKey, refuse, trust } from "./trust.ts";

export interface Party {
  /** CN of the certificate: meter id, `a-<i>`, `utility` and so on. */
  readonly id: string;
  /** OU of the certificate. */
  readonly role: Role;
  readonly folder: string;
  /** For mutual TLS; the very same one until files in the folder were replaced (`npm run enrol -- renew`, `retire`). */
  readonly tls: PartyTls;
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
  const { id, role } = subjectOf(
    folder,
    parse(folder, "identity.crt", () => new X509Certificate(cert)),
  );
  assertFolder(folder, role);

  const authority = text("authority.pub");
  const authorityKey = parse(folder, "authority.pub", () => createPublicKey(authority));
  if (authorityKey.asymmetricKeyType !== "ed25519") refuse(folder, "authority.pub", "is no Ed25519 key");
  const directory = trust(folder, "directory.cose", () =>
    openDirectory(readKeyFile(folder, "directory.cose"), authorityKey),
  );

  const ca = text("ca.crt");
  const caCertificate = parse(folder, "ca.crt", () => new X509Certificate(ca));
  if (!createHash("sha256").update(caCertificate.raw).digest().equals(directory.ca)) {
    refuse(folder, "ca.crt", "is not the certificate authority that the directory names");
  }
  const files = new TlsFiles(folder, ca);

  const ckks = existsSync(join(folder, CKKS_FILE))
    ? trust(folder, CKKS_FILE, () => openCkksManifest(readKeyFile(folder, CKKS_FILE), authorityKey))
    : undefined;
  const party = { id, role, folder, directory, ...(ckks === undefined ? {} : { ckks }) };
  return {
    ...party,
    ...serverKeys(party),
    get tls() {
      return files.current;
    },
  };
}

/** The private keys that the directory lists public halves of. */
function serverKeys({ id, role, folder, directory }: Omit<Party, "tls">): Pick<Party, "signKey" | "sealKey"> {
  const listed = directory.servers.get(id);
  // Whoever neither signs nor receives sealed messages has nothing to be listed with.
  if (listed === undefined && (role === "meter" || role === "api")) return {};
  if (listed === undefined) return refuse(folder, "directory.cose", `does not list ${id}`);
  if (listed.role !== role) refuse(folder, "directory.cose", `lists ${id} as ${listed.role}, not as ${role}`);
  const { signKey, sealKey } = listed;
  return {
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
