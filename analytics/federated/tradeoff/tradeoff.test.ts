import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { populate } from "../homes.ts";
import { simulate } from "../simulate.ts";
import { habits, HOURLY } from "../testing/loads.ts";
import { draw, inPage, onWhite } from "./charts.ts";
import { figuresOf, type Shown } from "./figures.ts";
import { planRuns, QUICK, type Run } from "./plan.ts";
import { reportOf } from "./report.ts";
import { type Finished, ResultsFile } from "./results.ts";
import { interval, summarise } from "./summary.ts";

const size = { ...QUICK, homes: 24, fewHomes: 20, unseen: 4, rounds: 2, seeds: 2 };
const noBackend = (): never => assert.fail("a linear model needs no backend");
const score = { maeWh: 90, meanWh: 300, best: "blend", bestWh: 100, skill: 0.1 } as const;
const reference = { homes: score, unseen: score, feeder: score };
const references = { median: reference, energy: reference, feederAlone: score, large: score };

/** One small campaign, whose result stands for all linear ones. */
async function finishedRuns(): Promise<Finished[]> {
  const readings = habits(28, 42, 1);
  const population = populate(readings, undefined, { ...HOURLY, testDays: 7, unseen: 4, mostRows: 50, seed: 1 });
  const runs = planRuns(size, 3_600);
  const result = await simulate(population, runs[0]!.options, { backend: noBackend });
  return runs.map((run) => ({ run, result }));
}

function folder(t: TestContext): string {
  const made = mkdtempSync(join(tmpdir(), "tradeoff-"));
  t.after(() => rmSync(made, { recursive: true }));
  return made;
}

test("every setting is run with every seed, and no two runs are the same", () => {
  const runs = planRuns(size, 3_600);
  const key = ({ seed, ...run }: Run): string => JSON.stringify([run.sweep, run.at, run.series]);
  const settings = new Map(runs.map((run) => [key(run), runs.filter((other) => key(other) === key(run)).length]));
  assert.ok([...settings.values()].every((seeds) => seeds === 2));
  assert.equal(new Set(runs.map((run) => JSON.stringify(run))).size, runs.length);
  assert.ok(runs.every(({ options: { campaign } }) => campaign.homes <= 24));
});

test("what is finished is not run again: not after an interruption, but on other readings", async (t) => {
  const into = folder(t);
  const [first, second] = (await finishedRuns()) as [Finished, Finished];
  new ResultsFile(into, "readings A", { fresh: false }).add(first);
  appendFileSync(join(into, "tradeoff-runs.jsonl"), '{"key":"cut off');
  const again = new ResultsFile(into, "readings A", { fresh: false });
  assert.deepEqual(again.get(first.run), JSON.parse(JSON.stringify({ ...first })));
  assert.equal(again.get(second.run), undefined);
  assert.equal(new ResultsFile(into, "readings B", { fresh: false }).get(first.run), undefined);
  // What follows a line that was cut off is a line of its own.
  again.add(second);
  const third = new ResultsFile(into, "readings A", { fresh: false });
  assert.ok(third.get(second.run) !== undefined && third.get(first.run) !== undefined);
  assert.equal(new ResultsFile(into, "readings A", { fresh: true }).get(first.run), undefined);
});

test("intervals are Student's", () => {
  const { mean, low, high, seeds } = interval([1, 2, 3]);
  assert.ok(
    mean === 2 && seeds === 3 && Math.abs(high - 2 - 4.303 / Math.sqrt(3)) < 1e-9 && Math.abs(low + high - 4) < 1e-9,
  );
  assert.deepEqual(interval([5]), { mean: 5, low: 5, high: 5, seeds: 1 });
});

test("the page stands alone, shows every chart, and says what is simulated", async () => {
  const finished = await finishedRuns();
  const shown: Shown = { points: summarise(finished), references, homes: 24, fewHomes: 20 };
  const figures = figuresOf(shown);
  const about = { isSimulated: true, isQuick: true, readings: "<homes>.csv", slotSeconds: 3_600 };
  const page = reportOf({ ...shown, ...size, ...about, figures, finished });
  assert.equal(page.split("<svg").length - 1, figures.length);
  assert.match(page, /Homes, weather and readings are simulated\./);
  assert.match(page, /Quick run/);
  assert.match(page, /prefers-color-scheme:dark/);
  assert.doesNotMatch(page, /NaN|undefined|Infinity|<script|<link|<img|url\(http/);
  assert.deepEqual([...page.matchAll(/(?:src|href)="(?!#)([^"]*)"/g)], []);
  const real = reportOf({ ...shown, ...size, ...about, isSimulated: false, isQuick: false, figures, finished });
  assert.match(real, /Readings: &lt;homes&gt;\.csv\./);
  // Who adds noise, and then from the most noise to none, whatever the order of the runs was.
  const [households = ""] = /<h2>Households[\s\S]*?<\/table>/.exec(page) ?? [];
  const cells = [...households.matchAll(/<tr[^>]*><td>([^<]*)<\/td><td>([^<]*)</g)].map(
    ([, who, at]) => `${who} ${at}`,
  );
  const own = ["0.5", "1", "2", "4", "8", "no noise"].map((at) => `homes add noise ${at}`);
  const others = ["trusted server adds noise", "each home for itself"].flatMap((who) => [`${who} 1`, `${who} 8`]);
  assert.deepEqual(cells.slice(2), [...own, ...others]);
});

test("charts have the page's colours in the page and their own in a file", async () => {
  const [figure] = figuresOf({ points: summarise(await finishedRuns()), references, homes: 24, fewHomes: 20 });
  const svg = draw(figure!.chart);
  assert.match(inPage(svg), /var\(--s1\)/);
  assert.doesNotMatch(onWhite(svg), /var\(|#0404|#0[1235]0/);
  assert.match(svg, /blend, no learning/);
  assert.equal(
    draw(figure!.chart).replaceAll(/zr\d+/g, ""),
    svg.replaceAll(/zr\d+/g, ""),
    "the same figures, the same file",
  );
});
