/**
 * The CKKS keys of a party: `ckks.cose` says what was dealt, `ckks-share.bin` holds an aggregator's shares of the secret
 * keys, still sealed as the authority delivered them, and `<data>/ckks/<epoch>/<set>/` the public keys for everyone.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { byteString, bytesOfLength } from "../../protocol/bytes.ts";
import { decodeCbor, encodeCbor } from "../../protocol/cbor.ts";
import { openServerMessage } from "../../protocol/envelope/index.ts";
import { type CkksEpoch, type CkksPart, DEALING_BYTES } from "../../protocol/keys/index.ts";
import { ckksShareMessage } from "../../protocol/messages/ckks.ts";
import { CKKS_SHARE_FILE, KeyFolderError, readKeyFile } from "./folder.ts";
import type { Party } from "./party.ts";
import { notTrusted } from "./trust.ts";

/** The file of each part of a set's public material. */
export const CKKS_PART_FILES: Readonly<Record<CkksPart, string>> = {
  publicKey: "public.key",
  relinKeys: "relin.key",
  galoisKeys: "galois.key",
};

const shareFile = z.array(
  z.tuple([z.int().min(1).max(0xffff), bytesOfLength(DEALING_BYTES, "the id of a dealing"), byteString]),
);
/** [epoch, dealing, sealed message]. */
export type SealedShares = z.infer<typeof shareFile>[number];

/** The sealed deliveries of an aggregator's folder; none where nothing was ever dealt. */
export function readSealedShares(folder: string): SealedShares[] {
  if (!existsSync(join(folder, CKKS_SHARE_FILE))) return [];
  const bytes = readKeyFile(folder, CKKS_SHARE_FILE);
  try {
    return shareFile.parse(decodeCbor(bytes));
  } catch (cause) {
    throw new KeyFolderError("damaged-file", `${join(folder, CKKS_SHARE_FILE)} holds no key shares`, { cause });
  }
}

/** The content of `ckks-share.bin`. */
export function encodeSealedShares(shares: readonly SealedShares[]): Uint8Array {
  return encodeCbor(shares);
}

/**
 * Opens an aggregator's share of one set's secret key, as the dealer encoded it. The caller clears the bytes when it has
 * read them. Throws KeyFolderError `missing-file`, or `not-trusted` when it is not the authority's or was altered.
 */
export async function openCkksShare(party: Party, epoch: CkksEpoch, set: string): Promise<Uint8Array> {
  const sealed = readSealedShares(party.folder).find(
    ([number, dealing]) => number === epoch.epoch && Buffer.compare(dealing, epoch.dealing) === 0,
  );
  if (sealed === undefined) {
    throw new KeyFolderError(
      "missing-file",
      `${join(party.folder, CKKS_SHARE_FILE)} holds no key shares of epoch ${epoch.epoch}, which ckks.cose lists`,
    );
  }
  const { dealing, shares } = await openDelivery(party, sealed[2]);
  const share = shares.find(([name]) => name === set);
  if (share === undefined || Buffer.compare(dealing, epoch.dealing) !== 0) {
    const problem = `holds no share of the set ${set} of epoch ${epoch.epoch}`;
    throw new KeyFolderError("not-trusted", `${join(party.folder, CKKS_SHARE_FILE)} ${problem}`);
  }
  const bytes = Uint8Array.from(share[1]);
  for (const [, one] of shares) one.fill(0);
  return bytes;
}

async function openDelivery(party: Party, sealed: Uint8Array) {
  try {
    const { message } = await openServerMessage(sealed, party, "authority");
    return ckksShareMessage.parse(message);
  } catch (cause) {
    throw notTrusted(party.folder, CKKS_SHARE_FILE, cause);
  }
}

/** Where the public keys of an epoch are. */
export function ckksFolder(data: string, epoch: number): string {
  return join(data, "ckks", String(epoch));
}

/**
 * Reads parts of a set's public material from `<data>/ckks/` and compares their digests with the manifest's. The names
 * are those that an engine takes. Throws KeyFolderError `missing-file` or `not-trusted`, RangeError for a part that was
 * not made.
 */
export function loadCkksMaterial<P extends CkksPart>(
  data: string,
  epoch: CkksEpoch,
  set: string,
  parts: readonly P[],
): Record<P, Uint8Array> {
  const known = epoch.sets.get(set);
  if (known === undefined) throw new RangeError(`set: epoch ${epoch.epoch} has no parameter set ${set}`);
  const entries = parts.map((part): [P, Uint8Array] => {
    const digest = known.digests[part];
    if (digest === undefined) throw new RangeError(`parts: no ${part} were made for the parameter set ${set}`);
    const file = join(ckksFolder(data, epoch.epoch), set, CKKS_PART_FILES[part]);
    const bytes = readPublic(file);
    if (!createHash("sha256").update(bytes).digest().equals(digest)) {
      throw new KeyFolderError("not-trusted", `${file} is not what ckks.cose lists: copy it again from the authority`);
    }
    return [part, bytes];
  });
  return Object.fromEntries(entries) as Record<P, Uint8Array>;
}

function readPublic(file: string): Uint8Array {
  try {
    const buffer = readFileSync(file);
    return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unreadable";
    throw new KeyFolderError("missing-file", `${file} cannot be read (${code}); it is part of the public keys`, {
      cause,
    });
  }
}
