/** Process of the homes of a learning run: gives each its history, connects it, and tells how far it is with a round. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../../config/index.ts";
import { openParty } from "../../config/keys/index.ts";
import { openDatabase } from "../../config/runtime/database.ts";
import { createLogger } from "../../config/runtime/logger.ts";
import { Refusals } from "../../config/runtime/refusals.ts";
import { announceReady } from "../../config/runtime/role-report.ts";
import { createSimClockFeed } from "../../config/runtime/sim-clock-feed.ts";
import { bulkTurns } from "../../hardware/agent/bulk/index.ts";
import { Outbox } from "../../hardware/agent/index.ts";
import { HomeTrainer } from "../../hardware/agent/learning/index.ts";
import { KINDS } from "../../protocol/units.ts";
import { openReplay, type ReadingsSource } from "../loads/index.ts";
import { silentHomes } from "./drop-outs.ts";
import { type LearningHome, openLearningHome } from "./learning-home.ts";
import type { HomesPlan } from "./messages.ts";
import { Progress } from "./progress.ts";

const CONNECTING_AT_ONCE = 32;
const REPORT_MILLISECONDS = 20;

const [planFile = ""] = process.argv.slice(2);
const plan = JSON.parse(readFileSync(planFile, "utf8")) as HomesPlan;
const config = loadConfig({ file: plan.configFile, env: {} });
const { log, flush } = createLogger(config, "homes");
const fail = (error: unknown): never => {
  log.fatal({ err: error }, "the homes stop");
  flush();
  process.exit(1);
};
process.on("uncaughtException", fail);
process.on("unhandledRejection", fail);

const database = openDatabase(join(plan.data, "homes", "meters.db"), { synchronous: "FULL", alone: true });
const outbox = new Outbox(database);
const source = await openReplay(plan.readings, { slotSeconds: config.system.slotSeconds });
for (const home of plan.homes) remember(source, home);
outbox.flush();

const ids = plan.homes.map(({ id }) => id);
const progress = new Progress();
const silent = new Map<string, ReturnType<typeof silentHomes>>();
const silence = (round: string, home: string) => {
  let drawn = silent.get(round);
  if (drawn === undefined) {
    drawn = silentHomes(round, ids, { part: plan.dropOut, seed: plan.seed });
    silent.set(round, drawn);
  }
  return drawn.get(home);
};
const { directory } = openParty(join(plan.data, "keys", ids[0]!));
const refusals = new Refusals({ log, intervalSeconds: config.logging.refusalSeconds });
const feed = createSimClockFeed({ config, directory, refusals });
const { trainSeconds: seconds, weather } = config.learning;
const trainer = new HomeTrainer({ historyDays: config.meter.historyDays, seconds, weather });
const turns = bulkTurns();
const homes: LearningHome[] = [];
const waiting = [...ids];

async function connectSome(): Promise<void> {
  for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
    const home = id;
    const isFirst = home === ids[0];
    const opened = await openLearningHome({
      ...{ config, data: plan.data, id: home, database, outbox, trainer, turns, log },
      now: () => feed.clock.now(),
      silence: (round) => silence(round, home),
      told: (meter, event) => progress.told(meter, event, silence(event.round, meter)),
      deaf: (meter, round) => progress.finished(meter, round),
      // One of them hears the simulated time for all.
      subscriptions: isFirst ? feed.subscriptions : [],
      accept: (topic, payload) => isFirst && feed.accept(topic, payload),
    });
    homes.push(opened);
  }
}

await Promise.all(Array.from({ length: CONNECTING_AT_ONCE }, connectSome));
const ticking = setInterval(() => {
  for (const home of homes) home.tick();
}, config.learning.resendSeconds * 500);
const reporting = setInterval(() => {
  for (const message of progress.messages()) process.send?.(message);
}, REPORT_MILLISECONDS);
process.once("SIGTERM", () => {
  clearInterval(ticking);
  clearInterval(reporting);
  void Promise.all(homes.map((home) => home.close()))
    .then(() => trainer.close())
    .then(() => {
      outbox.flush();
      database.close();
      refusals.flush();
      flush();
      process.exit(0);
    });
});
announceReady({ homes: ids.length });

/** What a meter that has been there for months has: readings whose shares were settled long ago. */
function remember(from: ReadingsSource, { id, endSlot }: HomesPlan["homes"][number]): void {
  const index = from.meters.findIndex((meter) => meter.id === id);
  const { number } = outbox.boot(id);
  if (outbox.nextSlot(number, KINDS.import) >= endSlot) return;
  let run: number[] = [];
  const end = (slot: number): void => {
    const firstSlot = slot - run.length;
    if (run.length > 0) outbox.append(number, { kind: KINDS.import, firstSlot, readings: run }, () => undefined);
    run = [];
  };
  for (let slot = from.range.from; slot < endSlot; slot += 1) {
    const energy = from.read(index, slot);
    if (energy === undefined) end(slot);
    else run.push(energy.importWh);
  }
  end(endSlot);
  outbox.rememberSettled(number, endSlot - 1);
}
