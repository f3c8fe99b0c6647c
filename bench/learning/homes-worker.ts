/**
 * Process of the homes of `bench learning`: real meters' agents with their own keys, connections and durable stores. Only
 * what training would give is made up, so that noise, shares and delivery are measured, and not tfjs.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../../config/index.ts";
import { openParty } from "../../config/keys/index.ts";
import { openDatabase } from "../../config/runtime/database.ts";
import { createLogger } from "../../config/runtime/logger.ts";
import { Refusals } from "../../config/runtime/refusals.ts";
import { announceReady } from "../../config/runtime/role-report.ts";
import { createSimClockFeed } from "../../config/runtime/sim-clock-feed.ts";
import { openLearningHome } from "../../firmware-sim/learn/learning-home.ts";
import { bulkTurns } from "../../hardware/agent/bulk/index.ts";
import { Outbox } from "../../hardware/agent/index.ts";
import { madeUpUpdate } from "./made-up.ts";

export interface HomesPlan {
  readonly configFile: string;
  readonly homes: readonly string[];
  readonly weights: number;
  readonly clip: number;
}

/** All homes have heard from all aggregators that their shares of the round are stored. */
export interface HomesSettled {
  readonly settled: number;
  /** Of all homes: payloads of MQTT, repeats included. */
  readonly bytes: number;
  /** Events other than made and settled, and messages that were refused. */
  readonly faults: number;
}

const CONNECTING_AT_ONCE = 32;

const { configFile, homes, weights, clip } = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8")) as HomesPlan;
const config = loadConfig({ file: configFile, env: {} });
const { data } = config.paths;
const { log } = createLogger(config, "homes", { files: false, stderr: "silent" });
const database = openDatabase(join(data, "homes", "meters.db"), { synchronous: "FULL", alone: true });
const outbox = new Outbox(database);
const refusals = new Refusals({ log, intervalSeconds: config.logging.refusalSeconds });
const { directory } = openParty(join(data, "keys", homes[0]!));
const feed = createSimClockFeed({ config, directory, refusals });
const turns = bulkTurns();
const counters = new Map<string, { settled: number; bytes: number; faults: number }>();
let asked: string | undefined;

function countersOf(round: string): { settled: number; bytes: number; faults: number } {
  const known = counters.get(round) ?? { settled: 0, bytes: 0, faults: 0 };
  counters.set(round, known);
  return known;
}

/** Answers when the round that was asked about is settled with all homes. */
function look(): void {
  const found = counters.get(asked ?? "");
  if (found === undefined || found.settled + found.faults < homes.length) return;
  asked = undefined;
  process.send?.(found satisfies HomesSettled);
}

const waiting = [...homes.entries()];
async function connectSome(): Promise<void> {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const [index, id] = next;
    const home = await openLearningHome({
      ...{ config, data, id, database, outbox, turns, log },
      trainer: { train: () => Promise.resolve(madeUpUpdate(index, weights, clip)) },
      now: () => feed.clock.now(),
      silence: () => undefined,
      sent: (round, bytes) => {
        countersOf(round).bytes += bytes;
      },
      told: (_meter, { round, code }) => {
        if (code === "settled") countersOf(round).settled += 1;
        else if (code !== "made") countersOf(round).faults += 1;
        look();
      },
      deaf: () => undefined,
      subscriptions: index === 0 ? feed.subscriptions : [],
      accept: (topic, payload) => index === 0 && feed.accept(topic, payload),
    });
    setInterval(() => home.tick(), config.learning.resendSeconds * 500).unref();
  }
}

await Promise.all(Array.from({ length: CONNECTING_AT_ONCE }, connectSome));
process.on("message", ({ round }: { readonly round: string }) => {
  asked = round;
  look();
});
process.once("SIGTERM", () => process.exit(0));
announceReady({ homes: homes.length });
