/**
 * Asks homes for noised loads and histograms: what is configured when its days are over, and what the command line asked
 * for. One at a time; each is written down before it is announced, and announced until its result is there.
 */
import type { ReleaseSettings } from "../../config/schema-releases.ts";
import { releaseHead, releaseOf, type ReleaseTask, type RoundContent } from "../../protocol/learning/index.ts";
import type { LearnResult } from "../../protocol/learning/result.ts";
import {
  AnnouncedRound,
  type RoundOutcome,
  type RoundPorts,
  type RoundTiming,
} from "../federated/coordinator/announced-round.ts";
import { contentOf } from "./plan.ts";
import type { SystemClock } from "../presence.ts";
import { nextOrder } from "./schedule.ts";
import type { Release, ReleaseStore } from "./store.ts";

export interface ReleaseDeskPorts extends RoundPorts {
  /** A release is over, for better or worse. */
  readonly settled?: ((release: Release) => void) | undefined;
}

export interface ReleaseDeskOptions extends SystemClock {
  readonly store: ReleaseStore;
  readonly scheduled: readonly ReleaseSettings[];
  readonly timing: RoundTiming;
  readonly ports: ReleaseDeskPorts;
}

/** Seconds between looks at the calendar. */
const SCHEDULE_SECONDS = 1;

export class ReleaseDesk {
  readonly #options: ReleaseDeskOptions;
  readonly #open: { readonly number: number; readonly announced: AnnouncedRound }[] = [];
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(options: ReleaseDeskOptions) {
    this.#options = options;
    for (const { number, content } of options.store.announced()) this.#watch(number, content!);
  }

  /** Homes have heard of one. */
  get isBusy(): boolean {
    return this.#open.length > 0;
  }

  /** One waits to be announced, and may be. */
  get wants(): boolean {
    const { store, ports } = this.#options;
    return !this.isBusy && store.due(ports.now()) !== undefined;
  }

  /** Call several times a second. `mayBegin` false: what is under way goes on, and nothing else is begun. */
  poll(mayBegin = true): void {
    const { ports } = this.#options;
    const now = ports.now();
    if (now === 0) return;
    this.#look(now);
    for (const { number, announced } of [...this.#open]) {
      if (announced.poll())
        this.#settle(number, { status: "no-result", reason: "no result came", settledAt: Math.floor(now) });
    }
    if (mayBegin && !this.isBusy) this.#begin(now);
  }

  take(result: LearnResult): void {
    for (const { number, announced } of [...this.#open]) {
      const outcome = announced.take(result);
      if (outcome !== undefined) this.#settle(number, outcome);
    }
  }

  #look(now: number): void {
    const { store, scheduled, ports } = this.#options;
    if (ports.monotonic() - this.#lookedAt < SCHEDULE_SECONDS) return;
    this.#lookedAt = ports.monotonic();
    for (const settings of scheduled) {
      const order = nextOrder(settings, this.#options, store.lastSlot(settings.name), now);
      if (order !== undefined) store.add(order);
    }
  }

  #begin(now: number): void {
    const { store, slotSeconds } = this.#options;
    const release = store.due(now);
    if (release === undefined) return;
    const { number, settings, firstSlot, step } = release;
    let content: RoundContent;
    try {
      content = contentOf(settings, slotSeconds, { firstSlot, step, closesAt: Math.ceil(now) + settings.roundSeconds });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#end(number, "failed", error.message);
      return;
    }
    store.announce(number, content);
    this.#watch(number, content);
    this.#open.at(-1)!.announced.poll();
  }

  #watch(number: number, content: RoundContent): void {
    const { timing, ports } = this.#options;
    this.#open.push({ number, announced: new AnnouncedRound(content, timing, ports) });
  }

  #settle(number: number, outcome: RoundOutcome): void {
    const { slotSeconds } = this.#options;
    const at = this.#open.findIndex((one) => one.number === number);
    const { content, round } = this.#open[at]!.announced;
    // What this desk announces is no training.
    const release = { ...content, task: content.task as ReleaseTask };
    this.#open.splice(at, 1);
    if ("sum" in outcome) {
      const { sum, ...facts } = outcome;
      try {
        this.#end(number, "opened", "", releaseOf(release, { ...facts, round, slotSeconds }, sum));
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        this.#end(number, "not-opened", error.message);
      }
    } else {
      const { status, reason } = outcome;
      const result = { ...releaseHead(release, round, slotSeconds), ...outcome };
      this.#end(number, "not-opened", `${status}: ${reason}`, result);
    }
  }

  #end(number: number, state: Release["state"], reason: string, result?: Release["result"]): void {
    const { store, ports } = this.#options;
    store.settle(number, state, reason, result);
    ports.settled?.(store.get(number)!);
  }
}
