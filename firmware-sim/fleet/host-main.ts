/** Process of a meter host: reads its plan, connects its meters, then follows the conductor's time over IPC. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../../config/index.ts";
import { openDatabase } from "../../config/runtime/database.ts";
import { createLogger } from "../../config/runtime/logger.ts";
import { endWhenStill } from "../../config/runtime/still-watch.ts";
import { Outbox } from "../../hardware/agent/index.ts";
import { openFeedWithHeads } from "./feed.ts";
import type { HostPlan } from "./host-messages.ts";
import { runHost } from "./host-process.ts";
import { MeterHost } from "./meter-host.ts";
import { openPowerSupply } from "./power-supply.ts";
import { openNetwork } from "./network-endpoint.ts";

const [planFile = ""] = process.argv.slice(2);
const plan = JSON.parse(readFileSync(planFile, "utf8")) as HostPlan;
const config = loadConfig({ file: plan.configFile, env: {} });
const { log, flush } = createLogger(config, plan.name);
endWhenStill({ name: plan.name, seconds: config.roles.stillSeconds, log });
const database = openDatabase(join(plan.data, plan.name, "outbox.db"), { synchronous: "FULL", alone: true });
const source = await openFeedWithHeads(plan.feed);
const network = openNetwork(plan, config);
const host = new MeterHost({
  config,
  data: plan.data,
  source,
  feed: plan.feed.kind,
  meters: plan.meters,
  outbox: new Outbox(database),
  database,
  log,
  endpoint: network.endpoint,
  randomBytes,
  monotonic: () => performance.now(),
  power: openPowerSupply(config, source),
});

await runHost(host, {
  meters: plan.meters.length,
  log,
  flush,
  closed: async () => {
    await network.close();
    database.close();
  },
});
