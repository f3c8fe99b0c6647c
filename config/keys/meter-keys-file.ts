/** `meter-keys.cbor` of an aggregator: lists of meters' root keys, each still sealed as the authority delivered it. */
import { join } from "node:path";
import { z } from "zod";
import { byteString } from "../../protocol/bytes.ts";
import { decodeCbor, encodeCbor } from "../../protocol/cbor.ts";
import { type MeterKey, openMeterKeyList } from "../../protocol/keys/index.ts";
import { KeyFolderError, readKeyFile } from "./folder.ts";
import type { Party } from "./party.ts";
import { notTrusted } from "./trust.ts";

export const METER_KEYS_FILE = "meter-keys.cbor";
const sealedLists = z.array(byteString);

/** The sealed lists in the order of delivery. */
export function readMeterKeyLists(folder: string): Uint8Array[] {
  const bytes = readKeyFile(folder, METER_KEYS_FILE);
  try {
    return sealedLists.parse(decodeCbor(bytes));
  } catch (cause) {
    throw new KeyFolderError("damaged-file", `${join(folder, METER_KEYS_FILE)} holds no sealed lists`, { cause });
  }
}

/** The content of `meter-keys.cbor`. */
export function encodeMeterKeyLists(lists: readonly Uint8Array[]): Uint8Array {
  return encodeCbor(lists);
}

/**
 * Opens all lists as their aggregator: the root key of each meter, of its highest key version; of two lists with the
 * same version the later counts. Throws KeyFolderError `not-trusted` when one is not the authority's or was altered.
 */
export async function openMeterKeys(party: Party): Promise<Map<string, Omit<MeterKey, "meter">>> {
  const keys = new Map<string, Omit<MeterKey, "meter">>();
  for (const list of readMeterKeyLists(party.folder)) {
    for (const { meter, keyVersion, rootKey } of await openList(list, party)) {
      if (keyVersion >= (keys.get(meter)?.keyVersion ?? 0)) keys.set(meter, { keyVersion, rootKey });
    }
  }
  return keys;
}

async function openList(list: Uint8Array, party: Party): Promise<MeterKey[]> {
  try {
    return await openMeterKeyList(list, party);
  } catch (cause) {
    throw notTrusted(party.folder, METER_KEYS_FILE, cause);
  }
}
