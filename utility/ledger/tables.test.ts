/** What real rounds left in the database, against the log that they wrote with it; receipts, erasure, export. */
import assert from "node:assert/strict";
import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { checkBill } from "../../billing/check.ts";
import { parseTariffYaml } from "../../billing/tariffs/index.ts";
import { leafHash, merkleRoot, openCheckpoint, parseReceipt, verifyReceipt } from "../../protocol/log/index.ts";
import { DAY, Harness, SLOT_SECONDS, TARIFF } from "../testing/harness.ts";
import { Checkpoints } from "./checkpoints.ts";
import { eraseBills } from "./erase.ts";
import { exportTiles } from "./export.ts";
import { readHead } from "./ledger.ts";
import { Receipts } from "./receipts.ts";
import { tailEntries } from "./tail.ts";
import { billedDays } from "./testing/billed-days.ts";
import { verifyAll, verifiedText } from "./verify-command.ts";

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
  await db
    .updateTable("tariffs")
    .set({ yaml: `${TARIFF}# another text` })
    .where("id", "=", row.tariff_id)
    .execute();
  const made = await receipts.of(row);
  assert.ok(typeof made !== "string");
  // The bill names its tariff by the hash of its text.
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
  const head = await readHead(db);
  const { salt } = parseReceipt(before.text);
  const erasure = { before: "2025-01-16", now: harness.clock.now() };
  assert.equal(await eraseBills(db, harness.utility.ledger, erasure), 6);
  assert.equal(await eraseBills(db, harness.utility.ledger, erasure), 0);
  assert.equal(await receipts.of(first!), "gone");
  assert.ok(typeof (await receipts.of(second!)) !== "string");
  assert.deepEqual(await verify(), []);
  const [erased, ...more] = await harness.logged("erase");
  assert.deepEqual([erased?.before, erased?.count, more], ["2025-01-16", 6, []]);
  const report = await verifyAll(db, {
    log: policy.log,
    saved: [{ name: "the head before", note: head.checkpoint ?? "" }],
    slotSeconds: SLOT_SECONDS,
    silent: true,
  });
  assert.deepEqual([report.findings, report.size, report.erased], [[], head.size + 1, 6]);
  assert.match(verifiedText(report), /, 6 of them erased as logged,/);
  // What is erased may be deleted as well.
  await db.deleteFrom("bill_totals").where("period_end", "<=", "2025-01-16").execute();
  await db.deleteFrom("bills").where("period_end", "<=", "2025-01-16").execute();
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
