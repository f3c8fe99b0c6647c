/** The commands on single meters: what `npm run enrol -- add`, `list`, `sync` and so on do. */
import Table from "cli-table3";
import { feederAt } from "../../protocol/membership.ts";
import { slotOf } from "../../protocol/slots.ts";
import { EXIT, type RoleContext } from "../runtime/role-command.ts";
import { type Change, describe } from "./change.ts";
import { assertPossible, prepareChange } from "./changes.ts";
import { EnrolmentError } from "./files.ts";
import { applyOffline } from "./offline.ts";
import { changeOf, deadline, fromSlotOption, waitMilliseconds } from "./options.ts";
import { pendingMeters } from "./pending.ts";
import type { RollBook } from "./roll-book.ts";
import { currentTime, openBook, withLink } from "./session.ts";

/** add, move, revoke, rekey. */
export async function changeCommand(context: RoleContext, action: Change["action"]): Promise<number> {
  const change = changeOf(context, action);
  fromSlotOption(context);
  waitMilliseconds(context);
  const opened = openBook(context);
  assertPossible(opened, change);
  sayNewFeeder(opened.book, change);
  if (context.options["offline"] === true) {
    const time = await currentTime(context, action, opened.authority, undefined);
    const settled = await applyOffline({ ...opened, ...time }, change);
    return report(context, change, settled?.countersignedBy, opened.book);
  }
  return withLink(context, opened, async (online, link) => {
    const time = await currentTime(context, action, opened.authority, link);
    const pending = await prepareChange({ ...opened, ...time }, change);
    if (pending === undefined) return report(context, change, undefined, opened.book);
    const result = await online.apply(pending, deadline(context));
    warn(context, result.silent, result.refusals);
    return report(context, change, result.countersignedBy, opened.book);
  });
}

/** Sends pending changes again, and publishes every certificate. */
export async function syncCommand(context: RoleContext): Promise<number> {
  waitMilliseconds(context);
  const opened = openBook(context);
  return withLink(context, opened, async (online) => {
    const results = await online.sync(deadline(context));
    const failed = [...results.values()].filter((result) => result instanceof EnrolmentError);
    for (const { message } of failed) process.stderr.write(`${message}\n`);
    const published = opened.book.certificates().length;
    const summary = { pending: results.size, failed: failed.length, published };
    process.stdout.write(
      context.json
        ? `${JSON.stringify(summary)}\n`
        : `${published} certificates published, ${results.size} pending changes sent, ${failed.length} not complete\n`,
    );
    return failed.length === 0 ? EXIT.ok : EXIT.failed;
  });
}

/** Prints every meter with its place and countersignatures. */
export function listCommand(context: RoleContext): number {
  const { authority, book } = openBook(context);
  const pending = new Set(pendingMeters(authority));
  const slot = fromSlotOption(context) ?? slotOf(Date.now() / 1000, authority.directory.slotSeconds);
  const rows = book.entries().map((entry) => {
    const { record, countersignatures } = entry;
    const { meter, serial, keyVersion, places } = record;
    const active = places.some(({ to }) => to === null || to > slot);
    const next = places.find(({ from }) => from > slot);
    const begins = next === undefined ? "" : `, ${next.feeder} from slot ${next.from}`;
    const state = !book.isComplete(entry) ? "lacks countersignatures" : active ? `active${begins}` : "revoked";
    return {
      meter,
      feeder: feederAt(places, slot) ?? null,
      state,
      serial,
      keyVersion,
      countersignedBy: [...countersignatures.keys()].sort((a, b) => a - b),
      pending: pending.has(meter),
    };
  });
  rows.sort((a, b) => (a.meter < b.meter ? -1 : 1));
  if (context.json) {
    process.stdout.write(`${JSON.stringify({ slot, meters: rows })}\n`);
    return EXIT.ok;
  }
  const table = new Table({
    head: ["meter", "feeder", "state", "serial", "keys", "countersigned by"],
    style: { head: [], border: [], compact: true },
  });
  for (const row of rows) {
    const by = row.countersignedBy.join(" ") + (row.pending ? " (more under way)" : "");
    table.push([row.meter, row.feeder ?? "-", row.state, row.serial, row.keyVersion, by]);
  }
  process.stdout.write(`${table.toString()}\n${rows.length} meters, as of slot ${slot}\n`);
  process.stdout.write(`Beside them: ${[...authority.directory.servers.keys()].join(", ")}\n`);
  return EXIT.ok;
}

/** Feeders are made by naming them, and so are slips of the finger. */
function sayNewFeeder(book: RollBook, change: Change): void {
  if (!("feeder" in change)) return;
  const { feeder } = change;
  const known = new Set(book.entries().flatMap(({ record }) => record.places.map((place) => place.feeder)));
  if (known.size === 0 || known.has(feeder)) return;
  const names = [...known].sort();
  const more = names.length > FEEDERS_NAMED ? ` and ${names.length - FEEDERS_NAMED} more` : "";
  process.stderr.write(
    `${feeder} is a new feeder; so far there are ${names.slice(0, FEEDERS_NAMED).join(", ")}${more}\n`,
  );
}

const FEEDERS_NAMED = 10;

function warn({ log }: RoleContext, silent: readonly number[], refusals: ReadonlyMap<number, string>): void {
  for (const index of silent) log.warn({ aggregator: index }, "an aggregator has not answered; sync sends it again");
  for (const [index, reason] of refusals) log.warn({ aggregator: index, reason }, "an aggregator refuses");
}

function report(
  { json }: RoleContext,
  change: Change,
  countersignedBy: readonly number[] | undefined,
  book: RollBook,
): number {
  const record = book.get(change.meter)?.record;
  const done = countersignedBy === undefined;
  const text = done
    ? `${change.meter}: nothing to do, "${describe(change)}" is done already`
    : `${change.meter}: ${change.action} is countersigned by aggregators ${countersignedBy.join(", ")}`;
  const summary = { ...change, serial: record?.serial, places: record?.places, countersignedBy: countersignedBy ?? [] };
  process.stdout.write(json ? `${JSON.stringify({ ...summary, alreadyDone: done })}\n` : `${text}\n`);
  return EXIT.ok;
}
