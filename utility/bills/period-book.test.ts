/** A tariff file that changes, and corrections that come, while a period is being billed. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import path from "node:path";
import { test } from "node:test";
import { openStore } from "../../config/runtime/store.ts";
import { testPlace } from "../../config/runtime/testing/store-place.ts";
import { parseTariffYaml } from "../../billing/tariffs/index.ts";
import type { MembershipRecord } from "../../protocol/messages/enrolment.ts";
import { DAY, Harness, type HarnessOptions, TARIFF, valueOf } from "../testing/harness.ts";
import { correctBills } from "./correct.ts";
import { listBills } from "./list.ts";
import type { TariffSource } from "./tariff-book.ts";

const NEXT_DAY = DAY + 96;

function sourceOf(yaml: string): TariffSource {
  const id = createHash("sha256").update(yaml).digest("hex").slice(0, 32);
  return { id, file: "new.yaml", yaml, tariff: parseTariffYaml(yaml) };
}

/** Meters 1 to 6 on f-1, the others on f-2; the first moves from f-1 to f-2 in the slot `moves` of the day. */
function moving(moves: number): Pick<HarnessOptions, "meters" | "places"> {
  const places = (meter: string): MembershipRecord["places"] => {
    if (meter !== "m-001") return [{ feeder: Number(meter.slice(2)) <= 6 ? "f-1" : "f-2", from: 0, to: null }];
    return [
      { feeder: "f-1", from: 0, to: DAY + moves },
      { feeder: "f-2", from: DAY + moves, to: null },
    ];
  };
  return { meters: 12, places };
}

async function restartWith(harness: Harness, tariff: string): Promise<void> {
  Object.assign(harness.options, { tariff });
  await harness.restart();
}

/** The day's energy of the first meter in bands that change at these hours. */
function peakOf(from: number, to: number): number {
  return Array.from({ length: 96 }, (_, i) => (i >= 4 * from && i < 4 * to ? valueOf(0, DAY + i) : 0)).reduce(
    (sum, value) => sum + value,
  );
}

for (const [what, changed] of [
  ["another name", TARIFF.replace("name: peak", "name: daytime")],
  ["other hours", TARIFF.replaceAll("08:00", "12:00")],
] as const) {
  test(`a band gets ${what} while a set is endorsed: the period is billed as it was asked for, the next one anew`, async (t) => {
    const harness = await Harness.make(t, { loadEverySlots: 96 });
    harness.fillDay();
    harness.beforeSend = ({ type, round }) => (harness.dead ||= type === "endorsed" && round.startsWith("b-"));
    harness.setSlot(DAY + 98);
    await harness.run(3);
    assert.equal(harness.dead, true);
    harness.beforeSend = () => {};
    await restartWith(harness, changed);
    await harness.run(8);
    harness.fillDay(NEXT_DAY);
    harness.setSlot(NEXT_DAY + 98);
    await harness.run(8);
    const bills = await harness.utility.db
      .selectFrom("bill_totals")
      .select(["period_start", "band", "energy_wh"])
      .where("meter_id", "=", "m-001")
      .where("position", "=", 0)
      .orderBy("period_start")
      .execute();
    assert.deepEqual(bills[0], { period_start: "2025-01-15", band: "peak", energy_wh: peakOf(8, 20) });
    assert.equal(bills[1]?.band, what === "another name" ? "daytime" : "peak");
    const tariffs = await harness.utility.db.selectFrom("bills").select("tariff_id").distinct().execute();
    assert.deepEqual(
      tariffs.map(({ tariff_id }) => tariff_id).sort(),
      [TARIFF, changed].map((yaml) => sourceOf(yaml).id).sort(),
    );
    assert.deepEqual(await harness.findings(), []);
  });
}

test("all feeders of a period are asked by the same tariff: a meter on two of them has one bill", async (t) => {
  const harness = await Harness.make(t, { loadEverySlots: 96, ...moving(48) });
  harness.fillDay();
  harness.beforeSend = ({ type, round }) => (harness.dead ||= type === "endorsed" && round.startsWith("b-f-2"));
  harness.setSlot(DAY + 98);
  // The other feeder's set is chosen by the next process.
  const handle = harness.desk.handle.bind(harness.desk);
  harness.desk.handle = async (round, ...answer) => {
    if (!round.startsWith("b-f-1")) await handle(round, ...answer);
  };
  await harness.run(3);
  assert.equal(harness.dead, true);
  harness.beforeSend = () => {};
  await restartWith(harness, TARIFF.replaceAll("08:00", "12:00"));
  await harness.run(8);
  const rows = await harness.utility.db
    .selectFrom("current_bill_totals")
    .select(["band", "energy_wh"])
    .where("meter_id", "=", "m-001")
    .where("kind", "=", "import")
    .orderBy("position")
    .execute();
  assert.deepEqual(rows[0], { band: "peak", energy_wh: peakOf(8, 20) });
  assert.deepEqual(await harness.findings(), []);
});

test("a correction outlasts energy that another feeder's round brings, unless it does not fit it", async (t) => {
  // Two versions of other prices, so that late energy of the day before has sums of its own.
  const [head = "", version = ""] = TARIFF.split("versions:\n");
  const earlier = version
    .replace("from: 2025-01-01", "from: 2025-01-01\n    to: 2025-01-16")
    .replace("200000", "210000");
  const later = version.replace("from: 2025-01-01", "from: 2025-01-16");
  const tariff = `${head}versions:\n${earlier}${later}`;
  for (const [yaml, fits] of [
    [tariff.replaceAll("400000", "300000").replaceAll("210000", "110000"), true],
    // Bands of the day before would have to be split.
    [`${head}versions:\n${earlier.replaceAll("08:00", "04:00")}${later}`, false],
  ] as const) {
    const harness = await Harness.make(t, { loadEverySlots: 96, tariff, ...moving(40) });
    const warned: string[] = [];
    Object.assign(harness.utility, { warn: (code: string, detail: string) => warned.push(`${code}: ${detail}`) });
    harness.fillDay(DAY, (meter, slot) => ["m-001", "m-002"].includes(meter) && slot >= DAY + 2 && slot < DAY + 32);
    harness.setSlot(DAY + 98);
    await harness.run(5);
    harness.fillDay();
    harness.fillDay(NEXT_DAY);
    const handle = harness.desk.handle.bind(harness.desk);
    let isHeld = true;
    harness.desk.handle = async (round, aggregator, answer, signed) => {
      if (isHeld && round.startsWith("b-f-1") && answer.type === "sums") return;
      await handle(round, aggregator, answer, signed);
    };
    harness.setSlot(NEXT_DAY + 98);
    await harness.run(8);
    await correctBills(harness.utility, { tariff: sourceOf(yaml), period: "2025-01-16", meter: "m-001", now: 0 });
    isHeld = false;
    await harness.run(20);
    const versions = await harness.utility.db
      .selectFrom("bills")
      .select(["version", "status", "tariff_id"])
      .where("meter_id", "=", "m-001")
      .where("period_start", "=", "2025-01-16")
      .orderBy("version")
      .execute();
    const expected = [tariff, yaml, tariff, ...(fits ? [yaml] : [])].map((text) => sourceOf(text).id);
    assert.deepEqual(
      versions.map(({ tariff_id }) => tariff_id),
      expected,
    );
    assert.deepEqual(
      versions.map(({ status }) => status === "final"),
      expected.map((_, i) => i === expected.length - 1),
    );
    assert.equal(warned.length, fits ? 0 : 1);
    if (!fits) assert.match(warned[0]!, /^correction-undone: m-001, from 2025-01-16: .*never released/s);
    assert.deepEqual(await harness.findings(), []);
  }
});

test("between the bills of a large correction whoever waits for the database has its turn", async (t) => {
  const harness = await Harness.make(t, { loadEverySlots: 96 });
  harness.fillDay();
  harness.setSlot(DAY + 98);
  await harness.run(3);
  const other = openStore(testPlace(path.join(harness.folder, "utility.db")), {
    synchronous: "FULL",
    busyMilliseconds: 0,
  });
  t.after(() => other.close());
  const written: number[] = [];
  const write = (done: number): void => {
    other.prepare("INSERT INTO meta (key, value) VALUES (?, '')").run(`turn ${done}`);
    written.push(done);
  };
  const progress = (done: number, of: number): void => {
    if (done < of) setTimeout(write, 50, done);
  };
  const tariff = sourceOf(TARIFF.replace("400000", "300000"));
  await correctBills({ ...harness.utility, progress, billsAtATime: 2 }, { tariff, period: "2025-01-15", now: 0 });
  assert.deepEqual(written, [2, 4]);
});

test("a correction that was cut off goes on where it stopped, and one that was done is told so", async (t) => {
  const harness = await Harness.make(t, { loadEverySlots: 96 });
  harness.fillDay();
  harness.setSlot(DAY + 98);
  await harness.run(3);
  const tariff = sourceOf(TARIFF.replace("400000", "300000"));
  const request = { tariff, period: "2025-01-15", now: 0 };
  await correctBills(harness.utility, { ...request, meter: "m-002" });
  const done: number[] = [];
  const corrected = await correctBills({ ...harness.utility, progress: (count) => done.push(count) }, request);
  assert.deepEqual([corrected.map(({ meter }) => meter).includes("m-002"), corrected.length, done], [false, 5, [5]]);
  await assert.rejects(correctBills(harness.utility, request), /all final bills of 2025-01-15 go by this one already/);
  const versions = await listBills(harness.utility.db, { allVersions: true });
  assert.equal(Math.max(...versions.map(({ version }) => version)), 2);
  assert.deepEqual(await harness.findings(), []);
});
