/** Process of a host of emulated devices: reads its plan, connects them, then follows the conductor's time over IPC. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../../config/index.ts";
import { createLogger } from "../../config/runtime/logger.ts";
import { EmulatedHost } from "./emulated-host.ts";
import { openFeed } from "./feed.ts";
import type { HostPlan } from "./host-messages.ts";
import { runHost } from "./host-process.ts";
import { openNetwork } from "./network-endpoint.ts";

const [planFile = ""] = process.argv.slice(2);
const plan = JSON.parse(readFileSync(planFile, "utf8")) as HostPlan;
const config = loadConfig({ file: plan.configFile, env: {} });
const { log, flush } = createLogger(config, plan.name);
const network = openNetwork(plan, config);
const host = new EmulatedHost({
  config,
  data: plan.data,
  folder: join(plan.data, plan.name),
  source: await openFeed(plan.feed),
  meters: plan.meters,
  seed: plan.seed,
  log,
  endpoint: network.endpoint,
  monotonic: () => performance.now(),
});
await runHost(host, { meters: plan.meters.length, log, flush, closed: () => network.close() });
