/**
 * What Aedes keeps between packets: retained messages, and nothing else. Sessions are clean, QoS 2 is refused, and a
 * will lives with its connection; so there are no queues of absent clients that could grow.
 *
 * Retained messages are found by the entry of the topic table that they belong to, as a new subscriber of one topic must
 * not cost a walk over the status of every meter. What is asked for each message answers at once, without a promise: a
 * retained message that waits one turn longer than the next one would be dropped as a duplicate by Aedes.
 */
import { Readable } from "node:stream";
import { parseTopic } from "../protocol/topics.ts";
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
    return [...this.#retained.values()]
      .filter((messages) => messages.size > 0 && mayMatch(names, messages))
      .flatMap((messages) => [...messages.values()].filter(({ topic }) => matches(names, topic)));
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

/** All topics of a family have the same literals: the first message tells whether the filter can match any. */
function mayMatch(names: readonly string[], messages: ReadonlyMap<string, Packet>): boolean {
  const [first = ""] = messages.keys();
  if (first.startsWith(OWN)) return names[0] === OWN;
  return names.includes("#") || first.split("/").length === names.length;
}

function matches(names: readonly string[], topic: string): boolean {
  const levels = topic.split("/");
  for (const [i, name] of names.entries()) {
    if (name === "#") return true;
    if (levels[i] === undefined || (name !== "+" && name !== levels[i])) return false;
  }
  return levels.length === names.length;
}
