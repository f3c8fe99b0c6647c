/** Process of a meter host: reads its plan, connects its meters, then follows the conductor's time over IPC. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../../config/index.ts";
import { announceReady } from "../../config/runtime/role-report.ts";
import { openDatabase } from "../../config/runtime/database.ts";
import { createLogger } from "../../config/runtime/logger.ts";
import { Outbox } from "../../hardware/agent/index.ts";
import { openFeed } from "./feed.ts";
import type { HostCommand, HostPlan } from "./host-messages.ts";
import { MeterHost } from "./meter-host.ts";
import { openPowerSupply } from "./power-supply.ts";
import { openNetwork } from "./network-endpoint.ts";

const PROGRESS_MILLISECONDS = 10;

const [planFile = ""] = process.argv.slice(2);
const plan = JSON.parse(readFileSync(planFile, "utf8")) as HostPlan;
const config = loadConfig({ file: plan.configFile, env: {} });
const { log, flush } = createLogger(config, plan.name);
const database = openDatabase(join(plan.data, plan.name, "outbox.db"), { synchronous: "FULL", alone: true });
const source = await openFeed(plan.feed);
const network = openNetwork(plan, config);
const host = new MeterHost({
  config,
  data: plan.data,
  source,
  meters: plan.meters,
  outbox: new Outbox(database),
  database,
  log,
  endpoint: network.endpoint,
  randomBytes,
  monotonic: () => performance.now(),
  power: openPowerSupply(config, source),
});

/** Storage faults and the like: the meter stops rather than guess. */
function fail(error: unknown): never {
  log.fatal({ err: error }, "the meter host stops");
  flush();
  process.exit(1);
}
process.on("uncaughtException", fail);
process.on("unhandledRejection", fail);

let lastReport = "";
function report(): void {
  const progress = host.progress();
  const text = JSON.stringify(progress);
  if (text === lastReport) return;
  lastReport = text;
  process.send?.(progress);
}

process.on("message", (command: HostCommand) => {
  if (command.type === "flush") host.flushBatches(command.number);
  else host.advance(command.slot).catch(fail);
});
const timer = setInterval(report, PROGRESS_MILLISECONDS);
let stopping = false;
// It may come twice, and while the meters still connect.
process.on("SIGTERM", () => {
  if (stopping) return;
  stopping = true;
  clearInterval(timer);
  host
    .stop()
    .then(() => network.close())
    .then(() => {
      report();
      database.close();
      flush();
      process.exit(0);
    })
    .catch(fail);
});

await host.start(() => report());
announceReady({ meters: plan.meters.length });
report();
