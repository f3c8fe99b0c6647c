/**
 * Requests that wait for an answer, and when they are due again. Repeats come at the configured pace at first and up
 * to eight times slower later, so that a long absence does not become a flood, but a short one costs nothing.
 */
import type { RoundRequest } from "../../protocol/messages/round.ts";

const SLOWEST = 8;

interface Entry {
  requests: RoundRequest[];
  dueAt: number;
  pace: number;
}

type Name = RoundRequest["type"];

export class Outstanding {
  readonly #retrySeconds: number;
  readonly #entries = new Map<number, Map<Name, Entry>>();

  constructor(retrySeconds: number) {
    this.#retrySeconds = retrySeconds;
  }

  /** Puts a request on the list unless one of that name waits there already; `more` adds a further part to it. */
  add(aggregator: number, name: Name, request: RoundRequest, more = false): void {
    let own = this.#entries.get(aggregator);
    if (own === undefined) {
      own = new Map();
      this.#entries.set(aggregator, own);
    }
    const entry = own.get(name);
    if (entry === undefined) own.set(name, { requests: [request], dueAt: Number.NEGATIVE_INFINITY, pace: 1 });
    else if (more) entry.requests.push(request);
  }

  /** The answer is here. */
  done(aggregator: number, name: Name): void {
    this.#entries.get(aggregator)?.delete(name);
  }

  /** An answer is here that may change: ask again, but rarely. */
  slow(aggregator: number, name: Name): void {
    const entry = this.#entries.get(aggregator)?.get(name);
    if (entry !== undefined) entry.pace = SLOWEST;
  }

  /** The aggregator is back: everything is due. */
  hurry(aggregator: number): void {
    for (const entry of this.#entries.get(aggregator)?.values() ?? []) {
      entry.dueAt = Number.NEGATIVE_INFINITY;
      entry.pace = 1;
    }
  }

  clear(): void {
    this.#entries.clear();
  }

  /** What is to be sent now, in the order in which it was asked; each counts as sent. */
  due(now: number): { aggregator: number; requests: RoundRequest[] }[] {
    const found: { aggregator: number; requests: RoundRequest[] }[] = [];
    for (const [aggregator, own] of this.#entries) {
      const requests: RoundRequest[] = [];
      for (const entry of own.values()) {
        if (entry.dueAt > now) continue;
        requests.push(...entry.requests);
        entry.dueAt = now + this.#retrySeconds * entry.pace;
        entry.pace = Math.min(SLOWEST, entry.pace * 2);
      }
      if (requests.length > 0) found.push({ aggregator, requests });
    }
    return found;
  }
}
