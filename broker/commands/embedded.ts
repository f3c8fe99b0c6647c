/** The embedded broker. */
import { Refusals } from "../../config/runtime/refusals.ts";
import { type RoleContext, UsageError } from "../../config/runtime/role-command.ts";
import { announceReady, writeStats } from "../../config/runtime/role-report.ts";
import { aborted } from "../../config/runtime/stop-signal.ts";
import { startBroker } from "../broker.ts";
import type { Broker } from "../broker.ts";
import { openBrokerParty, openRevocations, PARTY } from "./open.ts";

const STATS_MILLISECONDS = 1_000;

export async function embeddedCommand({ config, log, process: processLog, signal }: RoleContext): Promise<void> {
  const { data } = config.paths;
  if (config.broker.kind === "external") {
    const rest = "that one is to be started: `npm run broker -- attend --for <engine>` does it on this machine";
    throw new UsageError(`broker.kind says that another broker carries the messages; ${rest}`);
  }
  const party = openBrokerParty({ config });
  const { database, revocations } = openRevocations({ config }, party, true);
  const refusals = new Refusals({ log, intervalSeconds: config.logging.refusalSeconds });

  let fail: (error: unknown) => void = () => {};
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  const broker = await startBroker({
    settings: config.broker,
    party,
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
