/** `npm run aggregator -- --id 1`: one aggregator as a process of its own, with its own keys and its own database. */
import path from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { openMeterKeys, openParty, openSubsetKeys, readRoll } from "../config/keys/index.ts";
import { systemClock } from "../config/runtime/clock.ts";
import { guardStorage, storageError } from "../config/runtime/database.ts";
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
import { aggregatorId } from "../protocol/names.ts";
import { topicOf } from "../protocol/topics.ts";
import { Aggregator } from "./aggregator.ts";
import { indexOf } from "./id-flag.ts";
import { jobSettings } from "./openings/settings.ts";
import { MIGRATIONS } from "./store/schema.ts";

const STATS_MILLISECONDS = 5_000;
/** Work of a round goes on for this long before shares get their turn. */
const TURN_MILLISECONDS = 20;

async function run({ config, log, process: processLog, options, signal }: RoleContext): Promise<void> {
  const index = indexOf(options);
  const id = aggregatorId(index);
  const party = openParty(path.join(config.paths.data, "keys", id));
  if (party.id !== id) throw new UsageError(`--id: the keys in ${party.folder} are those of ${party.id}`);
  const refusals = new Refusals({ log, intervalSeconds: config.logging.refusalSeconds });
  const feed = createSimClockFeed({ config, directory: party.directory, refusals });
  const db = openStore(storePlace(config, id, "aggregator.db"), { synchronous: "FULL", alone: true });
  migrateStore(db, MIGRATIONS);

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
  const subsetKeys = await openSubsetKeys(party);
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
        ...(homomorphic === undefined ? {} : { homomorphic }),
      }),
  );
  const meterKeys = await openMeterKeys(party);
  guardStorage(db, () => aggregator.load(readRoll(party.folder), meterKeys));

  const statusTopic = topicOf("aggregatorStatus", { agg: String(index) });
  const report = (): void => {
    const counters = snapshot(aggregator);
    processLog.measure("aggregator", counters);
    writeStats(config.paths.data, id, { role: "aggregator", refused: refusals.snapshot(), counters });
  };
  const stats = setInterval(report, STATS_MILLISECONDS);
  try {
    link = await connectLink({
      party,
      ...brokerAddress(config),
      will: { topic: statusTopic, payload: JSON.stringify({ state: "offline" }), retain: true },
      subscriptions: [...aggregator.subscriptions(), ...feed.subscriptions],
      onMessage: (topic, payload) => {
        if (feed.accept(topic, payload)) return;
        guardStorage(db, () => aggregator.handle(topic, payload));
      },
      onConnect: (connected) => connected.publish(statusTopic, JSON.stringify({ state: "online" }), { retain: true }),
      log,
      settings: config.link,
      signal,
      // Two that answer for one index would each hold half of the shares.
      alone: true,
      expectsMessages: true,
    });
    announceReady({ id });
    log.info({ meters: aggregator.membership.meters().length }, `aggregator ${index} is ready`);
    await aborted(signal);
  } finally {
    clearInterval(stats);
    clearTimeout(timer);
    await aggregator.close().catch((error: unknown) => {
      throw storageError(error, db.name);
    });
    await link?.publish(statusTopic, JSON.stringify({ state: "offline" }), { retain: true }).catch(() => {});
    await link?.close();
    report();
    refusals.flush();
    db.close();
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
  metricsOffset: ({ id }) => METRICS_OFFSETS.aggregator + Number(id),
  description: "Takes in shares, keeps them, and adds them up over endorsed sets.",
  flags: [{ flags: "--id <index>", description: "the aggregator's index (1 to 7)", required: true }],
  examples: [
    "npm run aggregator -- --id 2",
    "npm run aggregator -- --id 2 --config wattveil.yaml --set broker.host=broker.example.org",
  ],
  party: (options) => `a-${String(options["id"])}`,
  run,
});
