/** `subset-keys.bin` of an aggregator: the keys that it shares with others, still sealed as the authority dealt them. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { openSubsetKeyList, type SubsetKeyList } from "../../protocol/keys/index.ts";
import { readKeyFile, SUBSET_KEYS_FILE } from "./folder.ts";
import type { Party } from "./party.ts";
import { notTrusted } from "./trust.ts";

/**
 * Opens an aggregator's subset keys; undefined where none were dealt. Throws KeyFolderError `not-trusted` when they are
 * not the authority's or were altered.
 */
export async function openSubsetKeys(party: Party): Promise<SubsetKeyList | undefined> {
  if (!existsSync(join(party.folder, SUBSET_KEYS_FILE))) return undefined;
  try {
    return await openSubsetKeyList(readKeyFile(party.folder, SUBSET_KEYS_FILE), party);
  } catch (cause) {
    throw notTrusted(party.folder, SUBSET_KEYS_FILE, cause);
  }
}
