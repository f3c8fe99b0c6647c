/** The policies that open switches and choose paths, beside their peers and the certified optimum, on seeds they have not seen. */
import {
  bundledGrid,
  compare,
  type Compared,
  comparePaths,
  FAMILIES,
  readWeights,
  SHIPPED_PATH_WEIGHTS,
  SHIPPED_WEIGHTS,
} from "../analytics/grid/index.ts";
import { createProgress } from "../config/runtime/terminal.ts";
import type { BenchOptions } from "./bench.ts";
import { figure, figuresTable } from "./words.ts";

const SEEDS = [1, 2, 3, 4, 5];

export function run({ json, quick }: BenchOptions): Promise<Record<string, unknown>> {
  const [seeds, scenarios] = quick ? [SEEDS.slice(0, 1), 1] : [SEEDS, 5];
  const total = seeds.length * FAMILIES.length * scenarios;
  const bar = createProgress({ label: "scenarios", total, silent: json });
  const { weights, card } = readWeights(SHIPPED_WEIGHTS);
  const onScenario = (done: number): void => bar.update(done);
  const compared = compare({ grid: bundledGrid("case33bw"), weights, seeds, scenarios, onScenario });
  bar.stop();
  const routing = readWeights(SHIPPED_PATH_WEIGHTS, "paths").weights;
  const paths = comparePaths({ grid: bundledGrid("demo8"), weights: routing, seeds, scenarios });
  if (!json) {
    print("33 buses, switches", compared, total);
    print("demo8, paths", paths, total);
  }
  return Promise.resolve({ seeds, scenarios, trainedBy: card.command, ...compared, paths });
}

function print(what: string, { reference, rows }: Compared, total: number): void {
  const lines = rows.map((row) => [
    ...[`${row.family}, ${row.method}`, figure(row.meanGapPercent, 2), figure(row.maxGapPercent, 2)],
    ...[figure(row.meanFlows, 0), figure(row.medianMilliseconds, 1), figure(row.maxMilliseconds, 1)],
  ]);
  const head = ["scenarios, method", "mean gap %", "max gap %", "power flows", "median ms", "max ms"];
  process.stdout.write(
    `${what}\n${figuresTable(head, lines)}\nGaps to the ${reference} optimum of each of ${total} scenarios.\n`,
  );
}
