/** What happens now, for whoever listens: public messages of the broker, and changes of the database. */
import { parseTopic, type TopicName } from "../../../protocol/topics.ts";

export const EVENT_TYPES = ["load", "grid", "alert", "analytics", "learning", "checkpoint", "rounds"] as const;
export type EventType = (typeof EVENT_TYPES)[number];

export interface LiveEvent {
  /** Counts up from 1; begins anew when the server does. */
  readonly id: number;
  readonly type: EventType;
  /** JSON on one line. */
  readonly data: string;
}

export type Listener = (event: LiveEvent) => void;

/** Events that a client which was away for a moment can still be sent: so many, of so many characters together. */
const KEPT = 1_000;
const KEPT_LENGTH = 8_388_608;
/** Characters of what is sent again at once. */
const REPLAY_LENGTH = 262_144;

const TYPES: Partial<Record<TopicName, EventType>> = {
  feederLoad: "load",
  grid: "grid",
  alert: "alert",
  heResult: "analytics",
  learnAnnounce: "learning",
  learnResult: "learning",
  logCheckpoint: "checkpoint",
};

export class LiveHub {
  readonly #listeners = new Set<Listener>();
  readonly #kept: LiveEvent[] = [];
  #last = 0;
  #length = 0;
  /** Whether the broker is there. */
  connected = false;

  get listeners(): number {
    return this.#listeners.size;
  }

  /** A public message; what is no JSON, or of no interest here, is left out. */
  message(topic: string, payload: Uint8Array): void {
    const name = parseTopic(topic)?.name;
    const type = name === undefined ? undefined : TYPES[name];
    if (type === undefined) return;
    // Learning rounds and results carry models: who wants those asks for them.
    if (type === "learning" || type === "checkpoint") {
      this.emit(type, JSON.stringify({ topic }));
      return;
    }
    try {
      const message = JSON.parse(Buffer.from(payload).toString("utf8")) as unknown;
      if (type === "alert" && isOwn(message)) return;
      this.emit(type, JSON.stringify({ topic, message }));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }

  emit(type: EventType, data: string): void {
    this.#last += 1;
    const event = { id: this.#last, type, data };
    this.#kept.push(event);
    this.#length += data.length;
    while (this.#kept.length > KEPT || this.#length > KEPT_LENGTH) this.#length -= this.#kept.shift()!.data.length;
    for (const listener of [...this.#listeners]) listener(event);
  }

  /**
   * Begins with kept events after `lastId`, where there is one; of many the newest of each type alone, for a client that gets
   * more at once than it may leave waiting is cut off. An id of before this server began counts as 0. Returns how to stop.
   */
  listen(listener: Listener, lastId?: number): () => void {
    if (lastId !== undefined) for (const event of this.#missed(lastId > this.#last ? 0 : lastId)) listener(event);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #missed(lastId: number): LiveEvent[] {
    const missed = this.#kept.filter(({ id }) => id > lastId);
    const length = missed.reduce((sum, { data }) => sum + data.length, 0);
    if (length <= REPLAY_LENGTH) return missed;
    const newest = new Map(missed.map((event) => [event.type, event]));
    return missed.filter((event) => newest.get(event.type) === event);
  }
}

/** Our own alerts come back from the broker; listeners had them before it did. Only they have an id. */
function isOwn(message: unknown): boolean {
  return typeof message === "object" && message !== null && "id" in message;
}
