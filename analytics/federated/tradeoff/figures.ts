/** The charts of a trade-off, and what each says in words. */
import type { Chart, Level, Line } from "./charts.ts";
import { EPSILONS, LARGE, NO_NOISE as NONE, SERIES, type Sweep } from "./plan.ts";
import type { Interval, Point } from "./summary.ts";
import type { References } from "./tradeoff.ts";

export interface Figure {
  /** Of its file: `error-epsilon`. */
  readonly name: string;
  readonly title: string;
  readonly text: string;
  readonly chart: Chart;
}

export interface Shown {
  readonly points: readonly Point[];
  readonly references: References;
  readonly homes: number;
  readonly fewHomes: number;
}

const HOME_ERROR = "mean absolute error of a household, Wh per slot";
/** The same homes for every point: which ones take part differs from seed to seed. */
const UNSEEN_ERROR = "mean absolute error of a home that took no part, Wh per slot";

export function figuresOf(shown: Shown): Figure[] {
  const { references, homes, fewHomes } = shown;
  const { median, energy, feederAlone } = references;
  const of = (sweep: Sweep): Point[] => shown.points.filter((point) => point.sweep === sweep);
  const central: Level = { name: "trained centrally", y: median.homes.maeWh };
  const baseline: Level = { name: `${median.homes.best}, no learning`, y: median.homes.bestWh };
  const levels = [baseline, central];
  const unseen: Level[] = [
    { name: `${median.unseen.best}, no learning`, y: median.unseen.bestWh },
    { name: "trained centrally", y: median.unseen.maeWh },
  ];
  const labelled = (points: readonly Point[], labels: readonly string[]): Line[] =>
    linesOf(points, ({ at, homesWh }) => ({ x: at, ...ends(homesWh) }), labels);
  // All homes there are, from the sweep of epsilon.
  const most = of("epsilon")
    .filter(({ at, series }) => series === SERIES.distributed && (at === "8" || at === NONE))
    .map((point) => ({ ...point, at: String(homes), series: point.at === NONE ? "no noise" : "epsilon 8" }));
  const bySize = [...of("homes"), ...most];
  const strangers = (points: readonly Point[], labels: readonly string[]): Line[] =>
    linesOf(points, ({ at, unseenWh, homesWh }) => ({ x: at, ...ends(unseenWh ?? homesWh) }), labels);
  const atLeastTwo = of("epsilon").filter(({ series }) => series !== SERIES.local);
  return [
    {
      name: "error-epsilon",
      title: "What privacy costs a household's forecast",
      text:
        `One model of ${of("epsilon")[0]?.parameters ?? 0} weights, learned by ${homes} homes. To the right more privacy is ` +
        "given up. A trusted server could do with less noise, but it would see every update.",
      chart: chartOf(
        "epsilon of the whole campaign, at delta 1e-5",
        HOME_ERROR,
        labelled(atLeastTwo, EPSILONS),
        levels,
        EPSILONS,
      ),
    },
    {
      name: "feeder-epsilon",
      title: "What it costs the feeder's forecast",
      text:
        "The same weights learned for energy instead of medians, and used on the sum over the homes. Released totals alone " +
        "(lowest line) are a strong rival: the utility has them anyway.",
      chart: chartOf(
        "epsilon of the whole campaign, at delta 1e-5",
        "mean absolute error of the feeder, kWh per slot",
        linesOf(
          of("feeder"),
          ({ at, feederWh }) => ({ x: at, ...ends(feederWh, 1_000) }),
          EPSILONS.filter((at) => of("feeder").some((point) => point.at === at)),
        ),
        [
          { name: `${energy.feeder.best}, no learning`, y: energy.feeder.bestWh / 1_000 },
          { name: "homes, trained centrally", y: energy.feeder.maeWh / 1_000 },
          { name: "from released totals", y: feederAlone.maeWh / 1_000 },
        ],
        EPSILONS.filter((at) => of("feeder").some((point) => point.at === at)),
      ),
    },
    {
      name: "convergence",
      title: "How it gets there",
      text: `Error on the week before the one that is judged, after each round of ${homes} homes.`,
      chart: chartOf("rounds", HOME_ERROR, convergence(of("epsilon")), []),
    },
    {
      name: "homes",
      title: "How many homes it takes",
      text: "The noise is one for all: the more homes share it, the less each forecast feels it.",
      chart: chartOf("homes in a round", UNSEEN_ERROR, strangers(bySize, labelsOf(bySize)), unseen, labelsOf(bySize)),
    },
    {
      name: "communication",
      title: "What a message buys",
      text:
        `Bits of a weight's change, before noise, against what a home sends in a round to three aggregators (${fewHomes} homes). ` +
        `The plain update as float32 is ${of("bits")[0]?.plainBytes ?? 0} bytes.`,
      chart: chartOf("bytes that a home sends in a round", UNSEEN_ERROR, communication(of("bits")), unseen),
    },
    {
      name: "clip",
      title: "How far a home may pull",
      text: `Updates longer than the clip are shortened, and noise grows with it (${fewHomes} homes, epsilon 2).`,
      chart: chartOf(
        "clip, as Euclidean norm of a home's change",
        UNSEEN_ERROR,
        strangers(of("clip"), labelsOf(of("clip"))),
        unseen,
        labelsOf(of("clip")),
      ),
    },
    {
      name: "drop-out",
      title: "Homes that leave in the middle",
      text:
        `${fewHomes} homes, epsilon 8, sets opened from ${Math.round(0.4 * fewHomes)} homes on. A round with fewer is lost: ` +
        lost(of("drop-out")),
      chart: chartOf(
        "chance to be away in a round",
        UNSEEN_ERROR,
        strangers(of("drop-out"), labelsOf(of("drop-out"))),
        unseen,
        labelsOf(of("drop-out")),
      ),
    },
  ];
}

/** What the large network on few homes came to, in words. */
export function largeModel({ points, references }: Shown): string {
  const large = points.filter(({ sweep }) => sweep === "large");
  const [clear, noised] = [large.find(({ at }) => at === NONE), large.find(({ at }) => at !== NONE)];
  if (clear === undefined || noised === undefined) return "";
  const { bestWh, best } = references.median.unseen;
  const [quiet, loud] = [clear, noised].map(({ unseenWh, homesWh }) => (unseenWh ?? homesWh).mean) as [number, number];
  const norm = noised.noiseOverClip * Math.sqrt(noised.parameters);
  const left = (bestWh - loud) / (bestWh - quiet);
  return (
    `A network of ${noised.parameters.toLocaleString("en")} weights on ${LARGE.homes} homes at epsilon 8: the noise of one mean ` +
    `update is ${norm.toFixed(1)} times as long as any home's update may be. Error of homes that took no part: ` +
    `${loud.toFixed(1)} Wh, against ${quiet.toFixed(1)} Wh without noise and ${bestWh.toFixed(1)} Wh by ${best}: ` +
    (left <= 0 ? "nothing is learned." : `${(100 * left).toFixed(0)} % of the gain is left, on average over the seeds.`)
  );
}

function chartOf(
  xName: string,
  yName: string,
  lines: readonly Line[],
  levels: readonly Level[],
  labels?: readonly string[],
): Chart {
  return { xName, yName, lines, levels, ...(labels === undefined ? {} : { labels }) };
}

function ends({ mean, low, high }: Interval, by = 1): { y: number; low: number; high: number } {
  return { y: mean / by, low: low / by, high: high / by };
}

function labelsOf(points: readonly Point[]): string[] {
  return [...new Set(points.map(({ at }) => at))].sort((a, b) => Number(a) - Number(b));
}

function linesOf(
  points: readonly Point[],
  pointOf: (point: Point) => Line["points"][number],
  labels: readonly string[],
): Line[] {
  const names = [...new Set(points.map(({ series }) => series))];
  return names.map((name) => ({
    name,
    points: points
      .filter(({ series }) => series === name)
      .sort((a, b) => labels.indexOf(a.at) - labels.indexOf(b.at))
      .map(pointOf),
  }));
}

function convergence(points: readonly Point[]): Line[] {
  // In the order, hence the colours, of the other charts.
  return ["8", NONE, "1"].flatMap((at) => {
    const point = points.find((one) => one.at === at && one.series === SERIES.distributed);
    if (point === undefined) return [];
    const name = at === NONE ? "no noise" : `epsilon ${at}`;
    return [{ name, points: point.convergence.map(({ round, maeWh }) => ({ x: round, ...ends(maeWh) })) }];
  });
}

function communication(points: readonly Point[]): Line[] {
  const names = [...new Set(points.map(({ series }) => series))];
  return names.map((name, first) => ({
    name,
    points: points
      .filter(({ series }) => series === name)
      .sort((a, b) => a.uploadBytes - b.uploadBytes || Number(a.at) - Number(b.at))
      .map(({ uploadBytes, unseenWh, homesWh }, i, own) => {
        // Bits that make no difference to the message have one label.
        const same = own.filter((other) => other.uploadBytes === uploadBytes).map((other) => other.at);
        const isLabelled = first === 0 && own[i - 1]?.uploadBytes !== uploadBytes;
        const label = isLabelled ? { label: `${same.join(", ")} bits` } : {};
        return { x: uploadBytes, ...ends(unseenWh ?? homesWh), ...label };
      }),
  }));
}

function lost(points: readonly Point[]): string {
  const some = points.filter(({ unopened }) => unopened > 0);
  if (some.length === 0) return "none was.";
  return `${some.map(({ series, at, unopened }) => `${unopened.toFixed(1)} a campaign at ${at} (${series})`).join(", ")}.`;
}
