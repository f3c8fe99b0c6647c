import assert from "node:assert/strict";
import { test } from "node:test";
import { type BalanceAlert, type DetectorSettings, NEW_DETECTOR, watch } from "./detector.ts";

const SETTINGS: DetectorSettings = {
  ...{ slotSeconds: 900, blockSlots: 4, learnDays: 7, falseAlarmsPerYear: 0.2 },
  ...{ toleranceW: 5, toleranceShare: 0.003, startShare: 0.02 },
};
const PER_DAY = 96;

/** A seeded stream of numbers that look normal: sums of twelve uniform ones (Marsaglia's multiply with carry below). */
function normals(seed: number): () => number {
  let state = BigInt(seed) * 0x9e3779b97f4a7c15n + 1n;
  const uniform = (): number => {
    state = (state & 0xffffffffn) * 4294957665n + (state >> 32n);
    return Number(state & 0xffffffffn) / 2 ** 32;
  };
  return () => Array.from({ length: 12 }, uniform).reduce((sum, value) => sum + value, -6);
}

/** Alerts of a feeder of 4 kW, more by day than by night, whose residual is noise, a proportional error, and `added` watts. */
function alertsOf(days: number, added: (day: number, slot: number) => number | undefined, seed = 1): BalanceAlert[] {
  const normal = normals(seed);
  const alerts: BalanceAlert[] = [];
  let kept = NEW_DETECTOR;
  for (let slot = 0; slot < days * PER_DAY; slot++) {
    const loadW = 4_000 + 2_500 * Math.sin((2 * Math.PI * slot) / PER_DAY) + 200 * normal();
    const more = added(slot / PER_DAY, slot);
    const residualWh = more === undefined ? undefined : (12 + 0.002 * loadW + more + 12 * normal()) / 4;
    const given = { slot, residualWh, importWh: loadW / 4, exportWh: 0, meters: 10 };
    const { state, alerts: found } = watch(kept, given, SETTINGS);
    alerts.push(...found);
    // As the database keeps it, now and then.
    kept = slot % 50 === 0 ? (JSON.parse(JSON.stringify(state)) as typeof state) : state;
  }
  return alerts;
}

test("an honest feeder is quiet for months, whatever the seed", () => {
  for (const seed of [1, 2, 3])
    assert.deepEqual(
      alertsOf(91, () => 0, seed),
      [],
    );
});

test("a bypass is an imbalance: since when, how soon, how large", () => {
  const [alert, ...more] = alertsOf(40, (day) => (day >= 20 ? 120 : 0));
  assert.deepEqual(more, []);
  assert.equal(alert!.kind, "imbalance");
  assert.ok(Math.abs(alert!.since / PER_DAY - 20) < 0.25, `since day ${alert!.since / PER_DAY}`);
  assert.ok(alert!.detected / PER_DAY < 21);
  assert.ok(Math.abs(alert!.sizeW! - 120) < 20, `${alert!.sizeW} W`);
});

test("less through the head than through the meters is one, too, with a size below 0", () => {
  const [alert] = alertsOf(40, (day) => (day >= 20 ? -120 : 0));
  assert.equal(alert!.kind, "imbalance");
  assert.ok(alert!.sizeW! < -90);
});

test("what grows slowly is a drift, since about when it began", () => {
  const [alert] = alertsOf(80, (day) => Math.max(0, 3 * (day - 30)));
  assert.equal(alert!.kind, "drift");
  const since = alert!.since / PER_DAY;
  assert.ok(since >= 25 && since < 40, `since day ${since}`);
});

test("what was there from the beginning is found where it is more than models and meters err by", () => {
  assert.deepEqual(
    alertsOf(30, () => 40),
    [],
  );
  const [alert] = alertsOf(30, () => 300);
  assert.equal(alert!.kind, "imbalance");
  assert.equal(alert!.since, 0);
});

test("one slot that fits nothing is a jump, and no imbalance", () => {
  const alerts = alertsOf(30, (_day, slot) => (slot === 20 * PER_DAY + 5 ? -6_000 : 0));
  assert.deepEqual(
    alerts.map(({ kind, since }) => ({ kind, since })),
    [{ kind: "jump", since: 20 * PER_DAY + 5 }],
  );
});

test("a slot without balance each night is more than usual; one long failure is one gap, and told after a day", () => {
  const nightly = alertsOf(90, (day, slot) => (day >= 20 && slot % PER_DAY === 12 ? undefined : 0));
  assert.deepEqual(
    nightly.map(({ kind }) => kind),
    ["gaps"],
  );
  const failure = alertsOf(60, (day) => (day >= 20 && day < 20.9 ? undefined : 0));
  assert.deepEqual(failure, []);
  const long = alertsOf(60, (day) => (day >= 20 && day < 24 ? undefined : 0));
  assert.deepEqual(
    long.map(({ kind, since, detected }) => ({ kind, since, detected })),
    [{ kind: "gaps", since: 20 * PER_DAY, detected: 21 * PER_DAY - 1 }],
  );
});

test("an alert that goes on is told once, and again when it comes again", () => {
  const twice = alertsOf(90, (day) => ((day >= 20 && day < 30) || day >= 60 ? 200 : 0));
  assert.equal(twice.length, 2);
  assert.ok((twice[1]?.since ?? 0) >= 59 * PER_DAY);
});

test("refuses a slot of the past", () => {
  const slot = { slot: 5, residualWh: 0, importWh: 1, exportWh: 0, meters: 5 };
  const { state } = watch(NEW_DETECTOR, slot, SETTINGS);
  assert.throws(() => watch(state, slot, SETTINGS), /slot: expected 6 or later, got 5/);
});
