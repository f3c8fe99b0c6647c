/** Tells each aggregator the digests of this meter's ciphertexts, until it has answered. */
import { createDigestSealer, type DigestSealer } from "../../../protocol/envelope/index.ts";
import { topicOf } from "../../../protocol/topics.ts";
import type { AgentLink } from "../agent-options.ts";
import { answererBit, type CiphertextRow } from "./store.ts";

export interface DigestPostOptions {
  readonly meter: string;
  /** By aggregator index. */
  readonly rootKeys: ReadonlyMap<number, Uint8Array>;
  readonly link: AgentLink;
  /** Has the aggregator answered this start's challenge? Before that nothing is sent to it. */
  readonly isOpen: (aggregator: number) => boolean;
  readonly monotonic: () => number;
  readonly failed: (error: unknown) => void;
}

/** Times that digests go unanswered before the session with their aggregator is doubted. */
const SILENT_TIMES = 5;

interface Lane {
  readonly x: number;
  /** Made when it is first needed: most of the time no meter of a large fleet sends any. */
  sealer?: DigestSealer;
  /** Monotonic milliseconds. */
  readonly sentAt: Map<CiphertextRow, number>;
  unanswered: number;
}

export class DigestPost {
  readonly #options: DigestPostOptions;
  readonly #lanes: readonly Lane[];

  constructor(options: DigestPostOptions) {
    this.#options = options;
    this.#lanes = [...options.rootKeys.keys()].map((x) => ({ x, sentAt: new Map(), unanswered: 0 }));
  }

  /** Sends what was never sent, and what went more than `overdue` milliseconds ago. `rows`: all that wait. */
  send(rows: readonly CiphertextRow[], overdue: number): void {
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

  #sendOne(lane: Lane, row: CiphertextRow, now: number): void {
    const { meter, rootKeys, link, failed } = this.#options;
    lane.sealer ??= createDigestSealer(rootKeys.get(lane.x)!, meter, lane.x);
    lane.sentAt.set(row, now);
    link.send(topicOf("heDigest", { meter, agg: String(lane.x) }), lane.sealer.seal(row), {}, (error) => {
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
  forget(row: CiphertextRow): void {
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
