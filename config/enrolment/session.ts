/** What a command on a running system needs: the authority's book, a link to the broker, and the time. */
import { join } from "node:path";
import { openClock } from "../../protocol/envelope/index.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { slotOf } from "../../protocol/slots.ts";
import { TOPICS } from "../../protocol/topics.ts";
import type { Party } from "../keys/index.ts";
import { brokerAddress } from "../runtime/broker-address.ts";
import { connectLink, type Link } from "../runtime/link.ts";
import { type RoleContext, UsageError } from "../runtime/role-command.ts";
import type { Change } from "./change.ts";
import { EnrolmentError } from "./files.ts";
import { ENROL_SUBSCRIPTIONS, OnlineEnrolment } from "./online.ts";
import { deadline, fromSlotOption, waitMilliseconds } from "./options.ts";
import { RollBook } from "./roll-book.ts";
import { openAuthority } from "./system.ts";

export interface Opened {
  readonly keys: string;
  readonly authority: Party;
  readonly book: RollBook;
}

export function openBook({ config }: RoleContext): Opened {
  const keys = join(config.paths.data, "keys");
  const authority = openAuthority(keys);
  return { keys, authority, book: new RollBook(authority) };
}

interface Time {
  readonly now: number;
  readonly currentSlot: number;
  readonly fromSlot: number;
}

/**
 * By the system's clock, or by the simulation's: the next tick that the simulator publishes. Throws EnrolmentError when
 * none comes, UsageError when none can come.
 */
export async function currentTime(
  context: RoleContext,
  action: Change["action"],
  authority: Party,
  link: TickingLink | undefined,
): Promise<Time> {
  const now = Date.now() / 1000;
  const { simulation, slotSeconds } = authority.directory;
  const given = fromSlotOption(context);
  if (!simulation) {
    const currentSlot = slotOf(now, slotSeconds);
    return { now, currentSlot, fromSlot: given ?? currentSlot + 1 };
  }
  // Whoever names the slot knows the time; aggregators refuse one that has begun. New keys change no place at all.
  if (given !== undefined) return { now, currentSlot: given, fromSlot: given };
  if (action === "rekey") return { now, currentSlot: 0, fromSlot: 0 };
  if (link === undefined) {
    throw new UsageError("--from-slot: in a simulation that does not run, say which slot comes next");
  }
  const time = await link.nextTick(deadline(context));
  if (time === undefined) throw new EnrolmentError(noTick(context, slotSeconds));
  const currentSlot = slotOf(time, slotSeconds);
  return { now, currentSlot, fromSlot: currentSlot + 1 };
}

function noTick(context: RoleContext, slotSeconds: number): string {
  return (
    `the simulated clock stood still for ${waitMilliseconds(context) / 1000} s, so the next slot is unknown: let it ` +
    `run (npm run fleet, npm run meters), or name the slot with --from-slot (Unix time / ${slotSeconds}), and add ` +
    `--offline when nothing runs`
  );
}

interface TickingLink {
  /** The time of the next tick of the simulated clock; undefined when the deadline comes first. */
  nextTick(deadline: AbortSignal): Promise<number | undefined>;
}

/** Runs a command with a link to the broker and answers coming in. */
export async function withLink(
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
          if (end.aborted) resolve(undefined);
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
  const { config, signal } = context;
  const broker = brokerAddress(config);
  // Only the first connection is given up: afterwards the link may come and go until the command's own deadline.
  const giveUp = new AbortController();
  const timer = setTimeout(() => giveUp.abort(), waitMilliseconds(context));
  const clock = authority.directory.simulation ? [TOPICS.simClock.pattern] : [];
  try {
    return await connectLink({
      party: authority,
      ...broker,
      subscriptions: [...ENROL_SUBSCRIPTIONS, ...clock],
      settings: config.link,
      log: context.process.fileLog, // what ends the command is said once, by the command
      signal: AbortSignal.any([signal, giveUp.signal]),
      onMessage: (topic, payload) => onMessage(topic, payload) ?? Promise.resolve(),
    });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const text = `no connection to the broker at ${broker.host}:${broker.port} (${reason}); --offline when nothing runs`;
    throw new EnrolmentError(text, { cause });
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
