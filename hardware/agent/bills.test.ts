/** Bills at the household: opened, checked, kept, never replaced; and what the meter's commands print. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import { enrol } from "../../config/enrolment/index.ts";
import { customerKeyObject, openMeterSecrets, openParty, type Party } from "../../config/keys/index.ts";
import { loadConfig } from "../../config/index.ts";
import { logPolicy } from "../../config/log-policy.ts";
import { openDatabase } from "../../config/runtime/database.ts";
import { hpkeSeal, serverContext } from "../../protocol/envelope/hpke.ts";
import { sign1 } from "../../protocol/envelope/index.ts";
import { NO_READINGS } from "../../billing/readings-file.ts";
import {
  commit,
  encodeEntry,
  formatProof,
  formatReceipt,
  type Receipt,
  signCheckpoint,
  tariffName,
} from "../../protocol/log/index.ts";
import { PlainTree } from "../../protocol/log/testing/plain-tree.ts";
import { rawPublicKey } from "../../protocol/keys/index.ts";
import type { CustomerBill } from "../../protocol/messages/bill.ts";
import { KINDS } from "../../protocol/units.ts";
import { BillFolder, readBills, UnusableBillError } from "./bills.ts";
import { billsFolder, billsText } from "./household.ts";
import { Outbox } from "./outbox.ts";

const TARIFF = `id: flat
currency: EUR
timezone: Europe/Berlin
versions:
  - from: 2025-01-01
    import: { bands: [{ name: flat, priceMicroPerKwh: 400000, when: [{ from: "00:00", to: "24:00" }] }] }
`;
/** Slot of 2025-01-15 00:00 in Berlin. */
const DAY = 1_736_895_600 / 900;

const BILL: CustomerBill = {
  meterId: "m-001",
  periodStart: "2025-01-15",
  periodEnd: "2025-01-16",
  version: 1,
  status: "final",
  currency: "EUR",
  energyWh: 1234,
  amountMicro: 493_600,
  spareAnswers: 1,
  tariff: tariffName(TARIFF),
  slotSeconds: 900,
  rows: [{ band: "flat", energyWh: 1234, amountMicro: 493_600 }],
  gaps: [],
  late: [],
};

async function household(t: TestContext) {
  const data = await mkdtemp(path.join(tmpdir(), "household-"));
  t.after(() => rm(data, { recursive: true, force: true }));
  await enrol({
    data,
    meters: [
      { meter: "m-001", feeder: "f-1" },
      { meter: "m-002", feeder: "f-1" },
    ],
  });
  const party = (id: string): Party => openParty(path.join(data, "keys", id));
  const sealKey = customerKeyObject(openMeterSecrets(path.join(data, "keys", "m-001")).customerSealKey);
  const folder = billsFolder(data, "m-001");
  const { directory } = party("m-001");
  const logKey = party("utility").signKey!;
  const policy = logPolicy(loadConfig({ env: {} }), directory.servers.get("utility")!.signKey!);
  const readings = {
    ...NO_READINGS,
    import: new Map([
      [DAY, 1_000n],
      [DAY + 1, 234n],
    ]),
  };
  const parts = { meter: "m-001", folder, sealKey, directory, policy };
  const bills = new BillFolder({ ...parts, readings: () => readings });
  const deviceBills = new BillFolder({ ...parts, readings: () => NO_READINGS });
  /** A log of three entries with this bill as the second, as the utility would give it. */
  const receipt = (bill: string, change: (parts: Receipt) => Receipt = (parts) => parts): string => {
    const salt = new Uint8Array(32).fill(7);
    const entry = encodeEntry(1_737_000_000, { type: "bill", commitment: commit(salt, Buffer.from(bill)) });
    const tree = new PlainTree([Uint8Array.of(1), entry, Uint8Array.of(2)]);
    const checkpoint = signCheckpoint({ size: 3, root: tree.root() }, { name: policy.log.name, signKey: logKey });
    const proof = formatProof({ index: 1, hashes: tree.inclusion(1), checkpoint });
    return formatReceipt(change({ bill, tariff: TARIFF, salt, entry, proof }));
  };
  /** As the utility does it, or somebody else in its name. */
  const letter = async (bill: unknown, signer = party("utility"), from = "utility", to = "m-001") => {
    const json = Buffer.from(typeof bill === "string" ? bill : receipt(JSON.stringify(bill)));
    const signed = sign1(json, signer, serverContext(from, to));
    return await hpkeSeal(signed, from, to, rawPublicKey(sealKey));
  };
  return { data, party, folder, bills, deviceBills, letter, receipt };
}

test("a bill is kept once, as a private file of its version; a repeat changes nothing", async (t) => {
  const { bills, letter, folder } = await household(t);
  assert.equal((await bills.take(await letter(BILL))).outcome, "kept");
  assert.equal((await bills.take(await letter(BILL))).outcome, "repeated");
  assert.equal((await bills.take(await letter({ ...BILL, version: 2, amountMicro: 1 }))).outcome, "kept");
  assert.deepEqual(
    await readdir(folder),
    [1, 2].flatMap((version) => ["check", "json", "receipt"].map((end) => `2025-01-15_2025-01-16-v${version}.${end}`)),
  );
  assert.equal((await stat(path.join(folder, "2025-01-15_2025-01-16-v1.json"))).mode & 0o777, 0o600);
});

test("another text under the same version is kept beside the first, and said to contradict it", async (t) => {
  const { bills, letter, folder } = await household(t);
  await bills.take(await letter(BILL));
  const second = await bills.take(await letter({ ...BILL, amountMicro: 9 }));
  assert.equal(second.outcome, "contradicts");
  const first = await readFile(path.join(folder, "2025-01-15_2025-01-16-v1.json"), "utf8");
  assert.deepEqual(JSON.parse(first), BILL);
  assert.deepEqual(
    readBills(folder).map((kept) => [kept.bill.amountMicro, kept.first]),
    [
      [493_600, true],
      [9, false],
    ],
  );
});

test("a bill that is proved and follows from the readings is told so; any other one is an alarm that stays", async (t) => {
  const { bills, letter, receipt, folder } = await household(t);
  const take = async (text: string) => (await bills.take(await letter(text))).check;
  const text = JSON.stringify(BILL);
  const forged = receipt(text, (parts) => ({ ...parts, salt: new Uint8Array(32) }));
  assert.deepEqual(await take(forged), { readings: "unknown", findings: ["the log has committed to something else"] });
  assert.match(billsText(readBills(folder)), /ALARM: the log has committed to something else/);
  // A good receipt that comes later proves it after all, and a bad one after it takes nothing away.
  assert.deepEqual(await take(receipt(text)), { readings: "same", findings: [] });
  assert.deepEqual(await take(forged), { readings: "same", findings: [] });
  assert.match(billsText(readBills(folder)), /It is in the log, and follows from this meter's readings\./);
  const dear = { ...BILL, version: 2, amountMicro: 1, rows: [{ band: "flat", energyWh: 1234, amountMicro: 1 }] };
  const { findings } = await take(receipt(JSON.stringify(dear)));
  assert.deepEqual(findings, [
    "flat: the bill says 1 micro-units, readings and tariff give 493600",
    "total: the bill says 1 micro-units, readings and tariff give 493600",
  ]);
  const other = receipt(JSON.stringify({ ...BILL, version: 3 }), (parts) => ({ ...parts, tariff: `${TARIFF}#` }));
  assert.match((await take(other)).findings.join(), /the bill names the tariff/);
});

test("a bill that was to be compared and was not is an alarm; a device, which keeps its readings, expects none", async (t) => {
  const { bills, deviceBills, letter, receipt, folder } = await household(t);
  const later = { ...BILL, periodStart: "2025-01-16", periodEnd: "2025-01-17" };
  const { check } = await bills.take(await letter(later));
  assert.deepEqual(check, {
    readings: "none",
    findings: ["nothing was compared: this meter has no reading of what the bill charges"],
  });
  assert.match(billsText(readBills(folder)), /ALARM: nothing was compared/);
  const device = await deviceBills.take(await letter({ ...later, version: 2 }));
  assert.deepEqual(device.check, { readings: "none", findings: [] });
  const gap = { kind: "import", from: DAY * 900, to: DAY * 900, reason: "missing" };
  for (const count of [500, 501]) {
    const dear = { ...BILL, amountMicro: 1e12, gaps: Array.from({ length: count }, () => gap) };
    await assert.rejects(bills.take(await letter(receipt(JSON.stringify(dear)))), UnusableBillError);
  }
  await assert.rejects(bills.take(Uint8Array.of(1)), (error) => !(error instanceof UnusableBillError));
});

test("what is not this household's bill, or not by the utility, is refused with its code", async (t) => {
  const { bills, letter, party, folder } = await household(t);
  const forger = { id: "utility", signKey: party("a-1").signKey! };
  const cases: [Promise<Uint8Array>, string][] = [
    [letter({ ...BILL, meterId: "m-002" }), "wrong-topic"],
    [letter(BILL, party("a-1"), "a-1"), "wrong-sender"],
    [letter(BILL, party("a-1")), "wrong-sender"],
    [letter(BILL, { ...party("utility"), ...forger }), "bad-signature"],
    [letter(BILL, party("utility"), "utility", "m-002"), "bad-seal"],
    [letter("no json"), "malformed"],
    [letter({ ...BILL, extra: 1 }), "malformed"],
    [letter({ ...BILL, periodStart: "../../keys" }), "malformed"],
    [Promise.resolve(Uint8Array.of(1, 2, 3)), "malformed"],
  ];
  for (const [payload, code] of cases) await assert.rejects(bills.take(await payload), { code });
  assert.deepEqual(readBills(folder), []);
});

const run = promisify(execFile);

async function meter(data: string, ...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const command = [
    "config/runtime/start.mjs",
    "hardware/agent/main.ts",
    ...args,
    "--data",
    data,
    "--set",
    `paths.logs=${data}/logs`,
  ];
  try {
    return { code: 0, ...(await run(process.execPath, command)) };
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string };
  }
}

test("`meter bills` prints what has come, `meter readings` the household's own readings", async (t) => {
  const { data, bills, letter } = await household(t);
  await bills.take(await letter(BILL));
  const database = openDatabase(path.join(data, "m-001", "meter.db"), { synchronous: "FULL" });
  const outbox = new Outbox(database);
  const { number } = outbox.boot("m-001");
  outbox.append(number, { kind: KINDS.import, firstSlot: 10, readings: [5, 6] }, () => {});
  outbox.append(number, { kind: KINDS.import, firstSlot: 14, readings: [7] }, () => {});
  outbox.append(number, { kind: KINDS.catchup, firstSlot: 13, readings: [40] }, () => {});
  outbox.flush();
  database.close();

  const table = await meter(data, "bills", "--id", "m-001");
  assert.equal(table.code, 0, table.stderr);
  assert.match(table.stdout, /m-001, 2025-01-15 to 2025-01-16, version 1, no gaps/);
  assert.match(table.stdout, /total\s+│\s+1\.234\s+│\s+0\.493600/);
  const readings = await meter(data, "readings", "--id", "m-001", "--csv");
  assert.equal(
    readings.stdout,
    "meter,slot_start,energy_wh,catchup_wh\nm-001,9000,5,\nm-001,9900,6,\nm-001,11700,,40\nm-001,12600,7,\n",
  );
  for (const [args, text] of [
    [["bills", "readings", "--id", "m-001"], /too many arguments/],
    [["payments", "--id", "m-001"], /expected bills, readings, privacy or nothing/],
    [["readings", "--id", "m-002"], /m-002 has read nothing in/],
    [["bills", "--id", "Ä"], /--id: /],
    [["--csv", "--id", "m-001"], /only with the command readings/],
  ] as const) {
    const refused = await meter(data, ...args);
    assert.equal(refused.code, 2, args.join(" "));
    assert.match(refused.stderr, text);
  }
});
