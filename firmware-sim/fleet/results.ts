/** Result files of a run: `results/performance_metrics.json`, beside the `server_stats.json` that the utility writes. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../../config/index.ts";
import { makeFolder } from "../../config/runtime/folders.ts";
import type { FleetSummary } from "./summary.ts";

export function writeResults(config: Config, summary: FleetSummary): void {
  makeFolder(config.paths.results, { setting: "paths.results" });
  const metrics = { time: new Date().toISOString(), ...summary };
  writeFileSync(join(config.paths.results, "performance_metrics.json"), `${JSON.stringify(metrics, null, 2)}\n`);
}
