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

/** Events that a client which was away for a moment can still be sent. */
const KEPT = 1_000;

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
      this.emit(type, JSON.stringify({ topic, message: JSON.parse(Buffer.from(payload).toString("utf8")) as unknown }));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }

  emit(type: EventType, data: string): void {
    this.#last += 1;
    const event = { id: this.#last, type, data };
    this.#kept.push(event);
    if (this.#kept.length > KEPT) this.#kept.shift();
    for (const listener of [...this.#listeners]) listener(event);
  }

  /** Begins with kept events after `lastId`, where there is one; returns how to stop. */
  listen(listener: Listener, lastId?: number): () => void {
    if (lastId !== undefined) for (const event of this.#kept) if (event.id > lastId) listener(event);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
