/**
 * What one power flow tells about every exchange of switches that is possible: closing an open switch makes a loop, and
 * opening a branch of that loop sends its current round the other way. With currents held, the change of losses follows
 * in closed form (S. Civanlar et al., IEEE Trans. Power Delivery 3 (1988)), and so do the loadings.
 */
import type { FeederProblem } from "./problem.ts";
import { clip, fine } from "./scaling.ts";

/** Columns of a choice's features; all are about -1 to 1. */
export const FEATURES = [
  "loss", // estimated change of losses, of the losses
  "lossFine", // the same on a logarithmic scale
  "behindLoop", // how far behind the best estimate of the same loop
  "behindAll", // how far behind the best estimate of all
  "rank", // by the estimate, of all choices
  "tieVoltage", // between the ends of the open switch
  "current", // of the branch that would open, of the largest
  "place", // of that branch in the loop: 0 beside the switch, 1 furthest away
  "resistance", // of the open switch, of the loop
  "overload", // estimated worst loading of the loop beyond its rating
  "justOpened", // whether the switch was opened in the last exchange
  "spent", // share of the power flows that are allowed
  "above", // cost of the configuration above the best seen
  "stop", // whether the choice is to stop
] as const;

/** Exchanges that are possible, and the choice to stop as the last one. */
export interface Choices {
  /** Positions of branches; -1 for the choice to stop. */
  readonly close: Int32Array;
  readonly open: Int32Array;
  /** Row per choice, `FEATURES.length` columns. */
  readonly features: Float64Array;
}

/** What the search itself knows. */
export interface Progress {
  /** Share of the power flows that are allowed. */
  readonly spent: number;
  readonly cost: number;
  readonly best: number;
  readonly lastOpened: number;
  /** Whether a configuration that would follow was seen already. */
  readonly seen: (close: number, open: number) => boolean;
}

/** Estimated loadings beyond this are no choice as long as there is another: 1 is the rating, the rest is for the estimate. */
const MOST_LOADING = 1.2;

/**
 * The choices from a tree that `problem` has just solved. Masked are: what is no tree, what is broken, what was seen, and
 * what would overload a branch by the estimate, unless nothing else is left.
 */
export function choicesOf(problem: FeederProblem, closed: Uint8Array, progress: Progress): Choices {
  const drafts = draftsOf(problem, closed, progress);
  const calm = drafts.rows.filter((row) => drafts.loading[row]! <= MOST_LOADING);
  const kept = calm.length > 0 ? calm : drafts.rows;
  const { change } = drafts;
  const columns = FEATURES.length;
  const count = kept.length + 1;
  const [close, open] = [new Int32Array(count).fill(-1), new Int32Array(count).fill(-1)];
  const features = new Float64Array(count * columns);
  const rank = new Int32Array(drafts.tie.length);
  const sorted = kept.slice().sort((a, b) => change[a]! - change[b]!);
  for (let i = 0; i < sorted.length; i++) rank[sorted[i]!] = i;
  const best = sorted.length > 0 ? change[sorted[0]!]! : 0;
  const above = clip(20 * (progress.cost / progress.best - 1));
  let at = 0;
  // In the order of FEATURES.
  const put = (value: number): void => {
    features[at++] = value;
  };
  for (let i = 0; i < kept.length; i++) {
    const row = kept[i]!;
    close[i] = drafts.tie[row]!;
    open[i] = drafts.branch[row]!;
    put(clip(2 * change[row]!));
    put(fine(change[row]!));
    put(fine(change[row]! - drafts.bestOfLoop[row]!));
    put(fine(change[row]! - best));
    put(1 / (1 + rank[row]!));
    put(clip(drafts.tieVoltage[row]! * 10));
    put(drafts.current[row]!);
    put(drafts.place[row]!);
    put(drafts.resistance[row]!);
    put(clip(Math.max(0, drafts.loading[row]! - 1)));
    put(Number(drafts.tie[row] === progress.lastOpened));
    put(progress.spent);
    put(above);
    put(0);
  }
  const stop = (name: (typeof FEATURES)[number], value: number): void => {
    features[kept.length * columns + FEATURES.indexOf(name)] = value;
  };
  stop("stop", 1);
  stop("spent", progress.spent);
  stop("above", above);
  stop("behindAll", kept.length > 0 ? fine(-best) : 0);
  return { close, open, features };
}

/** A row per exchange; columns as arrays, because a decision makes some thousands of rows. */
class Drafts {
  readonly tie: Int32Array;
  readonly branch: Int32Array;
  /** Of the losses. */
  readonly change: Float64Array;
  readonly bestOfLoop: Float64Array;
  readonly tieVoltage: Float64Array;
  readonly current: Float64Array;
  readonly place: Float64Array;
  readonly resistance: Float64Array;
  /** Largest of the loop by the estimate; 1 is the rating. */
  readonly loading: Float64Array;
  rows = new Int32Array(0);

  constructor(most: number) {
    this.tie = new Int32Array(most);
    this.branch = new Int32Array(most);
    const column = (): Float64Array => new Float64Array(most);
    [this.change, this.bestOfLoop, this.tieVoltage, this.current] = [column(), column(), column(), column()];
    [this.place, this.resistance, this.loading] = [column(), column(), column()];
  }
}

function draftsOf(problem: FeederProblem, closed: Uint8Array, { seen }: Progress): Drafts {
  const { graph, solver, grid } = problem;
  const { ratePu } = problem.judge;
  const { re, im, lossPu, current2 } = solver;
  const tree = graph.rooted(closed);
  const largest = Math.sqrt(current2.reduce((most, square) => Math.max(most, square), 1e-12));
  const scale = 1 / Math.max(lossPu, 1e-9);
  const loops = graph.openOf(closed).map((tie) => ({ tie, ...graph.loopOf(tree, tie) }));
  const drafts = new Drafts(loops.reduce((sum, { branches }) => sum + branches.length, 0));
  let row = 0;
  for (const { tie, branches, signs } of loops) {
    const length = branches.length;
    // The current of each branch round the loop, in the direction of the tie.
    const [aRe, aIm] = [new Float64Array(length), new Float64Array(length)];
    const ofTie = grid.branches[tie]!.rPu;
    let [sumRe, sumIm, resistance, rated] = [0, 0, ofTie, false];
    for (let k = 0; k < length; k++) {
      const branch = branches[k]!;
      const { rPu, xPu } = grid.branches[branch]!;
      const from = graph.from[branch]!;
      const to = graph.to[branch]!;
      const dRe = re[from]! - re[to]!;
      const dIm = im[from]! - im[to]!;
      const y = signs[k]! / (rPu * rPu + xPu * xPu);
      aRe[k] = (dRe * rPu + dIm * xPu) * y;
      aIm[k] = (dIm * rPu - dRe * xPu) * y;
      sumRe += rPu * aRe[k]!;
      sumIm += rPu * aIm[k]!;
      resistance += rPu;
      rated ||= ratePu[branch]! < Number.POSITIVE_INFINITY;
    }
    const dRe = re[graph.from[tie]!]! - re[graph.to[tie]!]!;
    const dIm = im[graph.from[tie]!]! - im[graph.to[tie]!]!;
    const tieVoltage = Math.sqrt(dRe * dRe + dIm * dIm);
    const first = row;
    let best = Number.POSITIVE_INFINITY;
    for (let m = 0; m < length; m++) {
      const branch = branches[m]!;
      if (graph.keptClosed[branch] === 1 || seen(tie, branch)) continue;
      const bRe = -aRe[m]!;
      const bIm = -aIm[m]!;
      const square = bRe * bRe + bIm * bIm;
      let loading2 = square / (ratePu[tie]! * ratePu[tie]!);
      for (let k = 0; rated && k < length; k++) {
        const rate = ratePu[branches[k]!]!;
        const cRe = aRe[k]! + bRe;
        const cIm = aIm[k]! + bIm;
        loading2 = Math.max(loading2, (cRe * cRe + cIm * cIm) / (rate * rate));
      }
      const change = (2 * (bRe * sumRe + bIm * sumIm) + square * resistance) * scale;
      if (change < best) best = change;
      drafts.tie[row] = tie;
      drafts.branch[row] = branch;
      drafts.change[row] = change;
      drafts.tieVoltage[row] = tieVoltage;
      drafts.current[row] = Math.sqrt(square) / largest;
      drafts.place[row] = Math.min(m, length - 1 - m) / Math.max(1, (length - 1) / 2);
      drafts.resistance[row] = ofTie / Math.max(resistance, 1e-12);
      drafts.loading[row] = Math.sqrt(loading2);
      row += 1;
    }
    drafts.bestOfLoop.fill(best, first, row);
  }
  drafts.rows = Int32Array.from({ length: row }, (_, i) => i);
  return drafts;
}
