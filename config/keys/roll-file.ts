/** `roll.cbor`: the membership certificates that a party was handed at enrolment. */
import { join } from "node:path";
import { z } from "zod";
import { decodeCbor, encodeCbor } from "../../protocol/cbor.ts";
import { Roll } from "../../protocol/membership.ts";
import { type MembershipCertificate, membershipCertificate } from "../../protocol/messages/enrolment.ts";
import { KeyFolderError, readKeyFile } from "./folder.ts";
import type { Party } from "./party.ts";
import { trust } from "./trust.ts";

export const ROLL_FILE = "roll.cbor";
const rollFile = z.array(membershipCertificate);

/** Parses `roll.cbor`; signatures are not yet verified (`openRoll` does). In the authority's, some may be lacking. */
export function readRoll(folder: string): MembershipCertificate[] {
  const bytes = readKeyFile(folder, ROLL_FILE);
  try {
    return rollFile.parse(decodeCbor(bytes));
  } catch (cause) {
    throw new KeyFolderError("damaged-file", `${join(folder, ROLL_FILE)} is no list of certificates`, { cause });
  }
}

/** The content of `roll.cbor`. */
export function encodeRoll(certificates: readonly MembershipCertificate[]): Uint8Array {
  return encodeCbor(certificates);
}

/** Reads `roll.cbor` and verifies every certificate. Throws KeyFolderError `not-trusted` at the first that is wrong. */
export function openRoll(party: Party): Roll {
  const roll = new Roll(party.directory);
  for (const certificate of readRoll(party.folder)) trust(party.folder, ROLL_FILE, () => roll.add(certificate));
  return roll;
}
