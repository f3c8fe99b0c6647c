/** The grid as it is drawn: topology and state put together, each element with what its look depends on. Pure. */
import type { GridState, GridTopology } from "../../../protocol/grid/index.ts";

export type VoltageLevel = "none" | "low" | "slightly-low" | "normal" | "slightly-high" | "high";
export type LoadLevel = "open" | "broken" | "normal" | "high" | "over";
export type Change = "opens" | "closes" | undefined;

export interface SceneBus {
  readonly id: number;
  readonly x: number;
  readonly y: number;
  readonly kind: GridTopology["buses"][number]["kind"];
  readonly generator: boolean;
  readonly feeders: readonly string[];
  /** 0 without supply; NaN before the first state. */
  readonly vmPu: number;
  readonly level: VoltageLevel;
  readonly loadMw: number;
  /** What it would take and does not get. */
  readonly lackingMw: number;
  readonly generationMw: number;
  readonly risk: number;
}

export interface SceneBranch {
  readonly id: number;
  /** Indices of buses. */
  readonly from: number;
  readonly to: number;
  readonly kind: "line" | "transformer";
  readonly closed: boolean;
  /** Into the branch at `from`: below 0 it flows towards `from`. */
  readonly mw: number;
  readonly loadingPercent: number;
  readonly temperatureC: number;
  readonly risk: number;
  readonly level: LoadLevel;
  readonly change: Change;
  readonly onPath: boolean;
}

export interface Scene {
  readonly buses: readonly SceneBus[];
  readonly branches: readonly SceneBranch[];
  /** The state is of another topology, or there is none: only places are known. */
  readonly hasState: boolean;
}

export interface Overlay {
  readonly toOpen: ReadonlySet<number>;
  readonly toClose: ReadonlySet<number>;
  /** Branches of optimised paths. */
  readonly path: ReadonlySet<number>;
  /** Branches that are out of order. */
  readonly broken: ReadonlySet<number>;
}

export const NO_OVERLAY: Overlay = { toOpen: new Set(), toClose: new Set(), path: new Set(), broken: new Set() };
const HIGH_LOADING = 80;
const FULL_LOADING = 100;
/** Of the way from nominal to a limit, beyond which a voltage is no longer called normal. */
const SLIGHTLY = 0.6;
/** What an estimate of a voltage is wrong by anyhow, p.u.; the supply's limits are one and the same number. */
const TOLERANCE = 0.002;

function voltageLevel(vmPu: number, least: number, most: number): VoltageLevel {
  if (!(vmPu > 0)) return "none";
  if (vmPu < least - TOLERANCE) return "low";
  if (vmPu > most + TOLERANCE) return "high";
  if (vmPu < 1 - SLIGHTLY * (1 - least) - TOLERANCE) return "slightly-low";
  if (vmPu > 1 + SLIGHTLY * (most - 1) + TOLERANCE) return "slightly-high";
  return "normal";
}

function loadLevel(closed: boolean, loadingPercent: number): LoadLevel {
  if (!closed) return "open";
  if (loadingPercent > FULL_LOADING) return "over";
  return loadingPercent > HIGH_LOADING ? "high" : "normal";
}

export function sceneOf(topology: GridTopology, state: GridState | undefined, overlay: Overlay): Scene {
  const fits = state?.topology === topology.digest ? state : undefined;
  const indexOf = new Map(topology.buses.map(({ id }, i) => [id, i]));
  const at = (column: readonly number[] | undefined, i: number): number => column?.[i] ?? NaN;
  const lacking = new Map(
    (fits?.findings ?? []).flatMap(({ kind, element, value }) => (kind === "no-supply" ? [[element, value]] : [])),
  );
  const buses = topology.buses.map((bus, i): SceneBus => {
    const vmPu = at(fits?.buses.vmPu, i);
    return {
      id: bus.id,
      x: bus.x,
      y: bus.y,
      kind: bus.kind,
      generator: bus.generator,
      feeders: bus.feeders,
      vmPu,
      level: fits === undefined ? "normal" : voltageLevel(vmPu, bus.vMinPu, bus.vMaxPu),
      loadMw: at(fits?.buses.loadMw, i),
      lackingMw: lacking.get(`bus:${bus.id}`) ?? 0,
      generationMw: at(fits?.buses.generationMw, i),
      risk: at(fits?.buses.risk, i),
    };
  });
  const branches = topology.branches.map((branch, i): SceneBranch => {
    const closed = fits === undefined ? branch.normallyClosed : fits.branches.closed[i] === 1;
    const loadingPercent = at(fits?.branches.loadingPercent, i);
    return {
      id: branch.id,
      from: indexOf.get(branch.from) ?? 0,
      to: indexOf.get(branch.to) ?? 0,
      kind: branch.kind,
      closed,
      mw: at(fits?.branches.fromMw, i),
      loadingPercent,
      temperatureC: at(fits?.branches.temperatureC, i),
      risk: at(fits?.branches.risk, i),
      level: !closed && overlay.broken.has(branch.id) ? "broken" : loadLevel(closed, loadingPercent),
      change: overlay.toOpen.has(branch.id) ? "opens" : overlay.toClose.has(branch.id) ? "closes" : undefined,
      onPath: overlay.path.has(branch.id),
    };
  });
  return { buses, branches, hasState: fits !== undefined };
}
