/** `npm run enrol -- list`: every meter with its place, since when, and who has countersigned. */
import Table from "cli-table3";
import { feederAt } from "../../protocol/membership.ts";
import type { Place } from "../../protocol/messages/enrolment.ts";
import { slotOf } from "../../protocol/slots.ts";
import type { Party } from "../keys/index.ts";
import { EXIT, type RoleContext } from "../runtime/role-command.ts";
import { fromSlotOption } from "./options.ts";
import { pendingMeters } from "./pending.ts";
import { openBook } from "./session.ts";
import { simulatedTime, slotText, type SlotTimes } from "./slot-time.ts";

/** Prints every meter as of now: in a simulation, of its own time. */
export function listCommand(context: RoleContext): number {
  const { authority, book } = openBook(context);
  const pending = new Set(pendingMeters(authority));
  const { slot, clock } = presentSlot(context, authority);
  const times = { slotSeconds: authority.directory.slotSeconds, timezone: context.config.system.timezone };
  const rows = book.entries().map((entry) => {
    const { meter, serial, keyVersion, places, role } = entry.record;
    return {
      meter,
      role: role ?? "customer",
      feeder: feederAt(places, slot) ?? null,
      state: book.isComplete(entry) ? stateOf(places, slot, times) : "lacks countersignatures",
      places,
      serial,
      keyVersion,
      countersignedBy: [...entry.countersignatures.keys()].sort((a, b) => a - b),
      pending: pending.has(meter),
    };
  });
  rows.sort((a, b) => (a.meter < b.meter ? -1 : 1));
  if (context.json) {
    process.stdout.write(`${JSON.stringify({ slot, clock, time: slot * times.slotSeconds, meters: rows })}\n`);
    return EXIT.ok;
  }
  const table = new Table({
    head: ["meter", "feeder", "state", "serial", "keys", "countersigned by"],
    style: { head: [], border: [], compact: true },
  });
  for (const row of rows) {
    const by = row.countersignedBy.join(" ") + (row.pending ? " (more under way)" : "");
    table.push([
      row.role === "head" ? `${row.meter} (head)` : row.meter,
      row.feeder ?? "-",
      row.state,
      row.serial,
      row.keyVersion,
      by,
    ]);
  }
  const asOf = `as of ${slotText(slot, times)}${CLOCKS[clock]}`;
  const heads = rows.filter(({ role }) => role === "head").length;
  const count = `${rows.length - heads} meters${heads === 0 ? "" : `, ${heads} ${heads === 1 ? "head" : "heads"}`}`;
  process.stdout.write(`${table.toString()}\n${count}, ${asOf}\n`);
  process.stdout.write(`Beside them: ${[...authority.directory.servers.keys()].join(", ")}\n`);
  return EXIT.ok;
}

const CLOCKS = {
  given: "",
  real: "",
  simulated: ", the simulated time",
  wall: ", by the wall clock: nothing in this folder tells the simulated time, --from-slot does",
} as const;

function presentSlot(context: RoleContext, { directory }: Party): { slot: number; clock: keyof typeof CLOCKS } {
  const given = fromSlotOption(context);
  if (given !== undefined) return { slot: given, clock: "given" };
  const simulated = directory.simulation ? simulatedTime(context.config) : undefined;
  if (simulated !== undefined) return { slot: slotOf(simulated, directory.slotSeconds), clock: "simulated" };
  const slot = slotOf(Date.now() / 1000, directory.slotSeconds);
  return { slot, clock: directory.simulation ? "wall" : "real" };
}

/** With the first slot of the change that led here, and of the one that is still to come. */
function stateOf(places: readonly Place[], slot: number, times: SlotTimes): string {
  const now = places.find(({ from, to }) => from <= slot && (to === null || to > slot));
  const next = places.find(({ from }) => from > slot);
  const coming = next === undefined ? [] : [`${next.feeder} from ${slotText(next.from, times)}`];
  if (now === undefined) {
    const last = places.findLast(({ to }) => to !== null && to <= slot);
    const ended = last === undefined ? "not enrolled yet" : `revoked from ${slotText(last.to ?? slot, times)}`;
    return [ended, ...coming].join(", ");
  }
  // Whoever was there from the start belongs to every slot.
  const since = now.from === 0 ? "active" : `active since ${slotText(now.from, times)}`;
  const ends = now.to === null || next?.from === now.to ? [] : [`revoked from ${slotText(now.to, times)}`];
  return [since, ...ends, ...coming].join(", ");
}
