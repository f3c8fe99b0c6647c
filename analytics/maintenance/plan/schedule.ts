/**
 * Which job in which week, at the least expected cost, when a crew has so many hours a week (a generalised assignment
 * problem). Lagrangian prices on hours bound the cost from below and lead a greedy choice, which exchanges improve; a
 * branch and bound under the same prices then proves the optimum, or leaves a stated gap.
 */
import type { Job, Option } from "./options.ts";

export interface Schedule {
  /** For each job, the index of its option. */
  readonly chosen: readonly number[];
  readonly cost: number;
  /** No schedule costs less. */
  readonly bound: number;
  /** (cost - bound) / cost, 0 where the optimum is proved. */
  readonly gap: number;
  readonly optimal: boolean;
  /** Crew hours used in each week. */
  readonly hours: readonly number[];
  /** Steps of the branch and bound. */
  readonly nodes: number;
}

export interface ScheduleOptions {
  readonly weeks: number;
  readonly hoursPerWeek: number;
  readonly mostNodes?: number;
}

const STEPS = 300;
/** Differences below this share of the cost are not searched for. */
const NEGLIGIBLE = 1e-9;

export function schedule(
  jobs: readonly Job[],
  { weeks, hoursPerWeek, mostNodes = 200_000 }: ScheduleOptions,
): Schedule {
  if (!(hoursPerWeek >= 0)) throw new RangeError(`hoursPerWeek: expected 0 or more, got ${hoursPerWeek}`);
  for (const { asset, options } of jobs) {
    if (options[0]?.hours !== 0) throw new RangeError(`${asset}: expected nothing to be done as its first option`);
    const late = options.find(({ week }) => week >= weeks || week < 0);
    if (late !== undefined) throw new RangeError(`${asset}: expected weeks from 0 to ${weeks - 1}, got ${late.week}`);
  }
  const relaxed = relax(jobs, weeks, hoursPerWeek);
  const first = improve(jobs, greedy(jobs, relaxed.prices, weeks, hoursPerWeek), weeks, hoursPerWeek);
  const search = new Search(jobs, relaxed.prices, hoursPerWeek, first, mostNodes);
  const done = search.run();
  const cost = costOf(jobs, search.best);
  const bound = done ? cost : Math.min(relaxed.bound, cost);
  return {
    chosen: search.best,
    cost,
    bound,
    gap: cost === 0 ? 0 : (cost - bound) / cost,
    optimal: done || cost - bound <= NEGLIGIBLE * cost,
    hours: hoursOf(jobs, search.best, weeks),
    nodes: search.nodes,
  };
}

const costOf = (jobs: readonly Job[], chosen: readonly number[]): number =>
  jobs.reduce((sum, { options }, i) => sum + options[chosen[i]!]!.cost, 0);

function hoursOf(jobs: readonly Job[], chosen: readonly number[], weeks: number): number[] {
  const hours = new Array<number>(weeks).fill(0);
  for (const [i, { options }] of jobs.entries()) {
    const { week, hours: taken } = options[chosen[i]!]!;
    hours[week]! += taken;
  }
  return hours;
}

const priced = ({ cost, hours, week }: Option, prices: Float64Array): number => cost + prices[week]! * hours;

function cheapest({ options }: Job, prices: Float64Array): number {
  let best = 0;
  for (let i = 1; i < options.length; i++) if (priced(options[i]!, prices) < priced(options[best]!, prices)) best = i;
  return best;
}

/** Prices of an hour in each week that make the bound as high as subgradient steps get it. */
function relax(jobs: readonly Job[], weeks: number, limit: number): { bound: number; prices: Float64Array } {
  const prices = new Float64Array(weeks);
  let best = { bound: -Infinity, prices: prices.slice() };
  // What a week's hours save at most sets the scale of the steps.
  const saved = jobs.map(({ options }) =>
    options.reduce((most, { cost, hours }) => Math.max(most, hours === 0 ? 0 : (options[0]!.cost - cost) / hours), 0),
  );
  const scale = Math.max(...saved, 0);
  for (let step = 0; step < STEPS; step++) {
    let bound = -limit * prices.reduce((sum, price) => sum + price, 0);
    const slope = new Float64Array(weeks).fill(-limit);
    for (const job of jobs) {
      const option = job.options[cheapest(job, prices)]!;
      bound += priced(option, prices);
      slope[option.week]! += option.hours;
    }
    if (bound > best.bound) best = { bound, prices: prices.slice() };
    const length = Math.hypot(...slope);
    if (length === 0 || scale === 0) break;
    const stride = (scale * 0.5) / (1 + step / 6) / length;
    for (let week = 0; week < weeks; week++) prices[week] = Math.max(0, prices[week]! + stride * slope[week]!);
  }
  return best;
}

/** Who loses most by not getting the option that is cheapest under the prices comes first. */
function greedy(jobs: readonly Job[], prices: Float64Array, weeks: number, limit: number): number[] {
  const left = new Array<number>(weeks).fill(limit);
  const chosen = jobs.map(() => 0);
  const gain = jobs.map((job) => {
    const { cost, hours } = job.options[cheapest(job, prices)]!;
    return hours === 0 ? 0 : (job.options[0]!.cost - cost) / hours;
  });
  const order = jobs.map((_, i) => i).sort((a, b) => gain[b]! - gain[a]!);
  for (const i of order) {
    const { options } = jobs[i]!;
    for (const [k, { hours, week }] of options.entries()) {
      if (hours > left[week]!) continue;
      if (priced(options[k]!, prices) < priced(options[chosen[i]!]!, prices)) chosen[i] = k;
    }
    const taken = options[chosen[i]!]!;
    left[taken.week]! -= taken.hours;
  }
  return chosen;
}

/** Takes every better option that fits, also where another job has to give way to its own next best. */
function improve(jobs: readonly Job[], start: readonly number[], weeks: number, limit: number): number[] {
  const chosen = [...start];
  const hours = hoursOf(jobs, chosen, weeks);
  const change = (i: number, k: number): void => {
    const [old, next] = [jobs[i]!.options[chosen[i]!]!, jobs[i]!.options[k]!];
    hours[old.week]! -= old.hours;
    hours[next.week]! += next.hours;
    chosen[i] = k;
  };
  const fits = (): boolean => hours.every((used) => used <= limit + 1e-9);
  const active = jobs.map((_, i) => i).filter((i) => jobs[i]!.options.length > 1);
  for (let improved = true, round = 0; improved && round < 20; round++) {
    improved = false;
    for (const i of active) {
      for (const [k, option] of jobs[i]!.options.entries()) {
        const before = chosen[i]!;
        const gain = jobs[i]!.options[before]!.cost - option.cost;
        if (gain <= 1e-9) continue;
        change(i, k);
        if (fits() || displaced(i, option.week, gain)) improved = true;
        else change(i, before);
      }
    }
  }
  return chosen;

  /** Another job of the week moves to where it fits, at less than what is gained. */
  function displaced(i: number, week: number, gain: number): boolean {
    for (const other of active) {
      const now = chosen[other]!;
      const current = jobs[other]!.options[now]!;
      if (other === i || current.week !== week || current.hours === 0) continue;
      for (const [k, { cost }] of jobs[other]!.options.entries()) {
        if (k === now || cost - current.cost >= gain - 1e-9) continue;
        change(other, k);
        if (fits()) return true;
        change(other, now);
      }
    }
    return false;
  }
}

class Search {
  best: number[];
  nodes = 0;
  readonly #jobs: readonly Job[];
  readonly #prices: Float64Array;
  readonly #mostNodes: number;
  /** Jobs in the order in which they are decided, and the least that those from each on can cost under the prices. */
  readonly #order: number[];
  readonly #least: Float64Array;
  readonly #left: Float64Array;
  readonly #current: number[];
  #bestCost: number;

  constructor(jobs: readonly Job[], prices: Float64Array, limit: number, start: readonly number[], mostNodes: number) {
    this.#jobs = jobs;
    this.#prices = prices;
    this.#mostNodes = mostNodes;
    this.best = [...start];
    this.#bestCost = costOf(jobs, start);
    this.#current = jobs.map(() => 0);
    this.#left = new Float64Array(prices.length).fill(limit);
    const least = jobs.map((job) => priced(job.options[cheapest(job, prices)]!, prices));
    const stake = jobs.map(({ options }, i) => options[0]!.cost - least[i]!);
    this.#order = jobs.map((_, i) => i).sort((a, b) => stake[b]! - stake[a]!);
    this.#least = new Float64Array(jobs.length + 1);
    for (let i = jobs.length - 1; i >= 0; i--) this.#least[i] = this.#least[i + 1]! + least[this.#order[i]!]!;
  }

  /** False where the limit of nodes ended it. */
  run(): boolean {
    return this.#decide(0, 0);
  }

  #decide(depth: number, cost: number): boolean {
    if (++this.nodes > this.#mostNodes) return false;
    // Hours that are still free, at their price, are what the bound gives back.
    let bound = cost + this.#least[depth]!;
    for (let week = 0; week < this.#prices.length; week++) bound -= this.#prices[week]! * this.#left[week]!;
    if (bound >= this.#bestCost - NEGLIGIBLE * this.#bestCost) return true;
    if (depth === this.#order.length) {
      if (cost >= this.#bestCost) return true;
      this.#bestCost = cost;
      this.best = [...this.#current];
      return true;
    }
    const at = this.#order[depth]!;
    const { options } = this.#jobs[at]!;
    const tried = options.map((option, k) => ({ option, k, worth: priced(option, this.#prices) }));
    tried.sort((a, b) => a.worth - b.worth);
    for (const { option, k } of tried) {
      if (option.hours > this.#left[option.week]! + 1e-9) continue;
      this.#left[option.week]! -= option.hours;
      this.#current[at] = k;
      const done = this.#decide(depth + 1, cost + option.cost);
      this.#left[option.week]! += option.hours;
      if (!done) return false;
    }
    return true;
  }
}
