/** Schedules against all that there are, on instances small enough to enumerate; bounds on larger ones. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "../../grid/random.ts";
import type { Job, Option } from "./options.ts";
import { schedule } from "./schedule.ts";

function jobsOf(seed: number, count: number, weeks: number): Job[] {
  const random = new SeededRandom(seed);
  return Array.from({ length: count }, (_, i) => {
    const nothing = random.uniform(50, 1_000);
    const hours = 5 + random.below(12);
    const options: Option[] = [{ week: 0, hours: 0, cost: nothing }];
    for (let week = 0; week < weeks; week++) {
      options.push({ action: "service", week, hours, cost: nothing * random.uniform(0.1, 1.1) });
      options.push({ action: "replacement", week, hours: 2 * hours, cost: nothing * random.uniform(0, 1.1) });
    }
    return { asset: `A${i}`, options };
  });
}

/** The least cost by trying everything. */
function least(jobs: readonly Job[], left: number[], at = 0): number {
  if (at === jobs.length) return 0;
  let best = Infinity;
  for (const { week, hours, cost } of jobs[at]!.options) {
    if (hours > left[week]!) continue;
    left[week]! -= hours;
    best = Math.min(best, cost + least(jobs, left, at + 1));
    left[week]! += hours;
  }
  return best;
}

test("small instances are solved to the optimum that enumeration finds", () => {
  for (let seed = 1; seed <= 15; seed++) {
    const jobs = jobsOf(seed, 5, 2);
    const hoursPerWeek = 12 + seed;
    const plan = schedule(jobs, { weeks: 2, hoursPerWeek });
    assert.ok(plan.optimal && plan.gap === 0);
    assert.ok(Math.abs(plan.cost - least(jobs, [hoursPerWeek, hoursPerWeek])) < 1e-6, `seed ${seed}: ${plan.cost}`);
    assert.ok(plan.hours.every((hours) => hours <= hoursPerWeek));
  }
});

test("a search that is cut short states a gap that holds", () => {
  const jobs = jobsOf(99, 8, 2);
  const cut = schedule(jobs, { weeks: 2, hoursPerWeek: 30, mostNodes: 1 });
  const best = least(jobs, [30, 30]);
  assert.ok(cut.bound <= best + 1e-9 && best <= cut.cost + 1e-9, `${cut.bound} ${best} ${cut.cost}`);
  assert.ok(cut.gap < 0.3, `gap ${cut.gap}`);
});

test("without a crew nothing is done, and a wrong instance is refused", () => {
  const jobs = jobsOf(5, 6, 3);
  const plan = schedule(jobs, { weeks: 3, hoursPerWeek: 0 });
  assert.ok(plan.chosen.every((option) => option === 0) && plan.optimal);
  assert.throws(() => schedule(jobs, { weeks: 2, hoursPerWeek: 9 }), /A0: expected weeks from 0 to 1, got 2/);
  assert.throws(() => schedule(jobs, { weeks: 3, hoursPerWeek: -1 }), /hoursPerWeek: expected 0 or more, got -1/);
});
