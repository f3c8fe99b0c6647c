/** What real rounds left in the database, against the log that they wrote with it; receipts, erasure, export. */
import assert from "node:assert/strict";
import { readFile, rm, stat } from "node:fs/promises";
import path from "node:path";
import { test, type TestContext } from "node:test";
import Database from "better-sqlite3";
import { checkBill } from "../../billing/check.ts";
import { NO_READINGS } from "../../billing/readings-file.ts";
import { parseTariffYaml } from "../../billing/tariffs/index.ts";
import {
  leafHash,
  type LogPolicy,
  merkleRoot,
  openCheckpoint,
  parseReceipt,
  verifyReceipt,
} from "../../protocol/log/index.ts";
import { correctBills } from "../bills/correct.ts";
import { DAY, Harness, SLOT_SECONDS, TARIFF, valueOf } from "../testing/harness.ts";
import { Checkpoints } from "./checkpoints.ts";
import { eraseBills } from "./erase.ts";
import { exportTiles } from "./export.ts";
import { readHead } from "./ledger.ts";
import { Receipts } from "./receipts.ts";
import { tailEntries } from "./tail.ts";
import { verifyAll, verifiedText } from "./verify-command.ts";

/** Two days, in which two meters were late with eight slots of the first; then a correction of the first. */
async function billedDays(t: TestContext) {
  const harness = await Harness.make(t, { loadEverySlots: 96 });
  const isLate = (meter: string, slot: number): boolean => meter < "m-003" && slot >= DAY + 34 && slot < DAY + 42;
  const isMissing = (meter: string, slot: number): boolean => meter === "m-004" && slot === DAY + 5;
  harness.fillDay(DAY, (meter, slot) => isLate(meter, slot) || isMissing(meter, slot));
  harness.setSlot(DAY + 98);
  await harness.run(3);
  harness.fillDay(DAY, isMissing);
  harness.fillDay(DAY + 96);
  harness.setSlot(DAY + 96 + 98);
  await harness.run(3);
  const { db, ledger } = harness.utility;
  const policy: LogPolicy = { log: ledger.key, witnesses: [], quorum: 0 };
  const readingsOf = (meter: string) => {
    const m = harness.meters.indexOf(meter);
    const slots = Array.from({ length: 192 }, (_, i) => DAY + i).filter((slot) => !isMissing(meter, slot));
    return { ...NO_READINGS, import: new Map(slots.map((slot) => [slot, BigInt(valueOf(m, slot))])) };
  };
  const verify = (): Promise<string[]> => harness.findings();
  const correct = async (): Promise<void> => {
    const yaml = TARIFF.replace("400000", "300000");
    const tariff = { id: "c".repeat(32), file: "new.yaml", yaml, tariff: parseTariffYaml(yaml) };
    await correctBills(harness.utility, { tariff, period: "2025-01-15", now: harness.clock.now() });
  };
  return { harness, db, policy, readingsOf, verify, correct };
}

test("every set, release and bill is logged, and verify finds them all as they were", async (t) => {
  const { db, verify, correct, harness } = await billedDays(t);
  await correct();
  assert.deepEqual(await verify(), []);
  const counts = new Map<string, number>();
  for (const line of await tailEntries(db, 1_000)) {
    const { type, ...more } = JSON.parse(line) as { type: string; commitment?: unknown };
    if (type === "bill") assert.match(String(more.commitment), /^[0-9a-f]{64}$/);
    counts.set(type, (counts.get(type) ?? 0) + 1);
  }
  const rounds = await db.selectFrom("rounds").select("purpose").where("set_id", "is not", null).execute();
  assert.equal(counts.get("set"), rounds.length);
  assert.equal(counts.get("totals"), rounds.filter(({ purpose }) => purpose === "billing").length);
  assert.equal(counts.get("bill"), 18, "six bills of two days, and six corrections");
  const report = await verifyAll(db, {
    log: harness.utility.ledger.key,
    saved: [],
    slotSeconds: SLOT_SECONDS,
    silent: true,
  });
  assert.match(verifiedText(report), /18 bill.*\n18 bills, 184 loads.*\neverything is as it was logged$/);
  // No entry names a meter.
  const entries = await db.selectFrom("ledger_entries").select("entry").execute();
  for (const { entry } of entries) assert.equal(Buffer.from(entry).includes("m-0"), false);
});

const CHANGES: [string, string, RegExp][] = [
  [
    "a bill's amount",
    "UPDATE bills SET amount_micro = amount_micro - 1 WHERE meter_id = 'm-001' AND period_start = '2025-01-15'",
    /bills: m-001, .* version 1: amountMicro: not what was logged/,
  ],
  [
    "a row of a bill",
    "UPDATE bill_totals SET energy_wh = 1 WHERE meter_id = 'm-002' AND band = 'peak' AND period_start = '2025-01-16'",
    /bills: m-002, .*: rows/,
  ],
  ["a bill's gaps", "DELETE FROM gaps WHERE meter_id = 'm-004'", /bills: m-004, .*: gaps: not/],
  [
    "a bill that goes",
    "DELETE FROM bills WHERE meter_id = 'm-005' AND period_start = '2025-01-15'",
    /bills: bill m-005 .*: it was logged and is gone/,
  ],
  [
    "a bill that comes",
    "INSERT INTO bills SELECT 'm-099', period_start, period_end, energy_wh, amount_micro, currency, version, status, spare_answers, gaps, catchup_wh, export_wh, tariff_id, totals, released_rows, issued_at, sent, range_proof FROM bills WHERE meter_id = 'm-001'",
    /bills: m-099, .*: it is not in the log/,
  ],
  [
    "a load",
    "UPDATE feeder_loads SET energy_wh = energy_wh + 1 WHERE slot_start = (SELECT min(slot_start) FROM feeder_loads)",
    /feeder_loads: f-1 at \d+: .*, logged was/,
  ],
  [
    "a load that goes",
    "DELETE FROM feeder_loads WHERE slot_start = (SELECT min(slot_start) FROM feeder_loads)",
    /feeder_loads: f-1 \d+: it was logged and is gone/,
  ],
  [
    "a released sum",
    "UPDATE released_totals SET energy_wh = energy_wh + 1 WHERE meter_id = 'm-003'",
    /released_totals: b-.*not those that were logged/,
  ],
  [
    "a released sum that goes",
    "DELETE FROM released_totals WHERE meter_id = 'm-003'",
    /released_totals: b-.*not those/,
  ],
  [
    "a set",
    "UPDATE rounds SET content = x'00' WHERE purpose = 'billing'",
    /rounds: b-.*: its set is not the one that its hash names/,
  ],
  [
    "a round that goes",
    "DELETE FROM rounds WHERE purpose = 'load'",
    /rounds: l-.*: its set was logged and the round is gone/,
  ],
];

test("verify finds each changed, added or deleted row of what was logged", async (t) => {
  const { harness, db, verify } = await billedDays(t);
  assert.deepEqual(await verify(), []);
  for (const [what, sql, message] of CHANGES) {
    const copy = path.join(harness.folder, "before.db");
    const database = new Database(path.join(harness.folder, "utility.db"));
    database.exec(`VACUUM INTO '${copy}'`);
    assert.ok(database.prepare(sql).run().changes > 0, what);
    assert.match((await verify()).join("\n"), message, what);
    // Puts everything back.
    database.exec(`ATTACH '${copy}' AS before`);
    for (const table of ["bills", "bill_totals", "gaps", "feeder_loads", "released_totals", "rounds"]) {
      database.exec(`DELETE FROM main.${table}; INSERT INTO main.${table} SELECT * FROM before.${table}`);
    }
    database.exec("DETACH before");
    database.close();
    await rm(copy);
    assert.deepEqual(await verify(), [], what);
  }
  assert.ok((await readHead(db)).size > 0);
});

test("a receipt proves the bill, which follows from its readings, late energy and corrections included", async (t) => {
  const { db, policy, readingsOf, correct } = await billedDays(t);
  const receipts = new Receipts(db, new Checkpoints(db, policy));
  const check = async (meter: string): Promise<void> => {
    const bills = await db.selectFrom("current_bills").selectAll().where("meter_id", "=", meter).execute();
    assert.equal(bills.length, 2);
    for (const row of bills) {
      const made = await receipts.of(row);
      assert.ok(typeof made !== "string");
      const { bill, tariff } = verifyReceipt(parseReceipt(made.text), policy);
      const checked = { ...bill, meter: bill.meterId };
      const readings = readingsOf(meter);
      const slotSeconds = SLOT_SECONDS;
      assert.deepEqual(checkBill({ bill: checked, tariff: parseTariffYaml(tariff), readings, slotSeconds }), []);
      if (meter === "m-001" && row.period_start === "2025-01-16") assert.equal(bill.late.length, 1);
      readings.import.set(DAY + 100, 1n);
      readings.import.set(DAY + 3, 1n);
      assert.notDeepEqual(checkBill({ bill: checked, tariff: parseTariffYaml(tariff), readings, slotSeconds }), []);
    }
  };
  await check("m-001");
  await check("m-004");
  await correct();
  const row = await db
    .selectFrom("current_bills")
    .selectAll()
    .where("meter_id", "=", "m-003")
    .where("version", "=", 2)
    .executeTakeFirstOrThrow();
  const made = await receipts.of(row);
  assert.ok(typeof made !== "string");
  // The corrected bill of this test names a tariff by another hash than its text has.
  assert.throws(() => verifyReceipt(parseReceipt(made.text), policy), { code: "wrong-bill" });
});

test("refuses a receipt of which anything was changed", async (t) => {
  const { db, policy } = await billedDays(t);
  const row = await db.selectFrom("current_bills").selectAll().executeTakeFirstOrThrow();
  const made = await new Receipts(db, new Checkpoints(db, policy)).of(row);
  assert.ok(typeof made !== "string");
  const receipt = parseReceipt(made.text);
  const code = (change: Partial<typeof receipt>): string => {
    try {
      verifyReceipt({ ...receipt, ...change }, policy);
      return "none";
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  assert.equal(code({}), "none");
  assert.equal(code({ bill: receipt.bill.replace('"version":1', '"version":2') }), "bad-commitment");
  assert.equal(code({ salt: new Uint8Array(32) }), "bad-commitment");
  assert.equal(code({ tariff: `${receipt.tariff}\n` }), "wrong-bill");
  assert.equal(code({ entry: new Uint8Array(receipt.entry.length) }), "bad-inclusion");
  assert.equal(code({ proof: receipt.proof.replace(/index \d+/, "index 0") }), "bad-inclusion");
  const other = (await Harness.make(t)).utility.ledger.key;
  assert.throws(() => verifyReceipt(receipt, { ...policy, log: other }), { code: "wrong-origin" });
  for (const text of [
    "",
    "{}",
    made.text.replace("receipt/1", "receipt/2"),
    made.text.replace('"salt": "', '"salt": "?'),
  ]) {
    assert.throws(() => parseReceipt(text), { name: "LogError", code: "malformed" });
  }
});

test("what was erased is gone from the database, and every proof still holds", async (t) => {
  const { db, policy, verify, harness } = await billedDays(t);
  const receipts = new Receipts(db, new Checkpoints(db, policy));
  const bills = await db
    .selectFrom("bills")
    .selectAll()
    .where("meter_id", "=", "m-002")
    .orderBy("period_start")
    .execute();
  const [first, second] = bills;
  const before = await receipts.of(first!);
  assert.ok(typeof before !== "string");
  const { root } = await readHead(db);
  const { salt } = parseReceipt(before.text);
  assert.equal(await eraseBills(db, "2025-01-16"), 6);
  assert.equal(await eraseBills(db, "2025-01-16"), 0);
  assert.equal(await receipts.of(first!), "gone");
  assert.ok(typeof (await receipts.of(second!)) !== "string");
  assert.deepEqual((await readHead(db)).root, root);
  assert.deepEqual(await verify(), []);
  assert.equal(verifyReceipt(parseReceipt(before.text), policy).bill.meterId, "m-002");
  assert.equal((await readFile(path.join(harness.folder, "utility.db"))).includes(Buffer.from(salt)), false);
});

test("an export is what a web server needs to let anyone check the log, and grows with it", async (t) => {
  const { db, policy, correct, harness } = await billedDays(t);
  const folder = path.join(harness.folder, "tiles");
  const checkpoints = new Checkpoints(db, policy);
  const rootOf = async (): Promise<void> => {
    const { size, root } = openCheckpoint(await readFile(path.join(folder, "checkpoint"), "utf8"), policy);
    assert.ok(size < 256);
    const bundle = await readFile(path.join(folder, `tile/entries/000.p/${size}`));
    const entries: Uint8Array[] = [];
    for (let at = 0; at < bundle.length; ) {
      const length = bundle.readUInt16BE(at);
      entries.push(bundle.subarray(at + 2, at + 2 + length));
      at += 2 + length;
    }
    assert.deepEqual(Uint8Array.from(merkleRoot(entries)), root);
    const tile = await readFile(path.join(folder, `tile/0/000.p/${size}`));
    assert.deepEqual(tile, Buffer.concat(entries.map((entry) => leafHash(entry))));
  };
  const early = (await checkpoints.take())!;
  await exportTiles(db, { folder, checkpoint: early });
  await rootOf();
  await correct();
  const late = (await checkpoints.take())!;
  assert.ok(late.size > early.size);
  await exportTiles(db, { folder, checkpoint: late });
  await rootOf();
  assert.ok(
    (await stat(path.join(folder, `tile/entries/000.p/${early.size}`))).isFile(),
    "a checkpoint that was given out keeps its tiles",
  );
  await assert.rejects(exportTiles(db, { folder, checkpoint: early }), /RangeError: folder: .* holds/);
});
