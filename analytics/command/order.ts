/** What a user asks for, as jobs: one for each window of the days, over one group of feeders. */
import { randomBytes } from "node:crypto";
import { UsageError } from "../../config/runtime/role-command.ts";
import { FLEET } from "../homomorphic/members.ts";
import type { JobOrder } from "../store/job.ts";
import { isDate, type Window, type WindowCalendar } from "../../config/windows.ts";

export interface OrderOptions {
  readonly group?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** `a,b` as a list; undefined where the flag is not there. */
export function seriesNames(flag: string | undefined): string[] | undefined {
  return flag?.split(",").map((name) => name.trim());
}

export interface OrderSources {
  readonly calendar: WindowCalendar;
  /** Feeders of the installation; undefined while the role has never run. */
  readonly feeders: readonly string[] | undefined;
  /** Names of the configured series. */
  readonly series: readonly string[];
  /** First slot of the newest window that has ciphertexts of a series. */
  readonly newest: (series: string) => number | undefined;
  readonly windowDays: number;
}

/** More windows in one command are a slip of the finger. */
const MAX_WINDOWS = 400;

/** Throws UsageError that names the flag and what would do. */
export function ordersOf(
  { circuit, parameters, series }: Pick<JobOrder, "circuit" | "parameters" | "series">,
  options: OrderOptions,
  sources: OrderSources,
): JobOrder[] {
  const unknown = series.find((name) => !sources.series.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`--series ${unknown}: no such series; there are ${list(sources.series)} (homomorphic.series)`);
  }
  if (new Set(series).size !== series.length) throw new UsageError(`--series ${series.join(",")}: a series twice`);
  const { label, feeders } = groupOf(options.group ?? FLEET, sources.feeders);
  const request = randomBytes(8).toString("hex");
  return windowsOf(options, series, sources).map(({ firstSlot, slots }) => ({
    request,
    circuit,
    parameters,
    label,
    feeders,
    series,
    firstSlot,
    slots,
  }));
}

function groupOf(group: string, known: readonly string[] | undefined): { label: string; feeders: string[] } {
  if (known === undefined) throw new UsageError("analytics has not run yet: start it first (npm run analytics)");
  if (known.length === 0) throw new UsageError("there is no feeder with meters yet");
  if (group === FLEET) return { label: FLEET, feeders: [...known] };
  const feeders = [...new Set(group.split(",").map((name) => name.trim()))].sort();
  if (feeders.includes(FLEET)) throw new UsageError(`--group ${group}: ${FLEET} is all feeders; it stands alone`);
  const unknown = feeders.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`--group ${unknown}: no such feeder; expected ${FLEET}, or one or more of ${list(known)}`);
  }
  return { label: feeders.join("+"), feeders };
}

function windowsOf({ from, to }: OrderOptions, series: readonly string[], sources: OrderSources): Window[] {
  const { calendar, windowDays } = sources;
  for (const [flag, date] of [
    ["--from", from],
    ["--to", to],
  ] as const) {
    if (date !== undefined && !isDate(date)) throw new UsageError(`${flag} ${date}: expected a date YYYY-MM-DD`);
  }
  if (from === undefined) {
    if (to !== undefined) throw new UsageError("--to: needs --from, too");
    const newest = series.map((name) => sources.newest(name));
    const missing = series[newest.indexOf(undefined)];
    const window = calendar.startingAt(Math.min(...newest.map((slot) => slot ?? Number.NaN)));
    if (missing !== undefined || window === undefined) {
      throw new UsageError(`there are no ciphertexts of ${missing ?? series.join(", ")} yet; --from names the days`);
    }
    return [window];
  }
  const end = to ?? calendar.addDays(from, windowDays);
  if (end <= from)
    throw new UsageError(`--to ${end}: expected a date after --from ${from} (it is the first day not included)`);
  const windows = calendar.between(from, end);
  if (windows.length > MAX_WINDOWS) {
    throw new UsageError(
      `--from ${from} --to ${end}: ${windows.length} windows; at most ${MAX_WINDOWS} in one command`,
    );
  }
  return windows;
}

/** `a, b, c and 12 more`. */
function list(names: readonly string[], most = 8): string {
  const shown = names.slice(0, most).join(", ");
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}
