/** What a fleet run prints for people, before and after. */
import { renderTable } from "../../config/runtime/terminal.ts";
import type { Config } from "../../config/index.ts";
import type { FleetPlan } from "./fleet-plan.ts";
import type { FleetSummary, Outcome } from "./outcome.ts";

export function describeFleet(config: Config, plan: FleetPlan, data: string): string {
  const { system, simulation } = config;
  const { source, range, dates, feed } = plan;
  const what = feed.kind === "replayed" ? `readings of ${feed.file}` : `simulated households, seed ${simulation.seed}`;
  return [
    `${source.meters.length} meters (${what}), ${range.to - range.from} slots of ${system.slotSeconds} s,`,
    `${dates.from} to ${dates.to} (${system.timezone}); ${system.aggregators} aggregators, any ${system.threshold} suffice;`,
    `simulated time at speed ${simulation.speed}, network "${simulation.network}". Data: ${data}`,
  ].join("\n");
}

export function describeSummary(summary: FleetSummary, outcome: Outcome): string {
  const yes = (exact: boolean): string => (exact ? "exact to the watt-hour" : "NOT as fed");
  const rows: [string, string][] = [
    ["bills", `${summary.bills}, ${yes(summary.billsExact)}`],
    ["feeder loads", `${summary.feederLoads}, ${yes(summary.feederLoadsExact)}`],
    ["readings", `${summary.readings} (${summary.shares} sealed shares, ${summary.bytesPerReading} bytes per reading)`],
    ["time", `${summary.seconds} s, ${summary.readingsPerSecond} readings per second`],
    ["refused", listing(summary.refused)],
    ["withheld", listing(summary.withheld)],
    ["restarts", listing(summary.restarts)],
    ["peak memory (MiB)", listing(summary.peakMemoryMiB)],
  ];
  const lines = [renderTable(["what", "result"], rows)];
  if (summary.waiting !== null) lines.push(`Waiting: ${summary.waiting}`);
  for (const { what, expectedWh, gotWh } of outcome.differences) {
    lines.push(`${what}: expected ${expectedWh} Wh, got ${gotWh} Wh`);
  }
  lines.push(
    "Where to look next:",
    `  npm run bills -- --data ${summary.data}`,
    `  sqlite3 ${summary.data}/utility/utility.db "SELECT * FROM current_bills LIMIT 5"`,
    "  docs/database.md lists tables, views and example queries.",
  );
  return lines.join("\n");
}

function listing(values: Readonly<Record<string, number>>): string {
  const parts = Object.entries(values).map(([name, value]) => `${name} ${value}`);
  return parts.length === 0 ? "none" : parts.join(", ");
}
