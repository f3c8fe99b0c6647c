/** `npm run aggregator -- --id 1`: one aggregator as a process of its own, with its own keys and its own database. */
import path from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { openMeterKeys, openParty, openSubsetKeys, type Party, readRoll } from "../config/keys/index.ts";
import { systemClock } from "../config/runtime/clock.ts";
import { guardStorage, storageError } from "../config/runtime/database.ts";
import { PostgresDatabase } from "../config/runtime/postgres/database.ts";
import { isPostgres } from "../config/runtime/postgres/open.ts";
import type { SqlDatabase } from "../config/runtime/sql.ts";
import { migrateStore, openStore } from "../config/runtime/store.ts";
import { storePlace } from "../config/storage/place.ts";
import { brokerAddress } from "../config/runtime/broker-address.ts";
import { connectLink } from "../config/runtime/link.ts";
import type { Link } from "../config/runtime/link.ts";
import { Refusals } from "../config/runtime/refusals.ts";
import { METRICS_OFFSETS, type RoleContext, runRole, UsageError } from "../config/runtime/role-command.ts";
import { announceReady, writeStats } from "../config/runtime/role-report.ts";
import { aborted } from "../config/runtime/stop-signal.ts";
import { createSimClockFeed } from "../config/runtime/sim-clock-feed.ts";
import { aggregatorId, workerSuffix } from "../protocol/names.ts";
import { topicOf } from "../protocol/topics.ts";
import { Aggregator } from "./aggregator.ts";
import { indexOf } from "./id-flag.ts";
import { jobSettings } from "./openings/settings.ts";
import { MIGRATIONS } from "./store/schema.ts";
import { claimDatabase } from "./store/owner.ts";
import { migrateForWorkers } from "./workers/seat.ts";
import { Worker, workerOf } from "./workers/worker.ts";

const STATS_MILLISECONDS = 5_000;
/** Work of a round goes on for this long before shares get their turn. */
const TURN_MILLISECONDS = 20;
/** How often a worker looks at the others, as a share of the time after which one that is silent is cut off. */
const LOOK_SHARE = 1 / 20;
/** What a clock or a server says does not tell that meters are heard. */
const FROM_METERS = "wv/1/m/";
const ONLINE = JSON.stringify({ state: "online" });
const OFFLINE = JSON.stringify({ state: "offline" });

let isAnnounced = false;

async function run(context: RoleContext): Promise<void> {
  const { config, options, signal } = context;
  const index = indexOf(options);
  const number = workerOf(options);
  const place = storePlace(config, aggregatorId(index), "aggregator.db");
  if (number !== undefined && !isPostgres(place)) {
    throw new UsageError("--worker: several workers share a database on PostgreSQL; set storage.url");
  }
  const party = openParty(path.join(config.paths.data, "keys", aggregatorId(index)));
  if (party.id !== aggregatorId(index)) {
    throw new UsageError(`--id: the keys in ${party.folder} are those of ${party.id}`);
  }
  const several = { name: `worker ${number}`, silentSeconds: config.aggregator.workerSeconds };
  const db = openStore(place, { synchronous: "FULL", ...(number === undefined ? { alone: true } : { several }) });
  try {
    if (number !== undefined && db instanceof PostgresDatabase) migrateForWorkers(db, MIGRATIONS);
    else migrateStore(db, MIGRATIONS);
    guardStorage(db, () => claimDatabase(db, party.id));
    const worker = number === undefined ? undefined : new Worker(db, number, config.aggregator);
    // Whoever gets the desk of a worker that has gone begins anew with what the database has.
    while (!signal.aborted) await serve(context, { index, party, db, worker });
  } finally {
    db.close();
  }
}

interface Served {
  readonly index: number;
  readonly party: Party;
  readonly db: SqlDatabase;
  readonly worker: Worker | undefined;
}

/** Serves until it is told to stop, or until this worker has got the desk. */
async function serve(context: RoleContext, { index, party, db, worker }: Served): Promise<void> {
  const { config, log, process: processLog, signal: stop } = context;
  const id = aggregatorId(index);
  const suffix = worker === undefined ? "" : workerSuffix(worker.seat.number);
  const ended = new AbortController();
  const signal = AbortSignal.any([stop, ended.signal]);
  const refusals = new Refusals({ log, intervalSeconds: config.logging.refusalSeconds });
  const feed = createSimClockFeed({ config, directory: party.directory, refusals });
  let link: Link | undefined;
  let timer: NodeJS.Timeout | undefined;
  const commit = (): void => {
    timer = undefined;
    guardStorage(db, () => aggregator.commit());
  };
  const scheduleCommit = (): void => {
    timer ??= setTimeout(commit, config.aggregator.commitMilliseconds);
  };
  feed.onTick(scheduleCommit);
  const { slotSeconds } = party.directory;
  const homomorphic = jobSettings(config, party, (message) => log.warn(message));
  const hasDesk = worker?.seat.hasDesk ?? true;
  const [subsetKeys, meterKeys] = [await openSubsetKeys(party), await openMeterKeys(party)];
  const aggregator = guardStorage(
    db,
    () =>
      new Aggregator({
        index,
        db,
        party,
        subsetKeys,
        settings: { ...config.aggregator, ...config.release, slotSeconds, bits: config.sharing.bits },
        // A simulated clock stands at 0 until its first tick: any answer before that could close slots for good.
        now: () => (feed.clock.now() > 0 ? feed.clock.now() : undefined),
        wallTime: () => systemClock.now(),
        monotonic: () => performance.now() / 1000,
        scheduleCommit,
        // What the broker does not get is asked for again: the meter repeats its message, the utility its request.
        send: (topic, payload) => link?.send(topic, payload),
        refuse: (code, detail) => refusals.count(code, detail),
        answered: (entry) => log.debug(entry, "answers a round"),
        pause: turns(),
        part: worker?.begin(),
        ...(homomorphic === undefined ? {} : { homomorphic }),
      }),
  );
  guardStorage(db, () => aggregator.load(readRoll(party.folder), meterKeys));
  const look = (): void => {
    worker?.look();
    if (worker?.seat.hasDesk === true && !hasDesk && link !== undefined) ended.abort();
  };
  guardStorage(db, () => worker?.serve(aggregator));
  const lookMilliseconds = 1_000 * LOOK_SHARE * config.aggregator.workerSeconds;
  const looking = worker && setInterval(() => guardStorage(db, look), lookMilliseconds);

  const statusTopic = topicOf("aggregatorStatus", { agg: String(index) });
  const report = (): void => {
    const counters = { ...snapshot(aggregator), ...worker?.counters };
    processLog.measure("aggregator", counters);
    writeStats(config.paths.data, `${id}${suffix}`, { role: "aggregator", refused: refusals.snapshot(), counters });
  };
  const stats = setInterval(report, STATS_MILLISECONDS);
  // Once it stands, the link outlives the signal: what was committed is still to be acknowledged.
  const connecting = new AbortController();
  const giveUp = (): void => connecting.abort();
  signal.addEventListener("abort", giveUp);
  if (signal.aborted) giveUp();
  try {
    link = await connectLink({
      party,
      ...brokerAddress(config),
      clientIdSuffix: suffix,
      ...(hasDesk && { will: { topic: statusTopic, payload: OFFLINE, retain: true } }),
      subscriptions: [
        ...[...aggregator.subscriptions(), ...feed.subscriptions],
        ...(hasDesk && worker !== undefined ? [statusTopic] : []),
      ],
      onMessage: (topic, payload) => {
        if (feed.accept(topic, payload)) return;
        if (topic === statusTopic) {
          // The last will of a worker that had the desk may be late.
          if (Buffer.from(payload).toString() === OFFLINE && !signal.aborted)
            link?.send(topic, ONLINE, { retain: true });
          return;
        }
        guardStorage(db, () => aggregator.handle(topic, payload));
      },
      onConnect: (connected) => (hasDesk ? connected.publish(statusTopic, ONLINE, { retain: true }) : undefined),
      log,
      settings: config.link,
      signal: connecting.signal,
      // Two that answer for one index would each hold half of the shares.
      alone: true,
      expectsMessages: FROM_METERS,
    });
    signal.removeEventListener("abort", giveUp);
    if (!isAnnounced) announceReady({ id });
    isAnnounced = true;
    const asWorker = worker && ` as worker ${worker.seat.number}${hasDesk ? ", with the desk" : ""}`;
    log.info({ meters: aggregator.membership.meters().length }, `aggregator ${index} is ready${asWorker ?? ""}`);
    await aborted(signal);
  } finally {
    clearInterval(stats);
    clearInterval(looking);
    clearTimeout(timer);
    try {
      await aggregator.close();
    } catch (error) {
      throw storageError(error, db.name);
    } finally {
      if (hasDesk) link?.send(statusTopic, OFFLINE, { retain: true });
      // Waits for what is on its way, but not for ever.
      await link?.close();
    }
    report();
    refusals.flush();
  }
}

/** A pause that lets the event loop turn only when enough time has gone by. */
function turns(): () => Promise<void> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last < TURN_MILLISECONDS) return;
    await nextTurn();
    last = performance.now();
  };
}

function snapshot({ intake, store, jobs, vectors, retention }: Aggregator): Record<string, number> {
  const { recomputed, opened, repeated, refused } = jobs;
  return {
    ...intake.counters,
    ...{ jobsRecomputed: recomputed, jobsOpened: opened, openingsRepeated: repeated, jobsRefused: refused },
    journalRecords: store.journalRecords,
    ...{ learningRounds: vectors.kept.rounds, updateBytes: vectors.kept.bytes },
    cachedBlocks: store.cachedBlocks,
    ...retention.counters,
    residentBytes: process.memoryUsage.rss(),
  };
}

await runRole({
  name: "aggregator",
  metricsOffset: ({ id, worker }) => METRICS_OFFSETS.aggregator + Number(id) + 10 * Number(worker ?? 0),
  description: "Takes in shares, keeps them, and adds them up over endorsed sets.",
  flags: [
    { flags: "--id <index>", description: "the aggregator's index (1 to 7)", required: true },
    { flags: "--worker <number>", description: "as one of several over one database on PostgreSQL (1 to 32)" },
  ],
  examples: [
    "npm run aggregator -- --id 2",
    "npm run aggregator -- --id 2 --config wattveil.yaml --set broker.host=broker.example.org",
    "npm run aggregator -- --id 2 --worker 1 --set storage.url=postgresql://db.example.org/wattveil",
  ],
  party: ({ id, worker }) => `a-${String(id)}${worker === undefined ? "" : workerSuffix(Number(worker))}`,
  run,
});
