/** Homes of a simulation: what each has to train on, and the days that nobody trained on, with the honest baselines. */
import {
  BASELINES,
  type BaselineName,
  baselines,
  type CalendarOptions,
  type Examples,
  joinExamples,
  type LoadSeries,
  permutation,
  prepare,
  sumSeries,
  type TemperatureSeries,
  trainable,
} from "../../learning/index.ts";

/** Days to compare on: rows in order, and what each baseline says of them, in Wh. */
export interface Compared {
  readonly rows: Examples;
  readonly baselines: Readonly<Record<BaselineName, Float64Array>>;
}

export interface SimulatedHome {
  readonly id: string;
  readonly train: Examples;
  readonly validation: Examples;
  readonly test: Compared;
}

export interface Population {
  /** Take part in rounds. */
  readonly homes: readonly SimulatedHome[];
  /** Never do: models are tried on them. */
  readonly unseen: readonly SimulatedHome[];
  /** The sum over `homes`, which every size of a campaign is judged by. */
  readonly feeder: SimulatedHome;
}

export interface PopulationOptions extends CalendarOptions {
  /** Days at the end that are compared on, and as many before them for validation. */
  readonly testDays: number;
  /** Homes that never take part. */
  readonly unseen: number;
  /** Rows that a home keeps to train on. */
  readonly mostRows: number;
  readonly seed: number;
  readonly onHome?: ((done: number, of: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Throws RangeError for series that are too short, or too few. */
export function populate(
  meters: readonly LoadSeries[],
  temperature: TemperatureSeries | undefined,
  options: PopulationOptions,
): Population {
  const { unseen, seed, onHome, signal } = options;
  if (meters.length < unseen + 2) {
    throw new RangeError(
      `readings: expected at least ${unseen + 2} homes, ${unseen} of them unseen, got ${meters.length}`,
    );
  }
  const order = permutation(meters.length, seed);
  const all = Array.from(order, (index, done) => {
    signal?.throwIfAborted();
    const home = homeOf(meters[index]!, temperature, options);
    onHome?.(done + 1, meters.length);
    return home;
  });
  const members = Array.from(order.subarray(unseen), (index) => meters[index]!);
  const feeder = homeOf(sumSeries("feeder", members), temperature, options);
  return { homes: all.slice(unseen), unseen: all.slice(0, unseen), feeder };
}

function homeOf(
  series: LoadSeries,
  temperature: TemperatureSeries | undefined,
  options: PopulationOptions,
): SimulatedHome {
  const { testDays, mostRows, seed } = options;
  const { table, rows } = prepare(series, temperature, options);
  const days = table.days.length;
  const part = (from: number, to: number): Examples =>
    joinExamples(rows.slice(Math.max(0, from), to).filter((row) => row !== undefined));
  const train = trainable(part(0, days - 2 * testDays), mostRows, seed);
  if (train.count === 0) {
    throw new RangeError(
      `readings of ${series.id}: nothing to train on in ${days} days, of which ${2 * testDays} are kept`,
    );
  }
  const kept: Examples[] = [];
  const simple = Object.fromEntries(BASELINES.map((name) => [name, [] as number[]])) as Record<BaselineName, number[]>;
  for (let d = days - testDays; d < days; d += 1) {
    if (rows[d] === undefined) continue;
    kept.push(rows[d]!);
    const today = baselines(table, d);
    for (const name of BASELINES) for (const p of table.days[d]!.positions) simple[name].push(today[name][p]!);
  }
  const baselinesOf = Object.fromEntries(
    BASELINES.map((name) => [name, Float64Array.from(simple[name])]),
  ) as Compared["baselines"];
  const validation = trainable(part(days - 2 * testDays, days - testDays));
  return { id: series.id, train, validation, test: { rows: joinExamples(kept), baselines: baselinesOf } };
}
