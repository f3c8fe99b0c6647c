/**
 * What aggregators have to answer: sends each of them its message again and again until it has. Digests of ciphertexts go
 * this way, and updates.
 */
import type { AgentLink, CompanionPost } from "./agent-options.ts";
import type { BulkCourier } from "./bulk/index.ts";

/** Something that others have to answer. */
export interface Waiting<Answer extends string> {
  /** Bit x: aggregator x has not answered. */
  waiting: number;
  /** By who has answered. */
  answers: Readonly<Record<string, Answer>>;
}

export interface RepeatedPostOptions<Answer extends string, Row extends Waiting<Answer>> {
  readonly aggregators: readonly number[];
  readonly link: AgentLink;
  /** Messages of more than `above` bytes go over the second connection. Left out: none does. */
  readonly bulk?: { readonly above: number; readonly courier: Pick<BulkCourier, "post"> };
  /** Has the aggregator answered this start's challenge? Before that nothing is sent to it. */
  readonly isOpen: (aggregator: number) => boolean;
  readonly monotonic: () => number;
  readonly failed: (error: unknown) => void;
  /** The same row gives the same bytes. */
  readonly message: (row: Row, aggregator: number) => { readonly topic: string; readonly payload: Uint8Array };
  /** Somebody has answered, or the meter has given the row up; when nobody has to any more, it is dropped. */
  readonly answered: (row: Row, who: string, answer: Answer) => void;
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

export class RepeatedPost<Answer extends string, Row extends Waiting<Answer>> implements CompanionPost {
  readonly #options: RepeatedPostOptions<Answer, Row>;
  readonly #lanes: readonly Lane<Row>[];
  readonly #rows = new Map<string, Row>();

  constructor(options: RepeatedPostOptions<Answer, Row>) {
    this.#options = options;
    this.#lanes = options.aggregators.map((x) => ({ x, sentAt: new Map(), unanswered: 0 }));
  }

  /** Rows that wait, by their keys, the oldest first. */
  get rows(): ReadonlyMap<string, Row> {
    return this.#rows;
  }

  /** A row that waits from now on; `send` sends it. */
  add(key: string, row: Row): void {
    this.#rows.set(key, row);
  }

  /** Sends what was never sent, and what went more than `overdue` milliseconds ago: by default only what never was. */
  send(overdue = Number.POSITIVE_INFINITY): void {
    const { link, isOpen, monotonic } = this.#options;
    if (!link.connected) return;
    const now = monotonic();
    for (const lane of this.#lanes) {
      if (!isOpen(lane.x)) continue;
      const waiting = [...this.#rows.values()].filter((row) => (row.waiting & answererBit(lane.x)) !== 0);
      const again = waiting.filter((row) => now - (lane.sentAt.get(row) ?? now) > overdue);
      const fresh = waiting.filter((row) => !lane.sentAt.has(row));
      for (const row of [...again, ...fresh]) this.#sendOne(lane, row, now);
      if (again.length > 0) lane.unanswered += 1;
    }
  }

  #sendOne(lane: Lane<Row>, row: Row, now: number): void {
    const { link, bulk, failed, message } = this.#options;
    lane.sentAt.set(row, now);
    const { topic, payload } = message(row, lane.x);
    if (bulk !== undefined && payload.length > bulk.above) {
      bulk.courier.post(topic, payload, () => (row.waiting & answererBit(lane.x)) !== 0);
      return;
    }
    link.send(topic, payload, {}, (error) => {
      // A connection that is gone is no failure: the next one sends everything again.
      if (error !== undefined && link.connected) failed(error);
    });
  }

  /** An aggregator has answered something. */
  heard(aggregator: number): void {
    for (const lane of this.#lanes) if (lane.x === aggregator) lane.unanswered = 0;
  }

  /** Those of `bits` have answered about a row. Nothing happens where none of them had to. */
  answer(key: string, bits: number, who: string, answer: Answer): void {
    const row = this.#rows.get(key);
    if (row === undefined || (row.waiting & bits) === 0) return;
    row.waiting &= ~bits;
    row.answers = { ...row.answers, [who]: answer };
    if (row.waiting === 0) {
      this.#rows.delete(key);
      for (const lane of this.#lanes) lane.sentAt.delete(row);
    }
    this.#options.answered(row, who, answer);
  }

  /** Nobody needs to answer any more. */
  giveUp(key: string, reason: Answer): void {
    this.answer(key, -1, "meter", reason);
  }

  // --- what the shares' part tells and asks ---

  waitsFor(aggregator: number): boolean {
    for (const { waiting } of this.#rows.values()) if ((waiting & answererBit(aggregator)) !== 0) return true;
    return false;
  }

  doubts(aggregator: number): boolean {
    const lane = this.#lanes.find(({ x }) => x === aggregator);
    if (lane === undefined || lane.unanswered < SILENT_TIMES) return false;
    lane.unanswered = 0;
    return true;
  }

  connected(): void {
    // What the lost connection may have swallowed counts as not sent.
    for (const lane of this.#lanes) lane.sentAt.clear();
    this.send();
  }

  opened(): void {
    this.send();
  }
}
