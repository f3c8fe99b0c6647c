/** Shares against ciphertexts: what agrees, what differs, and which of the two is said to be wrong. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { HeChecksTable } from "../store/opened-tables.ts";
import { plainCircuit } from "./plain.ts";
import { type BedJob, DAY, day, OpenedBed, type Readings, SLOT_SECONDS, SLOTS } from "./testing/opened-bed.ts";

async function checkOf(bed: OpenedBed, { job }: BedJob): Promise<HeChecksTable> {
  return await bed.db.selectFrom("he_checks").selectAll().where("job", "=", job).executeTakeFirstOrThrow();
}

const alertsOf = (bed: OpenedBed): string[] =>
  bed.published
    .filter(([topic]) => topic === "wv/1/pub/alert/cross-check")
    .map(([, text]) => (JSON.parse(text) as { code: string }).code);

/** The same readings, but for one meter in some slots. */
function changed(readings: Readings, by: number, slots: readonly number[]): Map<string, number[]> {
  const copy = new Map([...readings].map(([meter, values]) => [meter, [...values]]));
  for (const slot of slots) copy.get("m-002")![slot]! += by;
  return copy;
}

test("loads of shares and opened sums agree within the bound; loads that come later are compared later", async (t) => {
  const bed = await OpenedBed.make(t);
  const job = bed.compute(day());
  await bed.openAll(job);
  const waiting = await checkOf(bed, job);
  assert.deepEqual([waiting.status, waiting.agree, waiting.slots_waiting], ["waiting", null, SLOTS]);
  await bed.release(day(), (row, i) => (i < 90 ? row : { ...row, energy_wh: null, status: "too-few-meters" }));
  const most = await checkOf(bed, job);
  assert.deepEqual([most.status, most.slots_compared, most.slots_waiting], ["agree", 90, 6]);
  await bed.release(day());
  const all = await checkOf(bed, job);
  assert.deepEqual([all.status, all.agree, all.slots_compared, all.slots_waiting], ["agree", 1, SLOTS, 0]);
  assert.ok(all.largest_difference! <= all.bound! && all.bound! < 0.5, `${all.largest_difference} of ${all.bound}`);
  assert.deepEqual(alertsOf(bed), []);
});

test("a meter that encrypts something else than it shares is noticed: confirmed shares, consistent opening", async (t) => {
  const bed = await OpenedBed.make(t);
  const readings = day();
  await bed.release(readings);
  const job = bed.compute(changed(readings, 3, [40, 41]));
  await bed.openAll(job);
  const check = await checkOf(bed, job);
  assert.deepEqual(
    [check.status, check.agree, check.slots_differing, check.spare_answers, check.slots_compared],
    ["meters", 0, 2, 1, SLOTS],
  );
  assert.ok(Math.abs(check.largest_difference! - 3) < 0.5);
  assert.ok([40, 41].includes(check.differs_at! / SLOT_SECONDS - DAY));
  assert.match(check.reason, /^spare answers confirm the load from shares/);
  assert.deepEqual(alertsOf(bed), ["cross-check-meters"]);
});

test("without a spare answer nobody can say which path is wrong, and that is what is said", async (t) => {
  const bed = await OpenedBed.make(t);
  const readings = day();
  // The loads come after the opening, and from shares that one aggregator changed.
  const job = bed.compute(readings);
  await bed.openAll(job);
  await bed.release(changed(readings, 5, [7]), (row, i) => ({ ...row, spare_answers: i === 7 ? 0 : 1 }));
  const check = await checkOf(bed, job);
  assert.deepEqual([check.status, check.spare_answers, check.slots_differing], ["unknown", 0, 1]);
  assert.match(check.reason, /it cannot be said which path is wrong/);
  await bed.opened.loadsReleased();
  assert.deepEqual(alertsOf(bed), ["cross-check-unknown"], "told once");
});

test("a wrong share shows as a load that its meters cannot use, or as answers that contradict each other", async (t) => {
  const bed = await OpenedBed.make(t);
  const readings = day();
  const job = bed.compute(readings);
  await bed.openAll(job);
  await bed.release(readings, (row, i) => (i === 3 ? { ...row, energy_wh: 7e14, spare_answers: 0 } : row));
  const impossible = await checkOf(bed, job);
  assert.deepEqual([impossible.status, impossible.slots_differing], ["shares", 1]);
  assert.equal(impossible.differs_at, (DAY + 3) * SLOT_SECONDS);

  const second = bed.compute(readings, { feeders: ["f-2"] });
  await bed.openAll(second);
  const failed = { energy_wh: null, spare_answers: null, status: "inconsistent-sums" };
  await bed.release(readings, (row, i) => (i < 10 ? { ...row, ...failed } : row), "f-2");
  const contradicted = await checkOf(bed, second);
  assert.deepEqual([contradicted.status, contradicted.agree, contradicted.slots_differing], ["shares", 0, 10]);
  assert.deepEqual(alertsOf(bed), ["cross-check-shares", "cross-check-shares"]);
});

test("a ciphertext that is no repeated window shows where zeros belong: the ciphertexts are wrong", async (t) => {
  const bed = await OpenedBed.make(t);
  const readings = day();
  await bed.release(readings);
  const honest = [...readings.values()].map((values) => bed.encrypt(values));
  // Its plaintext has values in the slots behind the window.
  const whole = bed.encrypt([...readings.get("m-002")!, ...Array.from({ length: 32 }, () => 40)]);
  honest[1] = bed.relabel(whole, SLOTS);
  const job = bed.compute(readings, {}, honest);
  await bed.openAll(job);
  const check = await checkOf(bed, job);
  assert.deepEqual([check.status, check.agree, check.largest_difference], ["ciphertexts", 0, null]);
  assert.match(check.reason, /the ciphertext path is wrong/);
  assert.deepEqual(alertsOf(bed), ["cross-check-ciphertexts"]);
});

test("several feeders are compared with the sum of their loads, linear circuits with what loads give", async (t) => {
  const bed = await OpenedBed.make(t);
  const [first, second] = [day(3, 1), day(3, 4)];
  await bed.release(first);
  await bed.release(second, undefined, "f-2");
  const both = new Map([...first, ...second]);
  const feeders = ["f-1", "f-2"];
  for (const [circuit, parameters] of [
    ["sum", {}],
    ["mean", {}],
    ["profile", {}],
  ] as const) {
    const job = bed.compute(both, { circuit, parameters, feeders });
    await bed.openAll(job);
    const check = await checkOf(bed, job);
    assert.deepEqual([check.status, check.feeders, check.slots_compared], ["agree", "f-1,f-2", SLOTS], circuit);
  }
  const one = bed.compute(both, { feeders: ["f-1"] });
  await bed.openAll(one);
  assert.equal((await checkOf(bed, one)).status, "meters", "the control: the loads of one feeder are not both");
});

test("the plain circuits are linear in the loads, and their slots come out in order", () => {
  const loads = fc.array(fc.integer({ min: 0, max: 1_000_000 }), { minLength: 8, maxLength: 8 });
  const weights = [3, 1, 4, 1, 5, 9, 2, 6];
  const linear: [string, Record<string, unknown>][] = [
    ["sum", {}],
    ["mean", {}],
    ["total", {}],
    ["mean-over-time", {}],
    ["trend", {}],
    ["affine", { factor: 3, offset: 0 }],
    ["affine-vector", { factors: weights, offsets: weights.map(() => 0) }],
    ["weighted-sum", { weights }],
    ["moving-average", { window: 3 }],
  ];
  for (const [name, parameters] of linear) {
    const { values } = plainCircuit(name)!;
    const run = (of: readonly number[]): number[] => Object.values(values(of, () => 4, parameters)).flat();
    fc.assert(
      fc.property(loads, loads, (a, b) => {
        const [x, y, z] = [run(a), run(b), run(a.map((value, i) => value + b[i]!))];
        assert.ok(
          z.every((value, i) => Math.abs(value - x[i]! - y[i]!) < 1e-3),
          name,
        );
      }),
      { numRuns: 20 },
    );
  }
  const rising = [0, 2, 4, 6, 8, 10, 12, 14];
  assert.deepEqual(
    plainCircuit("trend")!.values(rising, () => 1, {}),
    { slope: [2], intercept: [0] },
  );
  assert.deepEqual(
    plainCircuit("moving-average")!.values([1, 3, 5], () => 1, { window: 2 }),
    { averages: [2, 4] },
  );
  assert.equal(plainCircuit("variance"), undefined);
  assert.equal(plainCircuit("constructor"), undefined);
});
