/** The commands on single meters: what `npm run enrol -- add`, `list`, `sync` and so on do. */
import { join } from "node:path";
import Table from "cli-table3";
import { openClock } from "../../protocol/envelope/index.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { feederAt } from "../../protocol/membership.ts";
import { slotOf } from "../../protocol/slots.ts";
import { TOPICS } from "../../protocol/topics.ts";
import type { Party } from "../keys/index.ts";
import { connectLink, type Link } from "../runtime/link.ts";
import { EXIT, type RoleContext, UsageError } from "../runtime/role-command.ts";
import { type Change, describe } from "./change.ts";
import { prepareChange } from "./changes.ts";
import { EnrolmentError } from "./files.ts";
import { applyOffline } from "./offline.ts";
import { ENROL_SUBSCRIPTIONS, OnlineEnrolment } from "./online.ts";
import { pendingMeters } from "./pending.ts";
import { RollBook } from "./roll-book.ts";
import { openAuthority } from "./system.ts";

interface Opened {
  readonly keys: string;
  readonly authority: Party;
  readonly book: RollBook;
}

function openBook({ config }: RoleContext): Opened {
  const keys = join(config.paths.data, "keys");
  const authority = openAuthority(keys);
  return { keys, authority, book: new RollBook(authority) };
}

/** add, move, revoke, rekey. */
export async function changeCommand(context: RoleContext, action: Change["action"]): Promise<number> {
  const change = changeOf(context, action);
  const opened = openBook(context);
  if (context.options["offline"] === true) {
    const time = await currentTime(context, opened.authority, undefined);
    const settled = await applyOffline({ ...opened, ...time }, change);
    return report(context, change, settled?.countersignedBy, opened.book);
  }
  return withLink(context, opened, async (online, link) => {
    const time = await currentTime(context, opened.authority, link);
    const pending = await prepareChange({ ...opened, ...time }, change);
    if (pending === undefined) return report(context, change, undefined, opened.book);
    const result = await online.apply(pending, deadline(context));
    warn(context, result.silent, result.refusals);
    return report(context, change, result.countersignedBy, opened.book);
  });
}

/** Sends pending changes again, and publishes every certificate. */
export async function syncCommand(context: RoleContext): Promise<number> {
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
  return EXIT.ok;
}

function changeOf({ options }: RoleContext, action: Change["action"]): Change {
  const { meter, feeder } = options;
  if (typeof meter !== "string") throw new UsageError(`${action}: name the meter with --meter`);
  if (action === "revoke" || action === "rekey") return { action, meter };
  if (typeof feeder !== "string") throw new UsageError(`${action}: name the feeder with --feeder`);
  return { action, meter, feeder };
}

function fromSlotOption({ options }: RoleContext): number | undefined {
  const text = options["fromSlot"];
  if (typeof text !== "string") return undefined;
  if (!/^\d{1,10}$/.test(text)) throw new UsageError(`--from-slot: expected a slot number, got ${text}`);
  return Number(text);
}

interface Time {
  readonly now: number;
  readonly currentSlot: number;
  readonly fromSlot: number;
}

/** By the system's clock, or by the simulation's: the next tick that the simulator publishes. */
async function currentTime(context: RoleContext, authority: Party, link: TickingLink | undefined): Promise<Time> {
  const now = Date.now() / 1000;
  const { simulation, slotSeconds } = authority.directory;
  const given = fromSlotOption(context);
  if (!simulation || link === undefined) {
    if (simulation && given === undefined) {
      throw new UsageError("--from-slot: in a simulation that does not run, say which slot comes next");
    }
    const currentSlot = simulation ? (given ?? 0) : slotOf(now, slotSeconds);
    return { now, currentSlot, fromSlot: given ?? currentSlot + 1 };
  }
  const time = await link.nextTick(deadline(context));
  if (time === undefined) throw new EnrolmentError("no tick of the simulated clock was seen: is the fleet running?");
  const currentSlot = slotOf(time, slotSeconds);
  return { now, currentSlot, fromSlot: given ?? currentSlot + 1 };
}

interface TickingLink {
  /** The time of the next tick of the simulated clock; undefined when the deadline comes first. */
  nextTick(deadline: AbortSignal): Promise<number | undefined>;
}

/** Runs a command with a link to the broker and answers coming in. */
async function withLink(
  context: RoleContext,
  { keys, authority, book }: Opened,
  command: (online: OnlineEnrolment, link: TickingLink) => Promise<number>,
): Promise<number> {
  const { config } = context;
  let onTick: (time: number) => void = () => {};
  const connected: { link?: Link } = {};
  const online = new OnlineEnrolment({
    keys,
    authority,
    book,
    link: { publish: (topic, payload) => connected.link?.publish(topic, payload) ?? Promise.resolve() },
    now: () => performance.now() / 1000,
    retryMilliseconds: config.rounds.retrySeconds * 1000,
  });
  const clockTopic = TOPICS.simClock.pattern;
  const onMessage = (topic: string, payload: Uint8Array): Promise<void> | undefined => {
    if (topic !== clockTopic) return online.receive(topic, payload);
    const time = tickOf(payload, authority);
    if (time !== undefined) onTick(time);
    return undefined;
  };
  const link = await connect(context, authority, onMessage);
  connected.link = link;
  try {
    return await command(online, {
      nextTick: (end) =>
        new Promise((resolve) => {
          onTick = resolve;
          end.addEventListener("abort", () => resolve(undefined), { once: true });
        }),
    });
  } finally {
    await link.close();
  }
}

/** Connects within the time to wait. Throws EnrolmentError when the broker cannot be reached. */
async function connect(
  context: RoleContext,
  authority: Party,
  onMessage: (topic: string, payload: Uint8Array) => Promise<void> | undefined,
): Promise<Link> {
  const { config, log, signal } = context;
  const { host, tlsPort: port } = config.broker;
  // Only the first connection is given up: afterwards the link may come and go until the command's own deadline.
  const giveUp = new AbortController();
  const timer = setTimeout(() => giveUp.abort(), waitMilliseconds(context));
  const clock = authority.directory.simulation ? [TOPICS.simClock.pattern] : [];
  try {
    return await connectLink({
      party: authority,
      host,
      port,
      subscriptions: [...ENROL_SUBSCRIPTIONS, ...clock],
      settings: config.link,
      log,
      signal: AbortSignal.any([signal, giveUp.signal]),
      onMessage: (topic, payload) => onMessage(topic, payload) ?? Promise.resolve(),
    });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new EnrolmentError(
      `no connection to the broker at ${host}:${port} (${reason}); --offline when nothing runs`,
      {
        cause,
      },
    );
  } finally {
    clearTimeout(timer);
  }
}

function tickOf(payload: Uint8Array, { directory }: Party): number | undefined {
  try {
    return openClock(payload, directory).time;
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

function waitMilliseconds({ config, options }: RoleContext): number {
  const text = options["wait"];
  if (typeof text !== "string") return config.rounds.answerSeconds * 2_000;
  const seconds = Number(text);
  if (!(seconds > 0)) throw new UsageError(`--wait: expected seconds above 0, got ${text}`);
  return seconds * 1000;
}

function deadline(context: RoleContext): AbortSignal {
  return AbortSignal.any([context.signal, AbortSignal.timeout(waitMilliseconds(context))]);
}

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
