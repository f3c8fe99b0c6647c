import assert from "node:assert/strict";
import { test } from "node:test";
import { alertGroups, othersOf, waiting } from "./alert-groups.ts";

const alert = (rule: string, element: string, more: object) => ({
  ...{ id: `${rule} ${element}`, rule, element, text: element, since: 10, worst: 1, above: 0, below: null },
  ...{ severity: "warning" as const, state: "firing" as const },
  ...more,
});
const low = (bus: number, worst: number, more = {}) =>
  alert("low-voltage", `bus:${bus}`, { worst, above: null, below: 0.95, ...more });

test("what is critical stands above newer warnings, and one dip is one entry that names its worst bus", () => {
  const groups = alertGroups([
    low(31, 0.948, { since: 30 }),
    low(18, 0.913, { since: 20 }),
    low(17, 0.914),
    alert("outage", "grid", { severity: "critical" as const, since: 5 }),
    low(9, 0.94, { state: "acknowledged" as const }),
  ]);
  assert.deepEqual(
    groups.map(({ alerts, since }) => [alerts.map(({ id }) => id), since]),
    [
      [["outage grid"], 5],
      [["low-voltage bus:18", "low-voltage bus:17", "low-voltage bus:31"], 10],
      [["low-voltage bus:9"], 10],
    ],
  );
  assert.deepEqual(groups.map(othersOf), ["", "and 2 more buses", ""]);
});

test("others are counted in words of their kind", () => {
  const [branches] = alertGroups([1, 2].map((id) => alert("overload", `branch:${id}`, { worst: 100 + id })));
  assert.equal(branches?.alerts[0].id, "overload branch:2");
  assert.equal(othersOf(branches), "and 1 more branch");
  const [notices] = alertGroups(["a", "b", "c"].map((code) => alert("notice", code, {})));
  assert.equal(othersOf(notices!), "and 2 more");
});

test("the menu counts what nobody has seen to, and knows the worst of it", () => {
  const acknowledged = { severity: "critical" as const, state: "acknowledged" as const };
  assert.deepEqual(waiting([acknowledged, low(1, 0.9), low(2, 0.9)]), { count: 2, severity: "warning" });
  assert.deepEqual(waiting([acknowledged]), { count: 0, severity: undefined });
});
