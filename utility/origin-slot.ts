/** Where a system's time begins: rounds ask for no slot before. */
import type { Config } from "../config/index.ts";
import type { Party } from "../config/keys/index.ts";
import { dayStart, localDate } from "../billing/tariffs/index.ts";
import type { UtilityDatabase } from "./store/open.ts";
import { getMeta, putMeta } from "./store/rounds-store.ts";

/**
 * The first slot that counts: the beginning of the simulation, or the making of the system, for nothing was measured
 * before. It is kept, so that a later configuration cannot move it.
 */
export async function originSlot(db: UtilityDatabase, config: Config, directory: Party["directory"]): Promise<number> {
  const known = await getMeta(db, "origin_slot");
  if (known !== undefined) return Number(known);
  const begin = config.simulation.enabled
    ? dayStart(localDate(config.simulation.start), config.system.timezone)
    : directory.created;
  const origin = Math.floor(begin / directory.slotSeconds);
  await putMeta(db, "origin_slot", String(origin));
  return origin;
}
