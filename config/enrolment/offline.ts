/** A change of one meter while nothing runs: written into the folders of the parties on this machine. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { encodeMeterKeyLists, METER_KEYS_FILE, readMeterKeyLists } from "../keys/meter-keys-file.ts";
import { openMeterSecrets } from "../keys/index.ts";
import type { Change } from "./change.ts";
import { type ChangeContext, prepareChange } from "./changes.ts";
import { countersignFolder } from "./countersign-folder.ts";
import { EnrolmentError, replaceFile } from "./files.ts";
import { aggregatorIds } from "./roll-book.ts";
import { type Settled, settleChange } from "./settle.ts";
import { keyFolder } from "./system.ts";
import { sealMeterKeys } from "../../protocol/keys/index.ts";
import { secretsOfText } from "../keys/meter-secrets.ts";

/** Returns undefined when the change is done already. Throws EnrolmentError when it cannot be made complete. */
export async function applyOffline(context: ChangeContext, change: Change): Promise<Settled | undefined> {
  const { keys, authority, book, currentSlot } = context;
  const pending = await prepareChange(context, change);
  if (pending === undefined) return undefined;
  const entry = book.get(change.meter)!;
  const secrets =
    pending.meterFile !== undefined
      ? secretsOfText(pending.meterFile, keyFolder(keys, change.meter))
      : change.action === "add" || (pending.keyed ?? []).length > 0
        ? openMeterSecrets(keyFolder(keys, change.meter))
        : undefined;
  for (const [i, id] of aggregatorIds(authority).entries()) {
    const folder = keyFolder(keys, id);
    if (entry.countersignatures.has(i + 1) || !existsSync(folder)) continue;
    const rootKey = secrets?.rootKeys.get(i + 1);
    if (secrets !== undefined && rootKey !== undefined) {
      const list = [{ meter: change.meter, keyVersion: entry.record.keyVersion, rootKey }];
      const sealed = await sealMeterKeys(list, authority, id);
      replaceFile(join(folder, METER_KEYS_FILE), encodeMeterKeyLists([...readMeterKeyLists(folder), sealed]));
    }
    const [countersignature] = countersignFolder(folder, [entry.signed], currentSlot);
    book.addCountersignature(change.meter, countersignature!);
  }
  const settled = settleChange(keys, authority, book, pending);
  if (!settled.complete) {
    throw new EnrolmentError(
      `${change.meter}: ${authority.directory.q} aggregators must countersign; folders of only ` +
        `${settled.countersignedBy.length} are here`,
    );
  }
  return settled;
}
