/** Area under the ROC curve with DeLong's confidence interval, from midranks; and the curve's points. */

export interface Auc {
  readonly auc: number;
  readonly low: number;
  readonly high: number;
}

const Z95 = 1.959964;

/** How well scores tell what happened from what did not. Throws RangeError where all or none happened. */
export function aucOf(scores: readonly number[], hits: readonly boolean[]): Auc {
  const yes = scores.filter((_, i) => hits[i]);
  const no = scores.filter((_, i) => !hits[i]);
  const [m, n] = [yes.length, no.length];
  if (m === 0 || n === 0)
    throw new RangeError(`examples: expected some that failed and some that did not, got ${m}/${n}`);
  const all = midranks([...yes, ...no]);
  const [yesRanks, noRanks] = [midranks(yes), midranks(no)];
  const auc = (yesRanks.reduce((sum, _, i) => sum + all[i]!, 0) / m - (m + 1) / 2) / n;
  const placed = yesRanks.map((rank, i) => (all[i]! - rank) / n);
  const passed = noRanks.map((rank, i) => 1 - (all[m + i]! - rank) / m);
  const deviation = Math.sqrt(variance(placed) / m + variance(passed) / n);
  return { auc, low: Math.max(0, auc - Z95 * deviation), high: Math.min(1, auc + Z95 * deviation) };
}

function midranks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]!);
  const ranks = new Array<number>(values.length);
  for (let i = 0; i < order.length; ) {
    let j = i;
    while (j < order.length && values[order[j]!] === values[order[i]!]) j++;
    for (let k = i; k < j; k++) ranks[order[k]!] = (i + j + 1) / 2;
    i = j;
  }
  return ranks;
}

function variance(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
}

/** Points of the curve from (0, 0) to (1, 1), at most `most` of them. */
export function rocOf(
  scores: readonly number[],
  hits: readonly boolean[],
  most = 50,
): { readonly falseAlarms: number; readonly found: number }[] {
  const order = scores.map((_, i) => i).sort((a, b) => scores[b]! - scores[a]!);
  const [yes, no] = [hits.filter(Boolean).length, hits.filter((hit) => !hit).length];
  const points = [{ falseAlarms: 0, found: 0 }];
  let [falseAlarms, found] = [0, 0];
  for (const [i, at] of order.entries()) {
    if (hits[at]) found += 1;
    else falseAlarms += 1;
    if (i + 1 < order.length && scores[order[i + 1]!] === scores[at]) continue;
    points.push({ falseAlarms: falseAlarms / no, found: found / yes });
  }
  if (points.length <= most) return points;
  return Array.from({ length: most }, (_, i) => points[Math.round((i * (points.length - 1)) / (most - 1))]!);
}
