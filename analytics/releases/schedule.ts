/** Which days of a configured release are to be asked for. */
import type { ReleaseSettings } from "../../config/schema-releases.ts";
import { WindowCalendar } from "../../config/windows.ts";
import type { SystemClock } from "../presence.ts";
import { slotsOf } from "./plan.ts";
import type { ReleaseOrder } from "./store.ts";

/** When the homes are asked for the days from a slot on. */
export function dueAt(release: ReleaseSettings, firstSlot: number, slotSeconds: number): number {
  return (firstSlot + slotsOf(release, slotSeconds)) * slotSeconds + release.waitSeconds;
}

/**
 * The newest days of a release that are over at `now` (Unix seconds), unless those were asked for: what passed while nobody
 * was there to ask is not made up for. `last`: the first slot that was asked for last.
 */
export function nextOrder(
  settings: ReleaseSettings,
  { slotSeconds, timezone }: SystemClock,
  last: number | undefined,
  now: number,
): ReleaseOrder | undefined {
  const calendar = new WindowCalendar({ slotSeconds, timezone, windowDays: settings.everyDays ?? settings.days });
  let { firstSlot } = calendar.at(now);
  while (dueAt(settings, firstSlot, slotSeconds) > now) {
    const time = (firstSlot - 1) * slotSeconds;
    if (time <= 0) return undefined;
    firstSlot = calendar.at(time).firstSlot;
  }
  if (last !== undefined && firstSlot <= last) return undefined;
  return { settings, firstSlot, dueAt: dueAt(settings, firstSlot, slotSeconds), askedAt: now };
}
