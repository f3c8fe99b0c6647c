/**
 * A file of readings made elsewhere, replayed through the whole system by its command: what ends in utility.db is what
 * plain arithmetic over the file and the printed tariff gives.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { query, runFleet, temporaryFolder } from "./testing/command.ts";
import { plainBill, plainLoads, type Reading } from "./testing/plain-bill.ts";

const SLOT = 900;
/** 28 March to 1 April 2025 in Berlin, Friday to Monday: clocks go forward inside, so it has 380 quarter hours. */
const FROM = Date.parse("2025-03-28T00:00:00+01:00") / 1000;
const TO = Date.parse("2025-04-01T00:00:00+02:00") / 1000;
const GAP = { meter: "home-03", from: FROM + 70 * SLOT, to: FROM + 110 * SLOT };

/** Half-way through this meter moves from the north to the south. */
const MOVE = { meter: "home-08", at: FROM + 180 * SLOT };

/**
 * Readings of a made-up file: 20 meters on three feeders, some with generation, one with a gap of ten hours, and one
 * that moves.
 */
function readingsOfFourDays(): Reading[] {
  let state = 12345;
  const draw = (below: number): number => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor((state / 2147483648) * below);
  };
  const meters = Array.from({ length: 20 }, (_, i) => ({
    meter: `home-${String(i + 1).padStart(2, "0")}`,
    feeder: i < 8 ? "north" : i < 15 ? "south" : "west",
    exports: i < 6,
  }));
  const readings: Reading[] = [];
  for (let start = FROM; start < TO; start += SLOT) {
    for (const { meter, feeder, exports } of meters) {
      const inGap = meter === GAP.meter && start >= GAP.from && start < GAP.to;
      const here = meter === MOVE.meter && start >= MOVE.at ? "south" : feeder;
      const reading = { meter, feeder: here, start, importWh: draw(900), exportWh: exports ? draw(400) : 0 };
      if (!inGap) readings.push(reading);
    }
  }
  return readings;
}

function csvOf(readings: readonly Reading[]): string {
  const lines = readings.map(({ meter, start, importWh, feeder, exportWh }) =>
    [meter, start, importWh, feeder, exportWh].join(","),
  );
  return `meter,slot_start,energy_wh,feeder,export_wh\n${lines.join("\n")}\n`;
}

interface BillRow {
  readonly meter_id: string;
  readonly period_start: string;
  readonly period_end: string;
  readonly energy_wh: number;
  readonly amount_micro: number;
  readonly currency: string;
  readonly version: number;
  readonly status: string;
  readonly gaps: number;
  readonly spare_answers: number;
}

test("four days of 20 meters comes out as plain arithmetic has it, and a gap in the file is a gap on the bill", async (t) => {
  const folder = temporaryFolder(t);
  const readings = readingsOfFourDays();
  const file = join(folder, "readings.csv");
  writeFileSync(file, csvOf(readings));
  const { code, stdout, stderr } = await runFleet(folder, ["--readings", file, "--json"]);
  assert.equal(code, 0, stderr + stdout);
  const lines = stdout.trimEnd().split("\n");
  assert.equal(lines.length, 1);
  const summary = JSON.parse(lines[0] ?? "") as Record<string, unknown>;
  assert.equal(summary["meters"], 20);
  assert.equal(summary["slots"], 380);
  assert.equal(summary["billsExact"], true);
  assert.equal(summary["feederLoadsExact"], true);
  assert.deepEqual(summary["refused"], {});

  const bills = query<BillRow>(folder, "SELECT * FROM bills ORDER BY meter_id");
  assert.equal(bills.length, 20);
  const rows = query<{ meter_id: string; band: string; energy_wh: number; amount_micro: number; status: string }>(
    folder,
    "SELECT * FROM bill_totals ORDER BY meter_id, position",
  );
  for (const bill of bills) {
    const own = readings.filter(({ meter }) => meter === bill.meter_id);
    const plain = plainBill(own, 4);
    assert.deepEqual(
      [bill.period_start, bill.period_end, bill.energy_wh, bill.amount_micro, bill.currency, bill.version, bill.status],
      ["2025-03-28", "2025-04-01", plain.energyWh, plain.amountMicro, "EUR", 1, "final"],
    );
    assert.equal(bill.gaps, bill.meter_id === GAP.meter ? 40 : 0);
    assert.equal(bill.spare_answers, 1);
    const stored = rows.filter(({ meter_id }) => meter_id === bill.meter_id);
    const got = stored.map(({ band, energy_wh, amount_micro }) => [band, energy_wh, amount_micro]);
    const wanted = [...plain.rows].map(([band, { energyWh, amountMicro }]) => [band, energyWh, amountMicro]);
    assert.deepEqual(got.sort(), wanted.sort());
    assert.ok(stored.every(({ status }) => status === "final"));
  }

  const gaps = query<{ meter_id: string; slot_start: number; slot_end: number; reason: string }>(
    folder,
    "SELECT meter_id, slot_start, slot_end, reason FROM gaps WHERE kind = 'import' AND billed_period_start IS NULL",
  );
  assert.deepEqual(gaps, [{ meter_id: GAP.meter, slot_start: GAP.from, slot_end: GAP.to, reason: "missing" }]);

  const truth = plainLoads(readings);
  const loads = query<{
    feeder_id: string;
    slot_start: number;
    energy_wh: number;
    export_wh: number | null;
    meters: number;
    status: string;
  }>(folder, "SELECT * FROM feeder_loads");
  assert.equal(loads.length, 3 * 380);
  for (const load of loads) {
    const plain = truth.get(`${load.feeder_id}/${load.slot_start}`);
    assert.deepEqual([load.energy_wh, load.meters, load.status], [plain?.importWh, plain?.meters, "final"]);
    // A load of export needs five meters that export; only the north has six.
    const inGap = load.slot_start >= GAP.from && load.slot_start < GAP.to;
    if (load.feeder_id === "north") assert.equal(load.export_wh, plain?.exportWh, inGap ? "in the gap" : "");
    else assert.equal(load.export_wh, null);
  }
});

test("sets that are too small are named with their rule and with what would do", async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, "readings.csv");
  const few = readingsOfFourDays()
    .filter(({ meter, start }) => start < FROM + 96 * SLOT && Number(meter.slice(5)) <= 3)
    .map((reading) => ({ ...reading, exportWh: 0 }));
  writeFileSync(file, csvOf(few));
  const { code, stdout, stderr } = await runFleet(folder, ["--readings", file]);
  assert.equal(code, 3, stderr + stdout);
  assert.match(
    stdout,
    /north: 96 slots without a load: a load needs 5 meters with a reading \(release\.minMeters\), it has [23]; put more/,
  );
  const bills = query<BillRow>(folder, "SELECT * FROM current_bills ORDER BY meter_id");
  for (const bill of bills.slice(0, 2)) {
    const own = few.filter(({ meter }) => meter === bill.meter_id);
    assert.equal(bill.amount_micro, plainBill(own, 1).amountMicro);
  }
  // The gap leaves the third meter two quarter hours of one band, too few to be a sum of their own.
  assert.match(
    stdout,
    /north: 2 slots of 1 meter not billed yet: every sum of one meter needs 12 slots .*bill a longer/,
  );
  assert.equal(bills[2]?.gaps, 28);
  assert.equal(query(folder, "SELECT * FROM feeder_loads WHERE energy_wh IS NOT NULL").length, 0);
});

test("bad files are refused with their lines before anything is made", async (t) => {
  const folder = temporaryFolder(t);
  const header = "meter,slot_start,energy_wh";
  const files: [string, RegExp][] = [
    [`${header}\nm-1,900,12\nm-1,1800\n`, /line 3: expected 3 fields, got 2/],
    [`${header}\nm-1,900,12\nm-1,900,12\n`, /line 3: meter "m-1", slot_start 900: already on line 2/],
    [`${header}\nm-1,900,-12\n`, /line 2: energy_wh "-12" is negative/],
    [`${header}\n`, /no readings/],
  ];
  for (const [text, message] of files) {
    const file = join(folder, "readings.csv");
    writeFileSync(file, text);
    const { code, stdout, stderr } = await runFleet(folder, ["--readings", file, "--json"]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /\n {4}at /, "no stack for a fault of the user");
    assert.equal(stdout, "");
    assert.equal(existsSync(join(folder, "data")), false);
  }
  const missing = await runFleet(folder, ["--readings", join(folder, "nowhere.csv")]);
  assert.equal(missing.code, 2);
  assert.match(missing.stderr, /nowhere\.csv: cannot be read \(ENOENT\)/);
});

test("what was replayed can be written as truth, and read again as the same readings", async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, "readings.csv");
  const day = readingsOfFourDays().filter(({ start }) => start < FROM + 24 * SLOT);
  writeFileSync(file, csvOf(day));
  const truth = join(folder, "truth.csv");
  const first = await runFleet(folder, ["--readings", file, "--truth", truth, "--json"]);
  assert.equal(first.code, 0, first.stderr + first.stdout);
  const sorted = (text: string): string[] => text.trimEnd().split("\n").slice(1).sort();
  assert.deepEqual(sorted(readFileSync(truth, "utf8")), sorted(readFileSync(file, "utf8")));
  // Again in the same folder: everything is there already, and nothing is counted twice.
  const everything = "SELECT meter_id, version, energy_wh, amount_micro, gaps, status FROM bills ORDER BY meter_id";
  const bills = query(folder, everything);
  const second = await runFleet(folder, ["--readings", file]);
  assert.equal(second.code, 0, second.stderr + second.stdout);
  assert.match(second.stderr, /nothing new to feed: earlier runs have fed all of it/);
  assert.match(second.stdout, /readings +│ nothing new to feed +│/);
  assert.match(second.stdout, /refused +│ none +│/, "what is sent again is not refused");
  assert.match(second.stdout, /npm run bills -- verify --data .*data --readings .*readings\.csv\n/);
  assert.deepEqual(query(folder, everything), bills);
});
