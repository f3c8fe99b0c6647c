/** What a fleet run prints for people, before and after. */
import { relative } from "node:path";
import { renderTable } from "../../config/runtime/terminal.ts";
import type { Config } from "../../config/index.ts";
import { describeBalances } from "./balances.ts";
import type { FleetPlan } from "./fleet-plan.ts";
import { describeOpened } from "./opened-report.ts";
import type { Expected, Held, Outcome } from "./outcome.ts";
import type { FleetSummary } from "./summary.ts";

export function describeFleet(config: Config, plan: FleetPlan, data: string): string {
  const { system, simulation } = config;
  const { source, range, dates, feed } = plan;
  const what = feed.kind === "replayed" ? `readings of ${feed.file}` : `simulated households, seed ${simulation.seed}`;
  const speed =
    simulation.speed === "max" ? "as fast as slots are acknowledged" : `at ${simulation.speed} times real time`;
  const { thefts = [] } = feed.kind === "generated" ? feed : {};
  const stolen = thefts.map(({ kind, meter }) => `${kind} at ${meter}`).join(", ");
  return [
    `${source.meters.length} meters: ${what}`,
    ...(plan.heads.length === 0
      ? []
      : [`${plan.heads.length} simulated heads of feeders; theft: ${stolen === "" ? "none" : stolen}`]),
    `${range.to - range.from} slots of ${system.slotSeconds} s, ${dates.from} to ${dates.to} (${system.timezone}), ${speed}`,
    `${system.aggregators} aggregators, any ${system.threshold} suffice; network "${simulation.network}"; data in ${shown(data)}`,
  ].join("\n");
}

/** A path as a user in this folder would write it. */
function shown(path: string): string {
  const short = relative(process.cwd(), path);
  return short === "" || short.startsWith("..") ? path : short;
}

/** What else the text of a summary names. */
export interface SummaryNames {
  /** Earlier runs have fed everything. */
  readonly isFed?: boolean;
  /** A meter of the run. */
  readonly meter?: string | undefined;
  /** Where the readings of the run can be read: the file of a replay, or the truth that was written. */
  readonly readings?: string | undefined;
  /** Where analytics writes what was opened. */
  readonly resultsFile?: string;
  /** For times; UTC if left out. */
  readonly timezone?: string;
}

export function describeSummary(
  summary: FleetSummary,
  outcome: Outcome,
  expected: Expected,
  names: SummaryNames = {},
): string {
  const rows: [string, string][] = [
    [
      "bills",
      counted({
        ...{ there: outcome.bills, final: summary.bills, due: expected.bills, leftOut: outcome.billsLeftOut },
        ...{ exact: summary.billsExact, differs: outcome.billsDiffer },
      }),
    ],
    [
      "feeder loads",
      counted({
        ...{ there: outcome.loads, final: summary.feederLoads, due: expected.loads, leftOut: outcome.loadsLeftOut },
        ...{ exact: summary.feederLoadsExact, differs: outcome.loadsDiffer },
      }),
    ],
    ...(summary.balances === null ? [] : describeBalances(summary.balances, names.timezone ?? "UTC")),
    ...fedRows(summary, names),
    ["refused", listing(summary.refused)],
    ["withheld", listing(summary.withheld)],
    ["restarts", listing(summary.restarts)],
    ["peak memory (MiB)", listing(summary.peakMemoryMiB)],
  ];
  const lines = [renderTable(["what", "result"], rows)];
  if (outcome.opened !== undefined && summary.ciphertexts !== null) {
    lines.push(...describeOpened(outcome.opened, summary.ciphertexts));
  }
  if (outcome.billsLeftOut + outcome.loadsLeftOut > 0) lines.push(LEFT_OUT);
  if (summary.waiting !== null) lines.push(`Waiting: ${summary.waiting}`);
  lines.push(...summary.held);
  if (summary.held.length > 0) lines.push("docs/decisions/002-release-rules.md says what is held back, and why.");
  for (const { what, expectedWh, gotWh } of outcome.differences) {
    lines.push(`${what}: expected ${expectedWh} Wh, got ${gotWh} Wh`);
  }
  const data = shown(summary.data);
  lines.push(
    "Where to look next:",
    `  npm run bills -- --data ${data}`,
    ...(names.meter === undefined ? [] : [`  npm run bills -- --data ${data} --meter ${names.meter}`]),
    ...verifyLines(data, names.readings),
    `  sqlite3 ${data}/utility/utility.db "SELECT * FROM current_bills LIMIT 5"`,
    ...(summary.ciphertexts === null
      ? []
      : [
          `  npm run he -- results --data ${data}    ${shown(names.resultsFile ?? "results/analytics_results.json")} has them, too`,
        ]),
    "  docs/database.md lists tables, views and example queries.",
  );
  return lines.join("\n");
}

const LEFT_OUT =
  "Left out of the check: npm run meters has fed this folder readings that this run does not hold (other meters, another seed or" +
  " other thefts). What follows from them is in the database; npm run bills -- verify checks it against those meters' own readings.";

function fedRows(summary: FleetSummary, { isFed }: SummaryNames): [string, string][] {
  // The few shares that meters send again after a restart are no news.
  if (isFed === true && summary.readings === 0) return [["readings", "nothing new to feed"]];
  return [
    ["readings", `${summary.readings} (${summary.shares} sealed shares, ${summary.bytesPerReading} bytes per reading)`],
    ["of these", `${summary.readings - summary.exports} of import, ${summary.exports} of export`],
    ["feeding", `${summary.seconds} s, ${summary.readingsPerSecond} readings per second`],
  ];
}

function verifyLines(data: string, readings: string | undefined): string[] {
  const verify = `  npm run bills -- verify --data ${data} --readings ${readings === undefined ? "truth.csv" : shown(readings)}`;
  return readings === undefined
    ? [verify, "    checks bills after a fleet that was run with --truth truth.csv"]
    : [verify];
}

/** `outcome`: what was there when the results were awaited, or nothing where slots were still being fed. */
export function describeInterrupted(
  summary: FleetSummary,
  outcome: Outcome | undefined,
  { range }: Pick<FleetPlan, "range">,
  expected: Expected,
): string {
  if (outcome === undefined) {
    const slots = `${summary.slots} of ${range.to - range.from} slots`;
    return `interrupted after ${slots}: nothing is compared; a further run in this folder takes the day up again`;
  }
  const bills = `${outcome.bills} of ${expected.bills} bills`;
  const loads = `${outcome.loads} of ${expected.loads} feeder loads`;
  return `interrupted while results were awaited: ${bills} and ${loads} were there; a further run brings the rest`;
}

interface Counted {
  readonly there: number;
  readonly final: number;
  readonly due: number;
  /** Of the final ones, those that were not compared. */
  readonly leftOut: number;
  readonly exact: boolean;
  /** Something that is there is not what was fed; the rest may be withheld, or not there yet. */
  readonly differs: boolean;
}

function counted({ there, final, due, leftOut, exact, differs }: Counted): string {
  if (due === 0 && there === 0) return "none due yet";
  if (leftOut > 0 && exact) return `${final}; ${final - leftOut} compared, exact to the watt-hour; ${leftOut} left out`;
  if (exact) return `${final}, exact to the watt-hour`;
  const missing = there < due ? `; ${due - there} of ${due} are not there yet` : "";
  const withheld = final < there ? `; ${there - final} withheld` : "";
  const verdict = differs ? "; NOT all as fed" : final === 0 ? "" : "; what was released is exact to the watt-hour";
  return `${final} final${missing}${withheld}${verdict}`;
}

function listing(values: Readonly<Record<string, number>>): string {
  const parts = Object.entries(values).map(([name, value]) => `${name} ${value}`);
  return parts.length === 0 ? "none" : parts.join(", ");
}

/** Which rule held something back, for whom, and what would let it through: one line each. */
export function describeHeld(held: readonly Held[], { release }: Pick<Config, "release">): string[] {
  return held.map(({ feeder, what, reason, meters, count }) => {
    const slots = `${count} ${count === 1 ? "slot" : "slots"}`;
    if (what === "load") {
      const rule = `a load needs ${release.minMeters} meters with a reading (release.minMeters)`;
      const remedy =
        meters === 0
          ? "no reading of it has come"
          : `it has ${meters}; put more meters on the feeder: fewer feeders, or more meters`;
      if (reason === "too-few-meters") return `${feeder}: ${slots} without a load: ${rule}, ${remedy}.`;
      return `${feeder}: ${slots} without a load: ${reason}.`;
    }
    return `${feeder}: ${slots} of ${meters} ${meters === 1 ? "meter" : "meters"} not billed yet: ${billRule(reason, release)}.`;
  });
}

function billRule(reason: string, { minSlots }: Config["release"]): string {
  switch (reason) {
    case "too-few-slots":
      return (
        `every sum of one meter needs ${minSlots} slots (release.minSlots), each band by itself; ` +
        "bill a longer period (--period month or whole, --days), or use a tariff with fewer bands"
      );
    case "difference-too-small":
      return (
        `what is in bills but not in loads, or the reverse, needs ${minSlots} slots over two meters (release.minSlots); ` +
        "it enters a later bill once there is enough of it: bill a longer period, or put more meters on the feeder"
      );
    case "held-back":
      return "its release would let other held energy be computed; it enters a later bill together with that";
    default:
      return reason;
  }
}
