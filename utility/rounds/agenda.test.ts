/** What is due when: windows, period ends, second chances and bills. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { nextDue, type Progress } from "./agenda.ts";

const SETTINGS = { loadEverySlots: 4, loadGraceSlots: 1, billingGraceSlots: 2, maxLoadSlots: () => 50 };
const PERIOD = { from: 90, to: 186 };
const START: Progress = { loadTo: 90, sweptTo: 90, billedTo: 90 };

test("a load window is due when its last slot has ended and the grace is over", () => {
  assert.equal(nextDue(START, PERIOD, 92, SETTINGS), undefined);
  assert.deepEqual(nextDue(START, PERIOD, 93, SETTINGS), { kind: "load", range: { from: 90, to: 92 } });
  assert.deepEqual(nextDue(START, PERIOD, 98, SETTINGS), { kind: "load", range: { from: 90, to: 96 } });
});

test("the last slots of a period do not wait for a window that reaches into the next one", () => {
  const progress = { ...START, loadTo: 184 };
  assert.deepEqual(nextDue(progress, PERIOD, 187, SETTINGS), { kind: "load", range: { from: 184, to: 186 } });
});

test("after its grace a period is swept, then billed", () => {
  const progress = { ...START, loadTo: 186 };
  assert.deepEqual(nextDue(progress, PERIOD, 188, SETTINGS), { kind: "sweep", range: PERIOD });
  assert.deepEqual(nextDue({ ...progress, sweptTo: 186 }, PERIOD, 188, SETTINGS), { kind: "billing", range: PERIOD });
});

test("loads follow one another without gap or overlap, whatever the pace of time", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 40 }), (steps) => {
      let progress = START;
      let now = 90;
      for (const step of steps) {
        now += step;
        for (let due = nextDue(progress, PERIOD, now, SETTINGS); due?.kind === "load"; ) {
          assert.equal(due.range.from, progress.loadTo);
          assert.ok(due.range.to > due.range.from && due.range.to <= now - 1);
          assert.ok(due.range.to - due.range.from <= SETTINGS.maxLoadSlots());
          assert.ok(!(due.range.from < PERIOD.to && due.range.to > PERIOD.to));
          progress = { ...progress, loadTo: due.range.to };
          due = nextDue(progress, PERIOD, now, SETTINGS);
        }
      }
    }),
  );
});
