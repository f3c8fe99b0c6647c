/** What follows when countersignatures of a change have come in: the meter's new keys, the lists, the pending file. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Party } from "../keys/index.ts";
import { METER_FILE } from "../keys/meter-secrets.ts";
import { EnrolmentError, replaceFile } from "./files.ts";
import { type Pending, removePending, writePending } from "./pending.ts";
import type { RollBook } from "./roll-book.ts";
import { keyFolder } from "./system.ts";

export interface Settled {
  /** At least q aggregators have countersigned: the change counts. */
  readonly complete: boolean;
  /** Share indices. */
  readonly countersignedBy: readonly number[];
}

/** Saves the roll, and hands a re-keyed meter its keys as soon as the change counts. */
export function settleChange(keys: string, authority: Party, book: RollBook, pending: Pending): Settled {
  const { meter } = pending.change;
  const entry = book.get(meter);
  if (entry?.record.serial !== pending.serial) throw new EnrolmentError(`${meter} has no record ${pending.serial}`);
  book.save(keys);
  const complete = book.isComplete(entry);
  const countersignedBy = [...entry.countersignatures.keys()].sort((a, b) => a - b);
  if (complete && pending.meterFile !== undefined) {
    const folder = keyFolder(keys, meter);
    if (!existsSync(folder)) throw new EnrolmentError(`${folder} is missing: bring it here and repeat the command`);
    replaceFile(join(folder, METER_FILE), pending.meterFile);
    const { meterFile: _delivered, ...rest } = pending;
    writePending(authority, rest);
  }
  if (countersignedBy.length === authority.directory.n) removePending(authority, meter);
  return { complete, countersignedBy };
}
