/** Sends something to each aggregator again and again until it has answered: digests of ciphertexts, updates. */
import type { AgentLink } from "./agent-options.ts";

/** Something that aggregators have to answer. */
export interface Waiting {
  /** Bit x: aggregator x has not answered. */
  readonly waiting: number;
}

export interface RepeatedPostOptions<Row extends Waiting> {
  readonly aggregators: readonly number[];
  readonly link: AgentLink;
  /** Has the aggregator answered this start's challenge? Before that nothing is sent to it. */
  readonly isOpen: (aggregator: number) => boolean;
  readonly monotonic: () => number;
  readonly failed: (error: unknown) => void;
  /** The same row gives the same bytes. */
  readonly message: (row: Row, aggregator: number) => { readonly topic: string; readonly payload: Uint8Array };
}

/** Times that messages go unanswered before the session with their aggregator is doubted. */
const SILENT_TIMES = 5;

/** The bit of an aggregator in `waiting`. */
export function answererBit(aggregator: number): number {
  return 1 << aggregator;
}

interface Lane<Row> {
  readonly x: number;
  /** Monotonic milliseconds. */
  readonly sentAt: Map<Row, number>;
  unanswered: number;
}

export class RepeatedPost<Row extends Waiting> {
  readonly #options: RepeatedPostOptions<Row>;
  readonly #lanes: readonly Lane<Row>[];

  constructor(options: RepeatedPostOptions<Row>) {
    this.#options = options;
    this.#lanes = options.aggregators.map((x) => ({ x, sentAt: new Map(), unanswered: 0 }));
  }

  /** Sends what was never sent, and what went more than `overdue` milliseconds ago. `rows`: all that wait. */
  send(rows: readonly Row[], overdue: number): void {
    const { link, isOpen, monotonic } = this.#options;
    if (!link.connected) return;
    const now = monotonic();
    for (const lane of this.#lanes) {
      if (!isOpen(lane.x)) continue;
      const waiting = rows.filter((row) => (row.waiting & answererBit(lane.x)) !== 0);
      const again = waiting.filter((row) => now - (lane.sentAt.get(row) ?? now) > overdue);
      const fresh = waiting.filter((row) => !lane.sentAt.has(row));
      for (const row of [...again, ...fresh]) this.#sendOne(lane, row, now);
      if (again.length > 0) lane.unanswered += 1;
    }
  }

  #sendOne(lane: Lane<Row>, row: Row, now: number): void {
    const { link, failed, message } = this.#options;
    lane.sentAt.set(row, now);
    const { topic, payload } = message(row, lane.x);
    link.send(topic, payload, {}, (error) => {
      // A connection that is gone is no failure: the next one sends everything again.
      if (error !== undefined && link.connected) failed(error);
    });
  }

  /** What the lost connection may have swallowed counts as not sent. */
  restart(): void {
    for (const lane of this.#lanes) lane.sentAt.clear();
  }

  heard(aggregator: number): void {
    for (const lane of this.#lanes) if (lane.x === aggregator) lane.unanswered = 0;
  }

  /** Someone no longer waits for this row. */
  forget(row: Row): void {
    for (const lane of this.#lanes) lane.sentAt.delete(row);
  }

  /** Has the aggregator stayed silent so often that it may have forgotten this meter? Asks once. */
  doubts(aggregator: number): boolean {
    const lane = this.#lanes.find(({ x }) => x === aggregator);
    if (lane === undefined || lane.unanswered < SILENT_TIMES) return false;
    lane.unanswered = 0;
    return true;
  }
}
