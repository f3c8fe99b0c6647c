/** What the enrolment in a data folder says, read without changing anything: also where it was interrupted. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { openParty, readRoll } from "../../config/keys/index.ts";
import { openRecord } from "../../protocol/membership.ts";
import type { MembershipRecord } from "../../protocol/messages/enrolment.ts";

/** The newest record of every meter; one that still lacks countersignatures will get them from the next enrolment. */
export function enrolledRecords(data: string): Map<string, MembershipRecord> {
  const newest = new Map<string, MembershipRecord>();
  const folder = join(data, "keys", "authority");
  if (!existsSync(folder)) return newest;
  const { directory } = openParty(folder);
  for (const { record: signed } of readRoll(folder)) {
    const record = openRecord(signed, directory);
    if ((newest.get(record.meter)?.serial ?? -1) < record.serial) newest.set(record.meter, record);
  }
  return newest;
}

/** Over how many feeders the numbered meters were spread, or undefined where they were not spread in turn. */
export function spreadOf(records: ReadonlyMap<string, MembershipRecord>): number | undefined {
  const numbered = [...records.values()].flatMap(({ meter, places }) => {
    const number = Number(/^m-(\d+)$/.exec(meter)?.[1] ?? 0);
    return number === 0 ? [] : [{ number, feeder: places[0]?.feeder ?? "" }];
  });
  const feeders = Math.max(0, ...numbered.map(({ feeder }) => Number(/^f-(\d+)$/.exec(feeder)?.[1] ?? 0)));
  if (feeders === 0) return undefined;
  // As `spreadOverFeeders` has them.
  const inTurn = numbered.every(({ number, feeder }) => feeder === `f-${((number - 1) % feeders) + 1}`);
  return inTurn ? feeders : undefined;
}
