/**
 * What Aedes keeps between packets: retained messages, and nothing else. Sessions are clean, QoS 2 is refused, and a
 * will lives with its connection; so there are no queues of absent clients that could grow.
 *
 * Retained messages are found by the entry of the topic table that they belong to, as a new subscriber of one topic must
 * not cost a walk over the status of every meter. What is asked for each message answers at once, without a promise: a
 * retained message that waits one turn longer than the next one would be dropped as a duplicate by Aedes.
 */
import { Readable } from "node:stream";
import { COMPILED, parseTopic } from "../protocol/topics.ts";
import type { Counters } from "./counters.ts";

interface Packet {
  readonly topic: string;
  readonly payload: Buffer | string;
}

/** Looks like a promise that is fulfilled, and calls back within `then`. */
interface Immediate<T> {
  then(fulfilled: (value: T) => void): void;
}

function immediate<T>(value: T): Immediate<T> {
  return {
    then: (fulfilled) => {
      fulfilled(value);
    },
  };
}

const NOTHING = immediate(undefined);
const NOBODY = immediate<readonly never[]>([]);

/** Messages outside the table: the broker's own counters. */
const OWN = "$SYS";
const LEVELS: ReadonlyMap<string, readonly string[]> = new Map(COMPILED.map(({ name, levels }) => [name, levels]));

export class SessionStore {
  readonly #retained = new Map<string, Map<string, Packet>>();
  readonly #counters: Pick<Counters, "retainedNow">;

  constructor(counters: Pick<Counters, "retainedNow">) {
    this.#counters = counters;
  }

  // Aedes insists on an async function here.
  async setup(): Promise<void> {}

  storeRetained(packet: Packet): Immediate<undefined> {
    const family = familyOf(packet.topic);
    let messages = this.#retained.get(family);
    if (messages === undefined) this.#retained.set(family, (messages = new Map<string, Packet>()));
    const before = messages.size;
    if (packet.payload.length === 0) messages.delete(packet.topic);
    // A copy: the payload is a view into what came in with many other packets.
    else messages.set(packet.topic, { ...packet, payload: Buffer.from(packet.payload) });
    this.#counters.retainedNow += messages.size - before;
    return NOTHING;
  }

  createRetainedStreamCombi(filters: readonly string[]): Readable {
    return Readable.from(new Set(filters.flatMap((filter) => this.#matching(filter))));
  }

  #matching(filter: string): Packet[] {
    if (!filter.includes("+") && !filter.includes("#")) {
      const packet = this.#retained.get(familyOf(filter))?.get(filter);
      return packet === undefined ? [] : [packet];
    }
    const names = filter.split("/");
    return [...this.#retained]
      .filter(([family, messages]) => messages.size > 0 && mayMatch(names, family))
      .flatMap(([, messages]) => [...messages.values()].filter(({ topic }) => matches(names, topic)));
  }

  subscriptionsByTopic(): Immediate<readonly never[]> {
    return NOBODY;
  }

  outgoingEnqueueCombi(): Immediate<undefined> {
    return NOTHING;
  }

  outgoingClearMessageId(): Immediate<undefined> {
    return NOTHING;
  }

  outgoingUpdate(): Immediate<undefined> {
    return NOTHING;
  }

  outgoingStream(): Readable {
    return Readable.from([]);
  }

  async cleanSubscriptions(): Promise<void> {}
  async subscriptionsByClient(): Promise<readonly never[]> {
    return [];
  }
  async addSubscriptions(): Promise<void> {}
  async removeSubscriptions(): Promise<void> {}
  async putWill(): Promise<void> {}
  async delWill(): Promise<void> {}
  streamWill(): Readable {
    return Readable.from([]);
  }
}

function familyOf(topic: string): string {
  return parseTopic(topic)?.name ?? OWN;
}

/**
 * Whether a filter can match anything of a family, told by what all its topics have in common: `wv/1/pub/#` is not compared
 * with the status of every meter, which whoever repeats it could keep the broker busy with.
 */
function mayMatch(names: readonly string[], family: string): boolean {
  if (family === OWN) return names[0] === OWN;
  const levels = LEVELS.get(family) ?? [];
  const end = names.indexOf("#");
  if (end < 0 ? names.length !== levels.length : end > levels.length) return false;
  return levels.every((level, i) => (end >= 0 && i >= end) || fits(names[i]!, level));
}

/** A level of a filter, and one of a pattern, whose parameters stand for anything. */
function fits(name: string, level: string): boolean {
  return name === "+" || level.startsWith("<") || name === level;
}

function matches(names: readonly string[], topic: string): boolean {
  const levels = topic.split("/");
  for (const [i, name] of names.entries()) {
    if (name === "#") return true;
    if (levels[i] === undefined || (name !== "+" && name !== levels[i])) return false;
  }
  return levels.length === names.length;
}
