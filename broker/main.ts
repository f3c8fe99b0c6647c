/**
 * `npm run broker`: the broker as a process of its own, with its own folder of keys (`<data>/keys/broker`). What it
 * remembers is which meters are revoked (`<data>/broker/broker.db`).
 */
import { join } from "node:path";
import { openParty, readRoll } from "../config/keys/index.ts";
import { openDatabase } from "../config/runtime/database.ts";
import { Refusals } from "../config/runtime/refusals.ts";
import { UsageError, runRole } from "../config/runtime/role-command.ts";
import type { RoleContext } from "../config/runtime/role-command.ts";
import { announceReady, writeStats } from "../config/runtime/role-report.ts";
import { aborted } from "../config/runtime/stop-signal.ts";
import { startBroker } from "./broker.ts";
import type { Broker } from "./broker.ts";
import { Revocations } from "./revocations.ts";

const PARTY = "broker";
const STATS_MILLISECONDS = 1_000;

async function run({ config, log, process: processLog, signal }: RoleContext): Promise<void> {
  const { data } = config.paths;
  const party = openParty(join(data, "keys", PARTY));
  if (party.role !== "broker") throw new UsageError(`${party.folder}: expected the broker's keys, got ${party.role}'s`);
  const database = openDatabase(join(data, PARTY, "broker.db"), { synchronous: "FULL", alone: true });
  const refusals = new Refusals({ log, intervalSeconds: config.logging.refusalSeconds });
  const revocations = new Revocations(database, party.directory);
  revocations.addAll(readRoll(party.folder));

  let fail: (error: unknown) => void = () => {};
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  const broker = await startBroker({
    settings: config.broker,
    tls: party.tls,
    revocations,
    refusals,
    onFailure: fail,
  }).catch((error: unknown) => {
    database.close();
    throw error;
  });
  const report = (): void =>
    writeStats(data, PARTY, { role: PARTY, refused: refusals.snapshot(), counters: { ...broker.counters } });
  const timer = setInterval(report, STATS_MILLISECONDS);
  try {
    log.info({ ports: broker.ports }, describe(broker, config.broker.listen));
    announceReady({ ports: broker.ports });
    await Promise.race([aborted(signal), failed]);
  } finally {
    clearInterval(timer);
    await broker.close();
    report();
    processLog.measure("broker", { ...broker.counters });
    refusals.flush();
    database.close();
  }
}

function describe({ ports }: Broker, listen: string): string {
  return `listening: mqtts ${listen}:${ports.tls}, wss ${listen}:${ports.wss}, public mqtt 127.0.0.1:${ports.public}`;
}

await runRole({
  name: "broker",
  description: "Carries sealed messages between the parties: MQTT over mutual TLS, over WebSocket, and public topics.",
  help: [
    "Ports and limits are the section `broker` of the configuration. Public topics can be read on this machine:",
    "  mosquitto_sub -p 1883 -t 'wv/1/pub/#'",
  ].join("\n"),
  examples: [
    "npm run broker",
    "npm run broker -- --config wattveil.yaml",
    "npm run broker -- --set broker.listen=0.0.0.0 --set broker.tlsPort=8884",
  ],
  run,
});
