/** What a state shows to be wrong, and since when. */
import { type Finding, type FindingKind, MOST_FINDINGS } from "../../../protocol/grid/index.ts";
import type { Overload, VoltageViolation } from "../physics/limits.ts";
import { settledC, THERMAL } from "../physics/thermal.ts";
import type { TrustedState } from "../estimate/tracker.ts";
import type { Missing } from "./balance.ts";

/** Without its history. */
export type Fault = Omit<Finding, "since" | "scans">;

/** A demand that shows less than fits in so many intervals in a row, each time anew, is no stray sample. */
const THEFT_SCANS = 3;
/** The most urgent first: where there are too many, the last are counted only. */
const URGENCY: readonly FindingKind[] = [
  ...(["no-state", "unobservable", "no-supply", "overload", "overheating", "undervoltage", "overvoltage"] as const),
  ...(["theft", "stale", "suspect-state", "dead-sensor", "bad-data", "lost-samples"] as const),
];

/** Remembers how long each has lasted. A scan without it ends it; several of one interval count as one. */
export class FindingBook {
  readonly #lasting = new Map<string, { since: number; scans: number; time: number }>();

  /** Those of a scan, with their beginnings; at most so many as a state holds, and how many were left out. */
  update(time: number, faults: readonly Fault[]): { readonly findings: Finding[]; readonly leftOut: number } {
    const keyed = new Map(faults.map((fault) => [`${fault.kind} ${fault.element}`, fault]));
    for (const key of this.#lasting.keys()) if (!keyed.has(key)) this.#lasting.delete(key);
    const all = [...keyed].map(([key, fault]): Finding => {
      const before = this.#lasting.get(key);
      const scans = (before?.scans ?? 0) + Number(before?.time !== time);
      const lasting = { since: before?.since ?? time, scans };
      this.#lasting.set(key, { ...lasting, time });
      return { ...fault, value: shortened(fault.value), limit: shortened(fault.limit), ...lasting };
    });
    all.sort((a, b) => URGENCY.indexOf(a.kind) - URGENCY.indexOf(b.kind));
    return { findings: all.slice(0, MOST_FINDINGS), leftOut: Math.max(0, all.length - MOST_FINDINGS) };
  }
}

const shortened = (value: number): number => Number(value.toPrecision(6));

export function limitFaults(
  { grid }: TrustedState,
  { voltages, overloads }: { readonly voltages: readonly VoltageViolation[]; readonly overloads: readonly Overload[] },
  temperatureC: readonly number[],
  ambientC: number,
): Fault[] {
  return [
    ...overloads.map(
      ({ branch, loadingPercent }): Fault => ({
        ...{ kind: "overload", element: `branch:${branch}`, value: loadingPercent, limit: 100, unit: "%" },
      }),
    ),
    ...grid.branches.flatMap(({ id, kind }, i): Fault[] => {
      // What its rating alone would heat it to.
      const limit = settledC(THERMAL[kind], 1, ambientC);
      const value = temperatureC[i]!;
      return value > limit ? [{ kind: "overheating", element: `branch:${id}`, value, limit, unit: "degC" }] : [];
    }),
    // A reference holds its voltage, whatever its band.
    ...voltages
      .filter(({ bus }) => grid.buses[grid.indexOf.get(bus)!]!.kind !== "slack")
      .map(
        ({ bus, vmPu, limitPu }): Fault => ({
          ...{ kind: vmPu < limitPu ? "undervoltage" : "overvoltage", element: `bus:${bus}` },
          ...{ value: vmPu, limit: limitPu, unit: "p.u." },
        }),
      ),
  ];
}

/** Of samples; remembers which demands showed too little before. */
export class SampleFaults {
  readonly #less = new Map<string, { readonly scans: number; readonly time: number }>();

  of({ time, estimate, dead, missing, held, contradictedBreakers, grid }: TrustedState): Fault[] {
    const faults: Fault[] = dead.map(({ point, before }) => ({
      ...{ kind: "dead-sensor", element: point, value: 0, limit: before, unit: unitOf(point) },
    }));
    const less = new Set<string>();
    for (const { measurement, residual, normalisedResidual } of estimate.removed) {
      // What stood in for a lost sample says nothing about a sensor.
      if (measurement.origin !== "sensor") continue;
      const point = measurement.points[0] ?? "";
      const [kind, element] = point.split(":");
      // Power into the grid: measured above the fit, the demand shows less than is taken.
      if (kind === "demand" && measurement.points.length === 1 && residual > 0) {
        less.add(point);
        const before = this.#less.get(point);
        const isNew = before?.time !== time && !held.has(point);
        const scans = (before?.scans ?? 0) + Number(isNew);
        this.#less.set(point, { scans, time });
        if (scans >= THEFT_SCANS) {
          const noise = Math.min(estimate.residualLimit * measurement.sigma, residual) * grid.baseMva;
          faults.push({
            kind: "theft",
            element: `bus:${element}`,
            value: residual * grid.baseMva,
            limit: noise,
            unit: "MW",
          });
          continue;
        }
      }
      for (const name of measurement.points) {
        faults.push({
          kind: "bad-data",
          element: name,
          value: normalisedResidual,
          limit: estimate.residualLimit,
          unit: "1",
        });
      }
    }
    for (const point of this.#less.keys()) if (!less.has(point)) this.#less.delete(point);
    for (const id of contradictedBreakers) {
      const believed = Number(grid.branches[id - 1]!.closed);
      faults.push({ kind: "bad-data", element: `breaker:${id}`, value: 1 - believed, limit: believed, unit: "state" });
    }
    if (missing.length > 0)
      faults.push({ kind: "lost-samples", element: "grid", value: missing.length, limit: 0, unit: "points" });
    return faults;
  }
}

function unitOf(point: string): string {
  const kind = point.split(":")[0] ?? "";
  if (kind.endsWith("flow") || kind.endsWith("demand") || kind.endsWith("generation")) {
    return kind.startsWith("reactive") ? "Mvar" : "MW";
  }
  return kind === "temperature" ? "degC" : "p.u.";
}

export function theftFaults(missing: readonly Missing[]): Fault[] {
  return missing.map(({ feeder, missingMw, limitMw }) => ({
    ...{ kind: "theft", element: `feeder:${feeder}`, value: missingMw, limit: limitMw, unit: "MW" },
  }));
}

/** Of the state as a whole. */
export function stateFaults({ estimate }: TrustedState): Fault[] {
  const { status, unobservable, objective, objectiveLimit } = estimate;
  if (status === "failed") return [{ kind: "no-state", element: "grid", value: 1, limit: 0, unit: "1" }];
  if (status === "unobservable") {
    return [{ kind: "unobservable", element: "grid", value: unobservable.length, limit: 0, unit: "buses" }];
  }
  if (status === "trusted") return [];
  return [{ kind: "suspect-state", element: "grid", value: objective, limit: objectiveLimit, unit: "1" }];
}
