/** Puts analytics together: database, roll, ingest, schedule, worker threads, openings and the link to the broker. */
import type { Config } from "../config/index.ts";
import type { Party } from "../config/keys/index.ts";
import { guardStorage, storageError } from "../config/runtime/database.ts";
import { migrateStore, openStore, shownPlace, storeExists } from "../config/runtime/store.ts";
import { analyticsPlace } from "../config/storage/place.ts";
import { brokerAddress } from "../config/runtime/broker-address.ts";
import { connectLink, type Link, LinkError } from "../config/runtime/link.ts";
import type { Logger, Measurement } from "../config/runtime/logger.ts";
import { Refusals } from "../config/runtime/refusals.ts";
import { createSimClockFeed } from "../config/runtime/sim-clock-feed.ts";
import { transcriptHash } from "../protocol/ckks/job.ts";
import { openCiphertext, readyOf, signCiphertextAck } from "../protocol/envelope/index.ts";
import { topicOf } from "../protocol/topics.ts";
import type { CircuitBook } from "./homomorphic/circuit-book.ts";
import type { Evaluator } from "./homomorphic/evaluator.ts";
import { Arrivals } from "./homomorphic/arrivals.ts";
import { JobDesk } from "./homomorphic/job-desk.ts";
import { MemoryGuard } from "./homomorphic/memory-guard.ts";
import { Schedule } from "./homomorphic/schedule.ts";
import { createInbox, SUBSCRIPTIONS } from "./inbox.ts";
import { ChunkDesk } from "./ingest/chunk-desk.ts";
import { Ingest } from "./ingest/ingest.ts";
import { Letters } from "./openings/letters.ts";
import { OpeningDesk } from "./openings/opening-desk.ts";
import { noteClock, noteFeeders, notePresence } from "./presence.ts";
import type { Leading } from "./releases/leading.ts";
import { loadRoll } from "./roll.ts";
import { DAY_SECONDS, LIMITS, MIB } from "./settings.ts";
import { AnalyticsStats } from "./stats.ts";
import { CiphertextStore } from "./store/ciphertext-store.ts";
import type { Job } from "./store/job.ts";
import { JobStore } from "./store/job-store.ts";
import { ResultStore } from "./store/result-store.ts";
import { MIGRATIONS } from "./store/schema.ts";
import { WindowCalendar } from "../config/windows.ts";

export interface AnalyticsOptions {
  readonly config: Config;
  readonly party: Party;
  readonly log: Logger;
  readonly measure: (name: string, measurement: Measurement) => void;
  readonly signal: AbortSignal;
  readonly book: CircuitBook;
  /** Worker threads over the database at this place. */
  readonly evaluator: (database: string) => Evaluator;
  /** Rounds of learning, over the same connection. */
  readonly leading: Pick<Leading, "subscriptions" | "accept" | "start">;
}

export interface AnalyticsServer {
  readonly meters: number;
  stop(): Promise<void>;
}

/** Starts everything; resolves when analytics is subscribed and takes ciphertexts. */
export async function startAnalytics(options: AnalyticsOptions): Promise<AnalyticsServer> {
  const { config, party, log, signal, book, leading } = options;
  const { directory } = party;
  const settings = config.analytics;
  const place = analyticsPlace(config);
  const db = openStore(place, { synchronous: "FULL", alone: true });
  migrateStore(db, MIGRATIONS);
  const refusals = new Refusals({ log, intervalSeconds: config.logging.refusalSeconds });
  const refuse = (code: string, detail: string): void => refusals.count(code, detail);
  const feed = createSimClockFeed({ config, directory, refusals });
  const now = (): number => feed.clock.now();
  const monotonic = (): number => performance.now() / 1000;
  const crash = (error: unknown): void => {
    // Thrown where nothing catches it: the process says why and ends, and starts where it was.
    process.nextTick(() => {
      throw storageError(error, shownPlace(place));
    });
  };
  const roll = loadRoll(db, party);
  const calendar = new WindowCalendar({
    slotSeconds: directory.slotSeconds,
    timezone: config.system.timezone,
    windowDays: config.homomorphic.windowDays,
  });
  const store = new CiphertextStore(db);
  const jobs = new JobStore(db);
  const results = new ResultStore(db);
  const arrivals = new Arrivals();
  arrivals.load(store, 0);
  const evaluator = options.evaluator(place);
  const handle: { link?: Link } = {};
  const publish = (topic: string, payload: Uint8Array): Promise<void> =>
    handle.link?.publish(topic, payload) ?? Promise.reject(new LinkError("offline", "not connected yet"));
  const { minMeters } = config.release;
  const maxJobs = settings.maxQueuedJobs;

  const ended = (job: Job): void => {
    const level = job.state === "opened" || job.state === "cancelled" ? "info" : "warn";
    const { number, circuit, label, state, code, reason } = job;
    log[level]({ job: number, circuit, group: label, state, code }, `job ${number}: ${state} ${reason}`.trim());
    if (job.job !== undefined) openings.drop(job.job);
    stats.ended(job);
  };
  const memory = new MemoryGuard({
    limitBytes: settings.maxMemoryMiB * MIB,
    used: () => process.memoryUsage.rss(),
    inThreads: () => evaluator.threadBytes,
    renew: () => evaluator.renew(),
    renewed: () => pollSoon(),
  });
  const desk = new JobDesk({
    jobs,
    store,
    roll,
    calendar,
    evaluator,
    plan: (job, meters, epoch) => book.plan(job, meters, epoch),
    memory,
    workers: settings.workers,
    maxJobs,
    maxInputs: settings.maxInputs,
    minMeters,
    maxAttempts: LIMITS.attempts,
    now,
    computed: (job) => {
      options.measure("job", { job: job.number, circuit: job.circuit, milliseconds: job.computeMilliseconds ?? 0 });
      openings.poll();
    },
    ended,
    crash,
  });
  const letters = new Letters(party, {
    now: monotonic,
    publish,
    answered: (aggregator, answer) => guardStorage(db, () => openings.answered(aggregator, answer)),
    settled: (outcome) => guardStorage(db, () => openings.settled(outcome)),
    refuse,
  });
  const openings: OpeningDesk = new OpeningDesk({
    db,
    jobs,
    results,
    quorum: { aggregators: directory.n, threshold: directory.t, quorum: directory.q },
    isWord: (aggregator, transcript, word) => readyOf([word], transcriptHash(transcript), directory).has(aggregator),
    backoff: { retrySeconds: settings.retrySeconds, mostSeconds: settings.retrySeconds * LIMITS.backoff },
    maxOpen: settings.maxRunningJobs,
    messageBytes: LIMITS.inputsMessageBytes,
    answerSeconds: settings.answerSeconds,
    ask: (job, aggregator, request) => letters.ask(job, aggregator, request),
    handOver: (job, output) => letters.handOver(job, output),
    bytesOf: (meter, series, firstSlot) => store.bytesOf(meter, series, firstSlot),
    openingHalves: (...opening) => evaluator.openingHalves(...opening),
    inputMeters: (transcript) => book.inputMeters(transcript),
    outputNames: (transcript) => book.outputNames(transcript),
    read: (...opened) => book.read(...opened),
    again: (number, exclude) => {
      const recomputes = desk.again(number, exclude);
      if (recomputes) desk.poll();
      return recomputes;
    },
    // What follows is polled for when all that came is stored.
    came: (number, meters) => desk.came(number, meters),
    ended,
    monotonic,
    now,
    refuse,
    crash,
  });
  const schedule = new Schedule({
    roll,
    jobs,
    arrivals,
    calendar,
    scheduled: settings.jobs,
    graceSlots: config.homomorphic.graceSlots,
    minMeters,
    maxJobs,
    quietSeconds: settings.quietSeconds,
    now,
    monotonic,
  });

  let commitTimer: NodeJS.Timeout | undefined;
  const commit = (): void => {
    clearTimeout(commitTimer);
    commitTimer = undefined;
    ingest.commit();
  };
  let pollTimer: NodeJS.Timeout | undefined;
  const poll = (): void => {
    pollTimer = undefined;
    if (signal.aborted) return;
    guardStorage(db, () => {
      schedule.poll();
      desk.poll();
      openings.poll();
    });
  };
  const pollSoon = (): void => {
    pollTimer ??= setTimeout(poll, LIMITS.pollMilliseconds);
  };
  const retained = settings.retentionDays * DAY_SECONDS;
  const ingest: Ingest = new Ingest({
    db,
    store,
    desk: new ChunkDesk({ ...LIMITS.chunks, now: monotonic }),
    open: (sealed, meter) => openCiphertext(sealed, party, meter),
    check: (meter, series, bytes) => evaluator.check(meter, series, bytes),
    isMember: (meter, { from, to }) => {
      const places = roll.record(meter)?.places ?? [];
      return places.some((place) => place.from < to && (place.to === null || place.to > from));
    },
    windowAt: (firstSlot) => calendar.startingAt(firstSlot),
    openRange: () => {
      const time = now();
      if (time <= 0) return undefined;
      const current = Math.floor(time / directory.slotSeconds);
      return { from: Math.floor((time - retained) / directory.slotSeconds), to: current + 1 };
    },
    now,
    refuse,
    ack: (meter, ack) => handle.link?.send(topicOf("heAck", { meter }), signCiphertextAck(ack, meter, party)),
    scheduleCommit: () => {
      commitTimer ??= setTimeout(commit, LIMITS.commitMilliseconds);
    },
    stored: (items) => {
      for (const item of items) {
        arrivals.add(item);
        schedule.touch(item.firstSlot);
      }
      openings.inputsCame(items);
      pollSoon();
    },
    waitingBytes: LIMITS.waitingBytes,
    commitBytes: LIMITS.commitBytes,
  });
  const stats = new AnalyticsStats({
    ...options,
    jobs,
    results,
    store,
    ingest,
    desk,
    openings,
    refusals,
    calendar,
    threads: () => ({ threadBytes: evaluator.threadBytes, threadRenewals: memory.renewals }),
  });

  const inbox = createInbox({ db, roll, feed, ingest, letters, openings, refuse });
  guardStorage(db, () => {
    notePresence(db, process.pid);
    noteFeeders(db, roll);
    noteClock(db, { slotSeconds: directory.slotSeconds, timezone: config.system.timezone });
  });
  handle.link = await connectLink({
    party,
    ...brokerAddress(config),
    subscriptions: [...SUBSCRIPTIONS, ...feed.subscriptions, ...leading.subscriptions],
    onMessage: (topic, payload) => (leading.accept(topic, payload) ? undefined : inbox(topic, payload)),
    onConnect: () => pollSoon(),
    log,
    settings: config.link,
    signal,
    expectsMessages: "",
  });
  leading.start({ now, refuse, send: (topic, payload) => handle.link?.send(topic, payload) });
  feed.onTick(pollSoon);
  const ticker = setInterval(pollSoon, LIMITS.tickMilliseconds);
  const reporting = setInterval(() => stats.write(), LIMITS.statsMilliseconds);
  const forget = (): void => {
    const oldest = Math.floor((now() - retained) / directory.slotSeconds);
    if (oldest <= 0) return;
    guardStorage(db, () => store.forgetBefore(oldest));
    arrivals.forgetBefore(oldest);
  };
  const forgetting = setInterval(forget, LIMITS.forgetMilliseconds);
  pollSoon();
  return {
    meters: roll.size,
    stop: async () => {
      for (const timer of [ticker, reporting, forgetting]) clearInterval(timer);
      clearTimeout(pollTimer);
      await ingest.idle();
      commit();
      await desk.stop();
      await openings.stop();
      await handle.link?.close();
      stats.write();
      refusals.flush();
      await evaluator.close();
      if (storeExists(place)) notePresence(db, undefined);
      db.close();
    },
  };
}
