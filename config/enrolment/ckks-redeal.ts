/**
 * Deals CKKS keys for a system that runs already: for the first time, or anew for other parameters or after shares were
 * lost. The dealer forgot the old secret key, so this is another key pair and another epoch.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { sealCkksManifest } from "../../protocol/keys/index.ts";
import { encodeSealedShares, readSealedShares, type SealedShares } from "../keys/ckks-files.ts";
import { CKKS_FILE, CKKS_SHARE_FILE, readKeyFile } from "../keys/folder.ts";
import type { Party } from "../keys/index.ts";
import { type DealingProgress, dealCkks } from "./ckks-deal.ts";
import { type CkksPlan, planDifference } from "./ckks-plan.ts";
import { EnrolmentError, replaceFile } from "./files.ts";
import { aggregatorIds } from "./roll-book.ts";
import { keyFolder } from "./system.ts";

export interface RedealOptions {
  /** `<data>/keys`. */
  readonly keys: string;
  readonly authority: Party;
  readonly plan: CkksPlan;
  /** Unix seconds. */
  readonly now: number;
  readonly onProgress?: DealingProgress | undefined;
}

/**
 * Returns the number of the new epoch. It counts from the moment that the authority's own manifest is written; before
 * that an interruption leaves what was, after it the next run hands the manifest on.
 */
export async function redealCkks({ keys, authority, plan, now, onProgress }: RedealOptions): Promise<number> {
  const { n, t } = authority.directory;
  const ids = aggregatorIds(authority);
  assertHere(keys, ids);
  if (authority.directory.servers.get("analytics") === undefined || !existsSync(keyFolder(keys, "analytics"))) {
    throw new EnrolmentError(
      `${keyFolder(keys, "analytics")} is missing: a system founded without an analytics server cannot compute on ` +
        "ciphertexts; enrol it anew with another --data",
    );
  }
  const epochs = authority.ckks?.epochs ?? [];
  const epoch = (epochs.at(-1)?.epoch ?? 0) + 1;
  const dealt = await dealCkks({ data: dirname(keys), epoch, n, t, plan, now, authority, onProgress });
  const known = new Set(epochs.map(({ dealing }) => Buffer.from(dealing).toString("hex")));
  for (const id of ids) {
    const folder = keyFolder(keys, id);
    // Shares that no manifest lists were left by a dealing that was interrupted.
    const kept = readSealedShares(folder).filter(([, dealing]) => known.has(Buffer.from(dealing).toString("hex")));
    replaceFile(join(folder, CKKS_SHARE_FILE), encodeSealedShares([...kept, sharesOf(dealt.shares, id)]));
  }
  const { signKey } = authority;
  if (signKey === undefined) throw new RangeError("authority: holds no signing key");
  replaceFile(join(authority.folder, CKKS_FILE), sealCkksManifest([...epochs, dealt.epoch], signKey));
  distributeManifest(keys, authority.folder);
  return epoch;
}

/** Hands the authority's manifest to every party of this machine that needs it, and has another or none. */
export function distributeManifest(keys: string, authorityFolder: string): void {
  if (!existsSync(join(authorityFolder, CKKS_FILE))) return;
  const manifest = readKeyFile(authorityFolder, CKKS_FILE);
  for (const id of readdirSync(keys)) {
    if (id.startsWith(".") || NO_MANIFEST.has(id)) continue;
    const file = join(keyFolder(keys, id), CKKS_FILE);
    if (existsSync(file) && readFileSync(file).equals(manifest)) continue;
    if (existsSync(join(keyFolder(keys, id), "identity.crt"))) replaceFile(file, manifest);
  }
}

const NO_MANIFEST = new Set(["authority", "api", "broker", "simulator"]);

/** Throws EnrolmentError where the keys of a system are not those that its configuration asks for. */
export function assertDealt({ ckks }: Party, plan: CkksPlan): void {
  const remedy = "`npm run enrol -- redeal` deals keys for these settings";
  if (ckks === undefined) throw new EnrolmentError(`homomorphic.enabled: this system has no CKKS keys; ${remedy}`);
  const difference = planDifference(plan, ckks.current);
  if (difference !== undefined) throw new EnrolmentError(`homomorphic: ${difference}; ${remedy}`);
}

function assertHere(keys: string, ids: readonly string[]): void {
  const missing = ids.find((id) => !existsSync(keyFolder(keys, id)));
  if (missing === undefined) return;
  throw new EnrolmentError(
    `${keyFolder(keys, missing)} is not here: keys are dealt where all aggregators' folders are`,
  );
}

function sharesOf(shares: ReadonlyMap<string, SealedShares>, id: string): SealedShares {
  const found = shares.get(id);
  if (found === undefined) throw new RangeError(`shares: none for ${id}`);
  return found;
}
