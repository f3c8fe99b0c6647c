/** Signals of the grid: what its published state says, element by element. */
import type { Finding, FindingKind, GridState, GridTopology } from "../../../protocol/grid/index.ts";
import type { Observations, Reading, SignalName } from "./signals.ts";

/** Whose values the columns of a state are, and from when on a bus has supply. */
export type GridNames = Pick<GridTopology, "digest" | "buses" | "branches">;

/** Findings that are signals of their own; the others follow from columns. */
const BY_FINDING: Partial<Record<FindingKind, SignalName>> = {
  theft: "theft",
  "bad-data": "bad-data",
  "dead-sensor": "dead-sensor",
  "lost-samples": "lost-samples",
  unobservable: "unobservable",
  "suspect-state": "suspect-state",
  "no-state": "no-state",
};

/** States whose columns can be believed. */
const USABLE: readonly GridState["status"][] = ["trusted", "suspect"];

/** `names`: of the topology that the state has the digest of; undefined while it is not known, then columns are passed over. */
export function gridObservations(state: GridState, names: GridNames | undefined): Observations[] {
  const { time: at, totals, stale } = state;
  // An old state says nothing new; that it is old is a signal of its own.
  if (stale) return [];
  const fromFindings = Object.entries(BY_FINDING).map(([kind, signal]): Observations => {
    const found = state.findings.filter((one) => one.kind === kind);
    const values = new Map(
      found.map((one): [string, Reading] => [elementOf(one), { value: one.scans, detail: wordsOf(one) }]),
    );
    // Left out of a full list is not the same as not there.
    return state.findingsLeftOut > 0 ? { signal, at, values } : { signal, at, values, others: 0 };
  });
  if (!USABLE.includes(state.status)) return fromFindings;
  const grid = (signal: SignalName, value: number): Observations => ({
    signal,
    at,
    values: new Map([["grid", { value }]]),
  });
  return [
    ...fromFindings,
    grid("lacking-power", totals.lackingMw),
    grid("grid-risk", totals.risk),
    grid("technical-losses", totals.inputMw > 0 ? (100 * totals.losses.technicalMw) / totals.inputMw : 0),
    ...(names?.digest === state.topology ? columns(state, names) : []),
  ];
}

function columns({ time: at, buses, branches }: GridState, names: GridNames): Observations[] {
  const loading = new Map<string, Reading>();
  const temperature = new Map<string, Reading>();
  for (const [i, { id }] of names.branches.entries()) {
    const isClosed = branches.closed[i] === 1;
    loading.set(`branch:${id}`, { value: isClosed ? (branches.loadingPercent[i] ?? 0) : 0 });
    temperature.set(`branch:${id}`, { value: branches.temperatureC[i] ?? 0 });
  }
  const voltage = new Map<string, Reading>();
  for (const [i, { id }] of names.buses.entries()) {
    const vm = buses.vmPu[i] ?? 0;
    // Without supply there is no voltage to be high or low: `lacking-power` says so.
    if (vm > 0) voltage.set(`bus:${id}`, { value: vm });
  }
  return [
    { signal: "branch-loading", at, values: loading },
    { signal: "branch-temperature", at, values: temperature },
    { signal: "bus-voltage", at, values: voltage },
  ];
}

/** A sensor is called as its point is: `current:12`. */
function elementOf({ kind, element }: Finding): string {
  return kind === "bad-data" || kind === "dead-sensor" ? `sensor:${element}` : element;
}

function wordsOf({ value, limit, unit }: Finding): string {
  const short = (number: number): string => String(Number(number.toPrecision(4)));
  return `${short(value)} ${unit}, limit ${short(limit)}`;
}

/** How long nothing was scanned: by the wall clock, or by what analytics says of an old state. */
export function gridAge(state: Pick<GridState, "publishedAt" | "findings">, now: number): number {
  const stale = state.findings.find(({ kind, element }) => kind === "stale" && element === "grid");
  return Math.floor(Math.max(0, now - state.publishedAt, stale?.value ?? 0));
}
