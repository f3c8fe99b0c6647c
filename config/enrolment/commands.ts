/** The commands on single meters: what `npm run enrol -- add`, `sync` and so on do. */
import type { MembershipRecord } from "../../protocol/messages/enrolment.ts";
import { EXIT, type RoleContext, UsageError } from "../runtime/role-command.ts";
import { type Change, describe } from "./change.ts";
import { assertPossible, MisfitError, prepareChange } from "./changes.ts";
import { EnrolmentError } from "./files.ts";
import { applyOffline } from "./offline.ts";
import { changeOf, deadline, fromSlotOption, waitMilliseconds } from "./options.ts";
import type { RollBook } from "./roll-book.ts";
import { currentTime, type Opened, openBook, withLink } from "./session.ts";
import { slotText, type SlotTimes } from "./slot-time.ts";

/** add, move, revoke, rekey. */
export async function changeCommand(context: RoleContext, action: Change["action"]): Promise<number> {
  const change = changeOf(context, action);
  fromSlotOption(context);
  waitMilliseconds(context);
  const opened = openBook(context);
  assertFits(() => assertPossible(opened, change));
  sayNewFeeder(opened.book, change);
  if (context.options["offline"] === true) {
    const time = await currentTime(context, action, opened.authority, undefined);
    const settled = await applyOffline({ ...opened, ...time }, change);
    return report(context, change, settled?.countersignedBy, opened);
  }
  return withLink(context, opened, async (online, link) => {
    const time = await currentTime(context, action, opened.authority, link);
    const pending = await prepareChange({ ...opened, ...time }, change);
    if (pending === undefined) return report(context, change, undefined, opened);
    const result = await online.apply(pending, deadline(context));
    warn(context, result.silent, result.refusals);
    return report(context, change, result.countersignedBy, opened);
  });
}

/** Nothing has been tried yet: a command about a meter that is not there is wrong use. */
function assertFits(check: () => void): void {
  try {
    check();
  } catch (error) {
    if (error instanceof MisfitError) throw new UsageError(error.message);
    throw error;
  }
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
  { config, json }: RoleContext,
  change: Change,
  countersignedBy: readonly number[] | undefined,
  { authority, book }: Opened,
): number {
  const record = book.get(change.meter)?.record;
  const done = countersignedBy === undefined;
  const times = { slotSeconds: authority.directory.slotSeconds, timezone: config.system.timezone };
  const head = done
    ? `${change.meter}: nothing to do, "${describe(change)}" is done already`
    : `${change.meter}: ${change.action} is countersigned by aggregators ${countersignedBy.join(", ")}`;
  const fromSlot = record === undefined ? null : (firstSlotOf(change, record) ?? null);
  const summary = { ...change, serial: record?.serial, places: record?.places, countersignedBy: countersignedBy ?? [] };
  const text = record === undefined ? head : `${head}\n${effectOf(change, record, times)}`;
  process.stdout.write(json ? `${JSON.stringify({ ...summary, fromSlot, alreadyDone: done })}\n` : `${text}\n`);
  return EXIT.ok;
}

/** The first slot for which a change holds; new keys hold for whatever is sent under them. */
function firstSlotOf({ action }: Change, { places }: MembershipRecord): number | undefined {
  if (action === "rekey") return undefined;
  return (action === "revoke" ? places.at(-1)?.to : places.at(-1)?.from) ?? undefined;
}

function effectOf(change: Change, record: MembershipRecord, times: SlotTimes): string {
  const { meter } = change;
  if (change.action === "rekey") {
    return `${meter} sends under its new keys (version ${record.keyVersion}) from its next start on`;
  }
  const from = firstSlotOf(change, record);
  const since = from === undefined || from === 0 ? "from the beginning" : `from ${slotText(from, times)} on`;
  return `${meter} belongs to ${"feeder" in change ? change.feeder : "no feeder"} ${since}`;
}
