/** Figures over what is remembered of a grid; read beside whoever writes. */
import { guardStorage } from "../../../../config/runtime/database.ts";
import { openStore } from "../../../../config/runtime/store.ts";
import type { GridHistoryRow, GridStatistics } from "../../../../protocol/grid/index.ts";

const FIGURES = ["technicalMw", "efficiency", "leastVoltagePu", "mostLoadingPercent", "gapPercent"] as const;
/** Between two scans further apart than this nobody knows what was lost. */
const GAP_SECONDS = 3_600;

/** Times in Unix seconds; all that is kept where they are left out. Throws StorageError. */
export function statistics(
  place: string,
  grid: string,
  { from = 0, to = Number.MAX_SAFE_INTEGER }: { readonly from?: number | undefined; readonly to?: number | undefined },
): Omit<GridStatistics, "sinceStart"> {
  const db = openStore(place, { synchronous: "NORMAL", readonly: true });
  try {
    return guardStorage(db, () => {
      const rows = db
        .prepare<[string, number, number], { row: string }>(
          "SELECT row FROM history WHERE grid = ? AND time >= ? AND time < ? ORDER BY id",
        )
        .iterate(grid, from, to);
      return figuresOf(rows);
    });
  } finally {
    db.close();
  }
}

function figuresOf(rows: Iterable<{ readonly row: string }>): Omit<GridStatistics, "sinceStart"> {
  const byStatus: Record<string, number> = {};
  const spreads = new Map(FIGURES.map((name) => [name, new Spread()]));
  let [scans, simulated, lostMwh, deliveredMwh, coveredSeconds] = [0, false, 0, 0, 0];
  let [first, before]: [number | null, GridHistoryRow | undefined] = [null, undefined];
  for (const { row: text } of rows) {
    const row = JSON.parse(text) as GridHistoryRow;
    scans += 1;
    simulated ||= row.simulated;
    first ??= row.time;
    byStatus[row.status] = (byStatus[row.status] ?? 0) + 1;
    for (const [name, spread] of spreads) spread.add(row[name]);
    const seconds = before === undefined ? 0 : row.time - before.time;
    if (before !== undefined && seconds > 0 && seconds <= GAP_SECONDS) {
      lostMwh += (before.technicalMw * seconds) / 3_600;
      coveredSeconds += seconds;
      deliveredMwh += (before.deliveredMw * seconds) / 3_600;
    }
    before = row;
  }
  const of = (name: (typeof FIGURES)[number]): GridStatistics["efficiency"] => spreads.get(name)!.told();
  return {
    ...{ from: first, to: before?.time ?? null, scans, byStatus, simulated, lostMwh, deliveredMwh, coveredSeconds },
    ...{ technicalMw: of("technicalMw"), efficiency: of("efficiency"), gapPercent: of("gapPercent") },
    ...{ leastVoltagePu: of("leastVoltagePu"), mostLoadingPercent: of("mostLoadingPercent") },
  };
}

/** Least, mean and most of numbers as they come. */
export class Spread {
  #least = Number.POSITIVE_INFINITY;
  #most = Number.NEGATIVE_INFINITY;
  #sum = 0;
  #count = 0;

  /** null: nothing was known. */
  add(value: number | null): void {
    if (value === null) return;
    this.#least = Math.min(this.#least, value);
    this.#most = Math.max(this.#most, value);
    this.#sum += value;
    this.#count += 1;
  }

  told(): GridStatistics["efficiency"] {
    return this.#count === 0 ? null : { least: this.#least, mean: this.#sum / this.#count, most: this.#most };
  }
}
