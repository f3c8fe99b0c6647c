/** The folder of the HTTP interface: a certificate for the broker, and no key that signs or opens anything. */
import { existsSync } from "node:fs";
import { readKeyFile, REVOCATION_FILE } from "../keys/folder.ts";
import type { Party } from "../keys/index.ts";
import type { CertificateAuthority } from "./certificates.ts";
import { writeFolder } from "./files.ts";
import { keyFolder } from "./system.ts";

const API = "api";
const COMMON = ["ca.crt", "authority.pub", "directory.cose"];

/** Adds it where it is missing, also to systems that were founded before there was one. */
export async function addApiFolder(
  keys: string,
  authority: Party,
  openCa: () => Promise<CertificateAuthority>,
): Promise<void> {
  const folder = keyFolder(keys, API);
  if (existsSync(folder)) return;
  const { certificate, key } = await (await openCa()).issue(API, API);
  const common = COMMON.map((name): [string, Uint8Array] => [name, readKeyFile(authority.folder, name)]);
  writeFolder(
    folder,
    new Map<string, string | Uint8Array>([
      ...common,
      ...(authority.tls.crl === undefined ? [] : [[REVOCATION_FILE, authority.tls.crl] as const]),
      ["identity.crt", certificate],
      ["identity.key", key],
    ]),
  );
}
