/**
 * Deals the keys that aggregators share by subsets, sealed to each of them; no party has them all, and the authority
 * forgets them. A system that has none yet, or whose dealing was interrupted, gets new ones: nothing outlives a round
 * that was masked with the old.
 */
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { sealSubsetKeys, SUBSET_DEALING_BYTES } from "../../protocol/keys/index.ts";
import { aggregatorId } from "../../protocol/names.ts";
import { keySubsets, SUBSET_KEY_BYTES } from "../../protocol/shamir/key-subsets.ts";
import { SUBSET_KEYS_FILE } from "../keys/folder.ts";
import type { Party } from "../keys/index.ts";
import { replaceFile } from "./files.ts";
import { keyFolder } from "./system.ts";

/**
 * Deals unless every aggregator has keys. Does nothing where an aggregator's folder is on another machine: its rounds
 * stay untested until all folders were together once.
 */
export async function dealSubsetKeys(keys: string, authority: Party): Promise<void> {
  const { n, t } = authority.directory;
  const folders = Array.from({ length: n }, (_, i) => keyFolder(keys, aggregatorId(i + 1)));
  if (folders.every((folder) => existsSync(join(folder, SUBSET_KEYS_FILE)))) return;
  if (!folders.every((folder) => existsSync(folder))) return;
  const fresh = (length: number): Uint8Array<ArrayBuffer> => Uint8Array.from(randomBytes(length));
  const dealing = fresh(SUBSET_DEALING_BYTES);
  const all = keySubsets(n, t).map((members) => ({ members, key: fresh(SUBSET_KEY_BYTES) }));
  try {
    for (const [i, folder] of folders.entries()) {
      const own = all.filter(({ members }) => members.includes(i + 1));
      const sealed = await sealSubsetKeys({ dealing, keys: own }, authority, aggregatorId(i + 1));
      replaceFile(join(folder, SUBSET_KEYS_FILE), sealed);
    }
  } finally {
    for (const { key } of all) key.fill(0);
  }
}
