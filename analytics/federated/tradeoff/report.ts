/** A trade-off as one page for people: no script, nothing loaded from elsewhere, light or dark as the reader has it. */
import { draw, inPage } from "./charts.ts";
import { type Figure, largeModel, type Shown } from "./figures.ts";
import { COLLUDERS, NO_NOISE, QUORUM, SERIES } from "./plan.ts";
import type { Finished } from "./results.ts";
import type { Point } from "./summary.ts";

export interface Report extends Shown {
  readonly figures: readonly Figure[];
  readonly finished: readonly Finished[];
  readonly isSimulated: boolean;
  readonly isQuick: boolean;
  readonly readings: string;
  readonly slotSeconds: number;
  readonly rounds: number;
  readonly seeds: number;
  readonly testDays: number;
  readonly unseen: number;
}

const STYLE = `
:root{color-scheme:light dark;--paper:#fbfbfa;--card:#fff;--ink:#1c2430;--muted:#5b6676;--rule:#dde2ea;--level:#64748b;
--s1:#0b66c3;--s2:#c2410c;--s3:#0f766e;--s4:#7c3aed;--warn:#fff6e0;--good:#0f766e}
@media(prefers-color-scheme:dark){:root{--paper:#11151b;--card:#181e27;--ink:#e6eaf0;--muted:#9aa6b5;--rule:#2b3440;
--level:#8492a6;--s1:#6cb2ff;--s2:#ff9d66;--s3:#4fd1b5;--s4:#b89bff;--warn:#33290f;--good:#4fd1b5}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1120px;margin:0 auto;padding:40px 24px 72px}h1{font-size:2rem;line-height:1.2;margin:0 0 8px;letter-spacing:-.01em}
h2{font-size:1.15rem;margin:0 0 4px}.lead{font-size:1.08rem;color:var(--muted);max-width:72ch;margin:0 0 20px}
.note{background:var(--warn);border-radius:8px;padding:10px 14px;margin:0 0 20px;max-width:80ch}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(200px,1fr));gap:14px;margin:24px 0 32px}
.tile,figure{background:var(--card);border:1px solid var(--rule);border-radius:12px;padding:16px 18px;margin:0}
.tile b{display:block;font-size:1.6rem;letter-spacing:-.01em;font-variant-numeric:tabular-nums}
.tile span{color:var(--muted);font-size:.9rem;line-height:1.4;display:block}
.charts{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:18px}
figure{display:flex;flex-direction:column;justify-content:space-between}
figure:last-child:nth-child(odd){grid-column:1/-1;display:grid;grid-template-columns:1fr 1fr;gap:18px;align-items:center}
figcaption{color:var(--muted);font-size:.94rem;margin-bottom:8px}figcaption h2{color:var(--ink)}
section{margin:40px 0 0;max-width:80ch}.wide{max-width:none;overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.92rem;font-variant-numeric:tabular-nums}
th,td{text-align:right;padding:7px 10px;border-bottom:1px solid var(--rule);white-space:nowrap}
th:first-child,td:first-child{text-align:left}th{font-weight:600;color:var(--muted)}li{margin:4px 0}
tr.first>*{border-top:2px solid var(--rule)}
@media(max-width:820px){.charts{grid-template-columns:1fr}figure:last-child:nth-child(odd){display:flex;gap:0}}
@media(max-width:560px){main{padding:24px 14px 48px}h1{font-size:1.6rem}.lead{font-size:1rem}.tile,figure{padding:12px}
.tiles{grid-template-columns:1fr 1fr;gap:10px}.tile b{font-size:1.35rem}section ul{padding-left:20px}
table{font-size:.8rem}th,td{padding:6px 5px;white-space:normal}}
`;

export function reportOf(report: Report): string {
  const { figures, isSimulated, isQuick, homes, rounds } = report;
  const simulated = isSimulated
    ? "Homes, weather and readings are simulated."
    : `Readings: ${escaped(report.readings)}.`;
  const quick = isQuick
    ? '<p class="note"><strong>Quick run.</strong> Few homes and rounds: it shows that everything works; do not quote its figures.</p>'
    : "";
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>Learning without looking: what privacy costs</title><style>${STYLE}</style></head><body><main>
<h1>Learning without looking: what privacy costs</h1>
<p class="lead">${homes} homes learn one day-ahead forecast in ${rounds} rounds, without any reading or update leaving a home in clear.
Aggregators open only the noised sum. This page says what that costs in accuracy, beside what anybody can forecast
without learning. <strong>${simulated}</strong></p>
${quick}${tiles(report)}
<div class="charts">${figures.map(figure).join("\n")}</div>
${table(report)}${notes(report)}
</main></body></html>
`;
}

function figure({ title, text, chart, name }: Figure): string {
  const svg = inPage(draw(chart)).replace("<svg", `<svg aria-label="${escaped(title)}"`);
  return `<figure id="${name}"><figcaption><h2>${escaped(title)}</h2>${escaped(text)}</figcaption>${svg}</figure>`;
}

function pointAt(points: readonly Point[], sweep: Point["sweep"], at: string): Point | undefined {
  return points.find((point) => point.sweep === sweep && point.at === at && point.series === SERIES.distributed);
}

const percent = (part: number): string => `${part >= 0 ? "+" : "\u2212"}${Math.abs(100 * part).toFixed(1)}\u00a0%`;

function tiles({ points, references, finished }: Report): string {
  const { median, energy } = references;
  const [clear, noised] = [NO_NOISE, "8"].map((at) => pointAt(points, "epsilon", at));
  const feeder = pointAt(points, "feeder", "8");
  const own = finished.flatMap(({ result }) => (result.personalised === undefined ? [] : [result.personalised]));
  const tile = (value: string, text: string): string => `<div class="tile"><b>${value}</b><span>${text}</span></div>`;
  const parts: string[] = [];
  const against = (value: number, other: number): string => percent(value / other - 1);
  if (clear !== undefined) {
    const text = "error of a household without noise, against the model trained with all readings in one place";
    parts.push(tile(against(clear.homesWh.mean, median.homes.maeWh), text));
  }
  if (noised !== undefined) {
    const text = `the same at epsilon 8; against ${median.homes.best}, the best without learning, it is `;
    const best = against(noised.homesWh.mean, median.homes.bestWh);
    parts.push(tile(against(noised.homesWh.mean, median.homes.maeWh), text + best));
  }
  if (feeder !== undefined) {
    const text = `error of the feeder at epsilon 8, against ${energy.feeder.best}, the best without learning`;
    parts.push(tile(against(feeder.feederWh.mean, energy.feeder.bestWh), text));
  }
  if (own.length > 0) {
    const sum = (of: "ownWh" | "globalWh"): number => own.reduce((all, one) => all + one[of], 0);
    const text =
      "error of a household after it trained the shared model (epsilon 8) further for itself, which costs no privacy";
    parts.push(tile(against(sum("ownWh"), sum("globalWh")), text));
  }
  return `<div class="tiles">${parts.join("")}</div>`;
}

function table({ points, references }: Report): string {
  const { median, energy, feederAlone } = references;
  const plus = ({ low, high }: Point["homesWh"]): string =>
    high > low ? ` \u00b1 ${((high - low) / 2).toFixed(1)}` : "";
  // A line above each other series.
  const rule = ({ series }: Point, i: number, all: readonly Point[]): string =>
    series === all[i - 1]?.series ? "" : ' class="first"';
  const home = (name: string, of: string, seen: string, other: string, bytes: string, mark = ""): string =>
    `<tr${mark}><td>${escaped(name)}</td><td>${of}</td><td>${seen}</td><td>${other}</td><td>${bytes}</td></tr>`;
  const rows = [
    home(
      `${median.homes.best} (no learning)`,
      "\u2013",
      median.homes.bestWh.toFixed(1),
      median.unseen.bestWh.toFixed(1),
      "0",
    ),
    home(
      "trained centrally",
      "all given up",
      median.homes.maeWh.toFixed(1),
      median.unseen.maeWh.toFixed(1),
      "all readings",
    ),
    ...points
      .filter(({ sweep }) => sweep === "epsilon")
      .map(({ homesWh, unseenWh, ...point }, i, all) =>
        home(
          point.series,
          point.at === NO_NOISE ? "no noise" : point.at,
          homesWh.mean.toFixed(1) + plus(homesWh),
          unseenWh === undefined ? "" : unseenWh.mean.toFixed(1) + plus(unseenWh),
          String(point.uploadBytes),
          rule(all[i]!, i, all),
        ),
      ),
  ];
  const feeder = [
    `<tr><td>${escaped(energy.feeder.best)} (no learning)</td><td>\u2013</td><td>${(energy.feeder.bestWh / 1_000).toFixed(2)}</td></tr>`,
    `<tr><td>trained centrally on homes</td><td>all given up</td><td>${(energy.feeder.maeWh / 1_000).toFixed(2)}</td></tr>`,
    `<tr><td>trained on released totals alone</td><td>exact totals</td><td>${(feederAlone.maeWh / 1_000).toFixed(2)}</td></tr>`,
    ...points
      .filter(({ sweep }) => sweep === "feeder")
      .map(
        ({ series, at, feederWh: { mean, low, high } }, i, all) =>
          `<tr${rule(all[i]!, i, all)}><td>${series}</td><td>${at === NO_NOISE ? "no noise" : at}</td>` +
          `<td>${(mean / 1_000).toFixed(2)} \u00b1 ${((high - low) / 2_000).toFixed(2)}</td></tr>`,
      ),
  ];
  return `<section class="wide"><h2>Households</h2><table><thead><tr><th>who adds noise</th><th>epsilon</th>
<th>days unseen, Wh</th><th>homes unseen, Wh</th><th>bytes a round</th></tr></thead><tbody>${rows.join("")}</tbody></table></section>
<section class="wide"><h2>Feeder</h2><table><thead><tr><th>who adds noise</th><th>epsilon</th><th>days unseen, kWh</th></tr>
</thead><tbody>${feeder.join("")}</tbody></table></section>`;
}

function notes(report: Report): string {
  const { slotSeconds, seeds, testDays, unseen, homes } = report;
  const local = report.points.filter(({ series }) => series === SERIES.local);
  const worst = local.map(({ at, homesWh }) => `${homesWh.mean.toFixed(0)} Wh at epsilon ${at}`).join(", ");
  return `<section><h2>What is compared, and how</h2><ul>
<li>Errors are mean absolute errors per slot of ${slotSeconds / 60} minutes on the last ${testDays} days, which nobody trained on; forecasts are
made when the day before is over. ${unseen} homes never took part: the column \u201chomes unseen\u201d is about them.</li>
<li>Lines are means over ${seeds} seeds (noise, order of training, drop-outs, and which homes take part where not all do); bands
are 95 % intervals by Student\u2019s distribution. The split into days and the ${unseen} unseen homes is the same for all.</li>
<li>\u201cNo learning\u201d is the best of five simple forecasts, chosen after the fact in their favour: yesterday, last week, mean and
median of 14 days, and a blend of the last 7 days with the same weekday of 4 weeks. Untrained, every model here is that blend.</li>
<li>Epsilon is for a whole campaign at delta 1e-5: a home takes part in all rounds or sends zeros, and the opened sums tell
the two apart no better than epsilon says. It counts the noise of ${100 * QUORUM} % of the ${homes} homes less ${100 * COLLUDERS} %
who tell theirs; smaller sets are never opened. A household forecast and a feeder forecast are two campaigns: together they cost more.</li>
<li>Noise and integers are those of the protocol (Skellam, exact sampling, lanes of field elements); shares, envelopes and
aggregators change none of them and are left out here. Noise by a trusted server, and by each home for itself, is drawn for comparison.</li>
${worst === "" ? "" : `<li>Each home for itself (local privacy, nobody is trusted, nothing is added up in secret): ${worst}; not drawn.</li>`}
<li>${escaped(largeModel(report))}</li>
</ul></section>`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
