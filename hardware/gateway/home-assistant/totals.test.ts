import assert from "node:assert/strict";
import { test } from "node:test";
import Database from "better-sqlite3";
import fc from "fast-check";
import { Totals } from "./totals.ts";

test("a total begins as the register and follows it", () => {
  const totals = new Totals(new Database(":memory:"));
  assert.equal(totals.register("m import", 5_000, 0, 1), 5_000);
  assert.equal(totals.register("m import", 5_400, 10, 1), 5_400);
});

test("an exchanged or reset meter goes on from where the total was", () => {
  const totals = new Totals(new Database(":memory:"));
  totals.register("m", 5_000_000, 0, 1);
  assert.equal(totals.register("m", 3, 10, 1), 5_000_000);
  assert.equal(totals.register("m", 10, 20, 1), 5_000_007);
  assert.equal(totals.register("m", 80_000_000, 30, 1), 5_000_007, "a meter with a higher register is no spike");
  assert.equal(totals.register("m", 80_000_500, 40, 1), 5_000_507);
});

test("a total never dips, whatever the register does and whenever the process starts anew", () => {
  const step = fc.record({ register: fc.nat(10_000_000), seconds: fc.nat(1_000), restart: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
      const database = new Database(":memory:");
      let totals = new Totals(database);
      let time = 0;
      let before = -1;
      for (const { register, seconds, restart } of steps) {
        if (restart) totals = new Totals(database);
        time += seconds;
        const total = totals.register("m", register, time, 10);
        assert.ok(before < 0 || (total >= before && total - before <= 1_000 + 10 * 10_000_000));
        before = total;
      }
    }),
  );
});

test("a slot is added once, in the order of time", () => {
  const database = new Database(":memory:");
  const totals = new Totals(database);
  assert.equal(totals.slot("f", 900, 50), 50);
  assert.equal(totals.slot("f", 900, 50), undefined);
  assert.equal(new Totals(database).slot("f", 1_800, 25), 75);
  assert.equal(totals.slot("f", 900, 50), undefined);
});
