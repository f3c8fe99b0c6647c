/**
 * Which meters a run of `npm run meters` starts, and which slots it may cover. Goes on where the fleet or an earlier run
 * of meters ended: a register that began anew would look like an exchanged meter.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../../config/index.ts";
import { openMeterSecrets } from "../../config/keys/index.ts";
import type { SlotRange } from "../../protocol/slots.ts";
import type { FeedPlan } from "../fleet/host-messages.ts";
import { readHistory } from "../fleet/history.ts";
import { firstSlotOf } from "../fleet/fleet-plan.ts";

export interface EnrolledMeter {
  readonly id: string;
  readonly feeder: string;
}

/** What was asked for cannot be done with what is there; the message says what would help. */
export class MetersError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "MetersError";
  }
}

/** The first `count` meters, or all, whose folders of keys are here, by name. Throws MetersError when there are fewer. */
export function enrolledMeters(data: string, count?: number): EnrolledMeter[] {
  const keys = join(data, "keys");
  const names = existsSync(keys) ? readdirSync(keys).filter((name) => !name.startsWith(".")) : [];
  const meters = names.filter((name) => existsSync(join(keys, name, "meter.json"))).sort();
  const wanted = count ?? Math.max(1, meters.length);
  if (meters.length < wanted) {
    const have = meters.length === 0 ? "no meter is enrolled" : `${meters.length} meters are enrolled`;
    throw new MetersError(`${have} in ${keys}, ${wanted} wanted: npm run enrol -- --meters ${wanted} --data ${data}`);
  }
  return meters.slice(0, count).map((id) => ({ id, feeder: openMeterSecrets(join(keys, id)).feeder }));
}

/** Remembered in the data folder. */
export interface MetersHistory {
  /** The slot at which the simulated registers stood at zero. */
  readonly firstSlot: number;
  readonly nextSlot: number;
  /** Slots that were fed, run after run: a fleet that follows does not know of them. */
  readonly fed: readonly SlotRange[];
}

export interface MetersPlan {
  readonly feed: FeedPlan & { readonly kind: "generated" };
  /** The first slot of this run, and the one that it will not reach. */
  readonly from: number;
  readonly to: number;
}

/** The slots of a run in which at most `slots` pass. `nowSlot`: of the real clock; only a simulation goes by its own. */
export function planMeters(
  config: Config,
  data: string,
  meters: readonly EnrolledMeter[],
  slots: number,
  nowSlot: number,
): MetersPlan {
  const { slotSeconds, timezone } = config.system;
  const { seed, start, enabled } = config.simulation;
  const own = readMetersHistory(data);
  const fleet = readHistory(data);
  const begin = fleet === undefined ? undefined : firstSlotOf(fleet.firstDate, config);
  const simulated = Math.max(own?.nextSlot ?? 0, firstSlotOf(fleet?.nextDate ?? start, config));
  const from = enabled ? simulated : nowSlot;
  // A meter that was off for longer than the window would only hand in what is refused.
  const remembered = begin ?? own?.firstSlot ?? from;
  const reachable = enabled || (own?.nextSlot ?? from) >= from - config.aggregator.windowSlots;
  const firstSlot = reachable ? Math.min(remembered, from) : from;
  const to = from + slots;
  return {
    feed: { kind: "generated", seed, meters, range: { from: firstSlot, to: to + 1 }, slotSeconds, timezone },
    from,
    to,
  };
}

function historyFile(data: string): string {
  return join(data, "fleet", "meters.json");
}

/** Files of older versions do not say what was fed. */
type Remembered = Omit<MetersHistory, "fed"> & { readonly fed?: MetersHistory["fed"] };

function readMetersHistory(data: string): Remembered | undefined {
  try {
    return JSON.parse(readFileSync(historyFile(data), "utf8")) as Remembered;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Remembers a run that fed the slots from `from` on, up to `nextSlot`; its registers stood at zero at `firstSlot`. */
export function rememberMeters(
  data: string,
  { firstSlot, from, nextSlot }: { readonly firstSlot: number; readonly from: number; readonly nextSlot: number },
): void {
  mkdirSync(join(data, "fleet"), { recursive: true });
  const fed = [...(readMetersHistory(data)?.fed ?? []), { from, to: nextSlot }];
  const history: MetersHistory = { firstSlot, nextSlot, fed };
  writeFileSync(historyFile(data), JSON.stringify(history));
}
