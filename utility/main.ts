/** `npm run utility`: the utility as a process of its own, with its own keys and its own database. */
import path from "node:path";
import { openParty } from "../config/keys/index.ts";
import { METRICS_OFFSETS, type RoleContext, runRole } from "../config/runtime/role-command.ts";
import { announceReady } from "../config/runtime/role-report.ts";
import { aborted } from "../config/runtime/stop-signal.ts";
import { startUtility } from "./server.ts";

async function run({ config, log, process: processLog, signal }: RoleContext): Promise<void> {
  const party = openParty(path.join(config.paths.data, "keys", "utility"));
  const server = await startUtility({ config, party, log, measure: processLog.measure, signal });
  announceReady({ id: party.id });
  log.info({ meters: server.meters }, "utility is ready");
  await aborted(signal);
  await server.stop();
}

await runRole({
  name: "utility",
  metricsOffset: () => METRICS_OFFSETS.utility,
  description: "Opens rounds, interpolates totals, issues bills and publishes feeder loads.",
  run,
});
