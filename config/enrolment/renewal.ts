/**
 * Certificates in place of others: a new key and certificate for a party that stays who it is, and later a list of those
 * that were replaced, which from then on are refused. In between both count, so that nobody is cut off while files are
 * on their way.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { ROLES } from "../../protocol/topics.ts";
import { CERTIFICATES_FILE, readKeyFile, REVOCATION_FILE } from "../keys/folder.ts";
import type { Party } from "../keys/index.ts";
import { type IssuedCertificate, readCertificate } from "./certificates.ts";
import { openCa } from "./enrol.ts";
import { EnrolmentError, replaceFile } from "./files.ts";
import { keyFolder } from "./system.ts";

const certificate = z.strictObject({
  party: z.string(),
  /** Hexadecimal, capitals. */
  serial: z.string().regex(/^[0-9A-F]+$/),
  /** Unix seconds: when it was replaced. */
  at: z.int(),
  /** Unix seconds: when it would have expired. */
  notAfter: z.int(),
});
const book = z.strictObject({ replaced: z.array(certificate), refused: z.array(certificate) });
type CertificateBook = z.infer<typeof book>;

export interface RenewalContext {
  readonly keys: string;
  readonly authority: Party;
  /** Unix seconds. */
  readonly now: number;
}

export interface Renewed {
  readonly party: string;
  readonly folder: string;
  readonly serial: string;
  readonly replaced: string;
}

/**
 * Makes a new key and certificate in the party's folder; the old certificate goes on counting until `retire`. Throws
 * EnrolmentError where the folder is not here, or not the party's. A run that was interrupted is mended by the next.
 * `hosts`: of the broker alone; those of the certificate before if left out.
 */
export async function renew(
  { keys, authority, now }: RenewalContext,
  party: string,
  hosts?: readonly string[],
): Promise<Renewed> {
  const folder = folderOf(keys, party);
  const old = certificateOf(folder, party);
  const role = ROLES.find((name) => name === old.role);
  if (role === undefined) throw new EnrolmentError(`${join(folder, "identity.crt")} names no role: ${old.role}`);
  if (hosts !== undefined && role !== "broker") {
    throw new EnrolmentError(`--hosts: only the broker's certificate names hosts, not that of ${party}`);
  }
  const { certificate: issued, key } = await (await openCa(authority, now)).issue(party, role, hosts ?? old.hosts);
  const known = readBook(authority);
  const entry = { party, serial: old.serial, at: Math.floor(now), notAfter: old.notAfter };
  // First what has to be refused later: an interrupted run must not forget it.
  if (!known.replaced.some(({ serial }) => serial === old.serial)) {
    writeBook(authority, { ...known, replaced: [...known.replaced, entry] });
  }
  replaceFile(join(folder, "identity.key"), key);
  replaceFile(join(folder, "identity.crt"), issued);
  return { party, folder, serial: readCertificate(issued).serial, replaced: old.serial };
}

export interface Retired {
  readonly party: string;
  /** Serial numbers that are refused from now on and were not before. */
  readonly refused: readonly string[];
  /** Parties in whose folders the list is. */
  readonly listedAt: readonly string[];
}

/**
 * Puts the replaced certificates of a party on the list of refused ones, and the list into every folder that is here.
 * Throws EnrolmentError where none was ever replaced. May be repeated.
 */
export async function retire({ keys, authority, now }: RenewalContext, party: string): Promise<Retired> {
  const known = readBook(authority);
  const own = ({ party: of }: { readonly party: string }): boolean => of === party;
  const added = known.replaced.filter(own);
  if (added.length === 0 && !known.refused.some(own)) {
    throw new EnrolmentError(
      `no certificate of ${party} was replaced: npm run enrol -- renew --party ${party} does it`,
    );
  }
  const current = existsSync(keyFolder(keys, party)) ? certificateOf(keyFolder(keys, party), party) : undefined;
  if (added.some(({ serial }) => serial === current?.serial)) {
    // The new one was made and never written.
    throw new EnrolmentError(`the renewal of ${party} was interrupted: npm run enrol -- renew --party ${party} first`);
  }
  // Whoever goes by the list refuses expired ones by themselves.
  const refused = [...known.refused, ...added].filter(({ notAfter }) => notAfter > now);
  const list = await (await openCa(authority, now)).revocationList(refused);
  replaceFile(join(authority.folder, REVOCATION_FILE), list);
  writeBook(authority, { replaced: known.replaced.filter((entry) => !own(entry)), refused });
  const listedAt = readdirSync(keys, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
    .map(({ name }) => name)
    .sort();
  for (const name of listedAt) replaceFile(join(keyFolder(keys, name), REVOCATION_FILE), list);
  return { party, refused: added.map(({ serial }) => serial), listedAt };
}

function folderOf(keys: string, party: string): string {
  const folder = keyFolder(keys, party);
  if (!/^[a-z0-9][a-z0-9-]*$/.test(party)) throw new EnrolmentError(`--party: "${party}" is no party of a system`);
  if (!existsSync(folder)) throw new EnrolmentError(`${folder} is missing: bring it here and repeat the command`);
  return folder;
}

function certificateOf(folder: string, party: string): IssuedCertificate {
  const file = join(folder, "identity.crt");
  let found: IssuedCertificate;
  try {
    found = readCertificate(readKeyFile(folder, "identity.crt"));
  } catch (cause) {
    throw new EnrolmentError(`${file} cannot be read as a certificate`, { cause });
  }
  if (found.id !== party) throw new EnrolmentError(`${file} is that of ${found.id}, not of ${party}`);
  return found;
}

function readBook({ folder }: Party): CertificateBook {
  const file = join(folder, CERTIFICATES_FILE);
  if (!existsSync(file)) return { replaced: [], refused: [] };
  try {
    return book.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (cause) {
    throw new EnrolmentError(`${file} is damaged: restore it from a backup`, { cause });
  }
}

function writeBook({ folder }: Party, content: CertificateBook): void {
  replaceFile(join(folder, CERTIFICATES_FILE), `${JSON.stringify(content, undefined, 1)}\n`);
}
