/** What is operated: the grid of the configuration with its limits, and which feeder's load is whose bus. Plain data, for threads. */
import type { Config } from "../../../config/index.ts";
import { UsageError } from "../../../config/runtime/role-command.ts";
import { MOST_ELEMENTS } from "../../../protocol/grid/index.ts";
import {
  BUNDLED,
  bundledGrid,
  type BusShare,
  type Grid,
  GridError,
  isBundled,
  MatpowerError,
  readMatpower,
  withAssumedRatings,
} from "../index.ts";
import { outwards } from "./layout.ts";
import { readText } from "../../../config/runtime/text-file.ts";

export type GridSettings = Config["grid"];

export interface OperationPlan {
  /** With a rating for every branch, and the voltages that are allowed. */
  readonly grid: Grid;
  readonly assumedRatings: boolean;
  readonly shares: readonly BusShare[];
  readonly settings: GridSettings;
  readonly slotSeconds: number;
}

/** Throws UsageError for a grid that cannot be operated, and shares that do not fit it. */
export function operationPlan(config: Config, feeders: readonly string[]): OperationPlan {
  const { grid: settings } = config;
  const given = caseNamed(settings.case);
  const most = Math.max(given.buses.length, given.branches.length);
  if (most > MOST_ELEMENTS) {
    throw new UsageError(
      `grid.case: ${given.name} has ${most} buses or branches, at most ${MOST_ELEMENTS} can be operated`,
    );
  }
  const { vMinPu, vMaxPu } = settings;
  const buses = given.buses.map((bus) => ({
    ...bus,
    ...(vMinPu > 0 ? { vMinPu } : {}),
    ...(vMaxPu > 0 ? { vMaxPu } : {}),
  }));
  try {
    return {
      grid: withAssumedRatings({ ...given, buses }),
      assumedRatings: given.branches.some(({ rateMva }) => !Number.isFinite(rateMva)),
      shares: sharesOf(given, feeders, settings.shares),
      settings,
      slotSeconds: config.system.slotSeconds,
    };
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(`grid.case: ${error.message}`);
    throw error;
  }
}

/** A bundled case by its name, or a MATPOWER file. Throws UsageError. */
function caseNamed(name: string): Grid {
  if (isBundled(name)) return bundledGrid(name);
  try {
    return readMatpower(readText(name), name);
  } catch (error) {
    if (error instanceof MatpowerError || error instanceof GridError)
      throw new UsageError(`grid.case: ${error.message}`);
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new UsageError(
      `grid.case: ${name} is no case (${BUNDLED.join(", ")}), and no file that can be read (${code})`,
    );
  }
}

/**
 * Feeders without shares of their own divide the loads of the case that are left, outwards from the reference, in equal
 * parts: neighbours get to the same feeder, and a bus at the border belongs to two.
 */
function sharesOf(grid: Grid, feeders: readonly string[], given: GridSettings["shares"]): readonly BusShare[] {
  const own = Object.entries(given).flatMap(([feeder, shares]) =>
    shares.map(({ bus, weight, powerFactor }): BusShare => {
      if (!grid.indexOf.has(bus))
        throw new RangeError(`grid.shares: ${feeder}: there is no bus ${bus} in ${grid.name}`);
      return { feeder, bus, weight, ...(powerFactor === undefined ? {} : { powerFactor }) };
    }),
  );
  const taken = new Set(own.map(({ bus }) => bus));
  const others = feeders.filter((feeder) => !Object.hasOwn(given, feeder)).toSorted();
  if (others.length === 0) return own;
  const loads = outwards(grid)
    .map((bus) => grid.buses[bus]!)
    .filter(({ id, loadMw, kind }) => loadMw > 0 && kind !== "isolated" && !taken.has(id));
  const whole = loads.reduce((sum, { loadMw }) => sum + loadMw, 0);
  if (whole === 0)
    throw new RangeError(`grid.shares: no bus of ${grid.name} has a load that is left for ${others.join(", ")}`);
  const part = whole / others.length;
  let before = 0;
  const spread: BusShare[] = [];
  for (const { id, loadMw, loadMvar } of loads) {
    const powerFactor = loadMw / Math.hypot(loadMw, loadMvar);
    for (const [i, feeder] of others.entries()) {
      const weight = Math.min(before + loadMw, (i + 1) * part) - Math.max(before, i * part);
      // Less is rounding.
      if (weight > 1e-9 * whole) spread.push({ feeder, bus: id, weight, powerFactor });
    }
    before += loadMw;
  }
  return [...own, ...spread];
}
