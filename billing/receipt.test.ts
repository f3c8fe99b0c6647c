/** A customer's check against a utility that signs whatever it likes: only what was compared and follows is a yes. */
import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test, type TestContext } from "node:test";
import {
  commit,
  encodeEntry,
  formatPolicy,
  formatProof,
  formatReceipt,
  leafHash,
  NOTE_TYPE,
  noteKey,
  originOf,
  signCheckpoint,
  tariffName,
} from "../protocol/log/index.ts";
import { type CustomerBill, MOST_RANGES } from "../protocol/messages/bill.ts";
import { type MeterReadings, NO_READINGS, readReadings } from "./readings-file.ts";
import { receiptCommand } from "./receipt-command.ts";
import { checkReceipt } from "./receipt.ts";

const TARIFF = `id: flat
currency: EUR
timezone: Europe/Berlin
versions:
  - from: 2025-01-01
    import: { flat: { priceMicroPerKwh: 400000 } }
    standingMicroPerDay: 1000
`;
/** 2025-01-15 00:00 in Berlin, the day before the bill's. */
const BEFORE = 1_736_895_600;
const DAY = BEFORE + 86_400;
const ALL = { kind: "import" as const, from: DAY, to: DAY + 86_400 };

/** 10 Wh in the first slot of either day. */
const READINGS: MeterReadings = {
  ...NO_READINGS,
  import: new Map([
    [BEFORE / 900, 10n],
    [DAY / 900, 10n],
  ]),
};

const BILL: CustomerBill = {
  meterId: "m-001",
  periodStart: "2025-01-16",
  periodEnd: "2025-01-17",
  version: 1,
  status: "final",
  currency: "EUR",
  energyWh: 10,
  amountMicro: 5_000,
  spareAnswers: 1,
  tariff: tariffName(TARIFF),
  slotSeconds: 900,
  rows: [
    { band: "flat", energyWh: 10, amountMicro: 4_000 },
    { band: "standing", energyWh: 0, amountMicro: 1_000 },
  ],
  gaps: [],
  late: [],
};
const NOTHING: CustomerBill = {
  ...BILL,
  energyWh: 0,
  amountMicro: 1_000,
  rows: BILL.rows.map((row) => (row.band === "flat" ? { ...row, energyWh: 0, amountMicro: 0 } : row)),
};
const DEAR = { ...BILL, amountMicro: 1_000_000_000_000 };
const LATE = {
  periodStart: "2025-01-15",
  periodEnd: "2025-01-16",
  billed: [{ kind: "import" as const, from: BEFORE, to: BEFORE + 86_400 }],
  missing: [],
};
const WITH_LATE: CustomerBill = {
  ...BILL,
  energyWh: 20,
  amountMicro: 9_000,
  rows: [...BILL.rows, { band: "flat@2025-01-15", energyWh: 10, amountMicro: 4_000 }],
  late: [LATE],
};

const { privateKey } = generateKeyPairSync("ed25519");
const name = originOf(privateKey);
const policy = { log: noteKey(name, NOTE_TYPE.signature, createPublicKey(privateKey)), witnesses: [], quorum: 0 };

/** In a log of one entry, signed: what its bill says is the utility's word. */
function receiptOf(bill: unknown, tariff = TARIFF): string {
  const text = JSON.stringify(bill);
  const salt = new Uint8Array(32).fill(7);
  const entry = encodeEntry(1, { type: "bill", commitment: commit(salt, Buffer.from(text)) });
  const checkpoint = signCheckpoint({ size: 1, root: leafHash(entry) }, { name, signKey: privateKey });
  return formatReceipt({ bill: text, tariff, salt, entry, proof: formatProof({ index: 0, hashes: [], checkpoint }) });
}

function verdict(bill: unknown, readings: MeterReadings | undefined = READINGS): [string, string] {
  const { readings: found, findings } = checkReceipt(receiptOf(bill), { policy, readings });
  return [found, findings.join("; ")];
}

test("a bill that follows is told so, with late energy too", () => {
  assert.deepEqual(verdict(BILL), ["same", ""]);
  assert.deepEqual(verdict(WITH_LATE), ["same", ""]);
  assert.deepEqual(verdict({ ...NOTHING, gaps: [{ ...ALL, reason: "missing" }] }, NO_READINGS), ["none", ""]);
});

test("a bill that lists as many ranges as it can is compared, and where it differs that is no yes", () => {
  const gaps = (count: number) =>
    Array.from({ length: count }, (_, i) => {
      const kind = (["export", "catchup", "catchupExport"] as const)[Math.floor(i / 48) % 3] ?? "export";
      const from = DAY + (i % 48) * 1_800;
      return { kind, from, to: from + 900, reason: "missing" };
    });
  // Slots of 60 s hold more gaps than a bill may list.
  const many = (count: number) =>
    Array.from({ length: count }, (_, i) => ({
      ...{ kind: "import" as const, from: DAY + 900 + i * 120, to: DAY + 960 + i * 120, reason: "missing" },
    }));
  assert.deepEqual(verdict({ ...BILL, gaps: gaps(144) }), ["same", ""]);
  const minutes: MeterReadings = { ...NO_READINGS, import: new Map([[DAY / 60, 10n]]) };
  assert.deepEqual(verdict({ ...BILL, slotSeconds: 60, gaps: many(MOST_RANGES) }, minutes), ["same", ""]);
  const [found, finding] = verdict({ ...DEAR, slotSeconds: 60, gaps: many(MOST_RANGES) }, minutes);
  assert.equal(found, "unknown");
  assert.match(finding, /has 500 ranges, the most it can have/);
  assert.match(
    verdict({ ...BILL, slotSeconds: 60, gaps: many(MOST_RANGES + 1) }, minutes)[1],
    /expected array to have/,
  );
});

test("ranges that are empty, out of order, overlapping, cut or elsewhere are refused", () => {
  const range = (from: number, to: number, kind = "import") => ({
    kind,
    from: DAY + from,
    to: DAY + to,
    reason: "missing",
  });
  const cases: [ReturnType<typeof range>[], RegExp][] = [
    [Array.from({ length: 500 }, () => range(0, 0)), /gaps: import from \d+ to \d+ is empty/],
    [[range(900, 0)], /is empty/],
    [[range(1_800, 2_700), range(0, 900)], /begins before the one before it has ended/],
    [[range(900, 2_700), range(1_800, 3_600)], /begins before the one before it has ended/],
    [[range(901, 1_800)], /cuts a slot of 900 s/],
    [[range(0, 900, "imports")], /Invalid option/],
    [[range(0, 3e9 - 300)], /is not within/],
    [[range(0, 90_000)], /is not within/],
    [[range(-900, 900)], /is not within/],
    [[range(-DAY - 900, 900)], /expected number to be >=0/],
    [[range(0, 9e15 - DAY)], /is not within/],
  ];
  for (const [gaps, message] of cases) {
    const [found, findings] = verdict({ ...NOTHING, gaps });
    assert.notEqual(found, "same");
    assert.match(findings, message);
  }
  assert.match(verdict({ ...WITH_LATE, late: [{ ...LATE, billed: [ALL] }] })[1], /billed: .* is not within/);
  assert.match(verdict({ ...WITH_LATE, late: [{ ...LATE, missing: [ALL] }] })[1], /missing: .* is not within/);
});

test("a late period counts once, before the bill's own", () => {
  const rows = WITH_LATE.rows.map((row) =>
    row.band === "flat@2025-01-15" ? { ...row, energyWh: 30, amountMicro: 12_000 } : row,
  );
  const thrice = { ...WITH_LATE, energyWh: 40, amountMicro: 17_000, rows, late: [LATE, LATE, LATE] };
  assert.match(verdict(thrice)[1], /late: the period until 2025-01-16 is followed by one from 2025-01-15/);
  const own = { ...LATE, periodStart: "2025-01-16", periodEnd: "2025-01-17", billed: [ALL] };
  assert.match(verdict({ ...BILL, late: [own] })[1], /is followed by one from 2025-01-16/);
});

test("periods are bounded in days and slots, and end after they begin", () => {
  const cases: [Partial<CustomerBill>, RegExp][] = [
    [{ periodStart: "2015-01-01", periodEnd: "2025-01-17" }, /its periods have 3669 days, expected at most 3660/],
    [{ late: [{ ...LATE, periodStart: "1980-01-01" }] }, /expected at most 3660/],
    [{ periodEnd: "2025-02-16", slotSeconds: 1 }, /have 2678400 slots, expected at most 1000000/],
    [{ periodEnd: "2025-01-16" }, /ends on 2025-01-16/],
    [{ periodStart: "2025-01-17", periodEnd: "2025-01-16" }, /ends on 2025-01-16/],
  ];
  for (const [change, message] of cases) assert.match(verdict({ ...BILL, ...change })[1], message);
});

test("another currency than the tariff's, and two rows of one band, are findings also without readings", () => {
  for (const readings of [READINGS, undefined]) {
    const found = checkReceipt(receiptOf({ ...BILL, currency: "GBP" }), { policy, readings });
    assert.deepEqual(found.findings, ["the bill is in GBP, its tariff in EUR"]);
    assert.equal(found.readings, readings === undefined ? "unknown" : "other");
    const rows = [{ band: "flat", energyWh: 999, amountMicro: 999_999 }, ...BILL.rows];
    assert.match(checkReceipt(receiptOf({ ...BILL, rows }), { policy, readings }).findings.join(), /two of flat/);
    const broken = checkReceipt(receiptOf({ ...BILL, tariff: tariffName("x") }, "x"), { policy, readings });
    assert.match(broken.findings.join(), /cannot be worked out/);
  }
});

test("where no reading is about what a bill charges nothing was compared, whatever it says", () => {
  assert.equal(verdict(NOTHING, NO_READINGS)[0], "none");
  assert.equal(verdict({ ...NOTHING, gaps: [{ ...ALL, reason: "missing" }] })[0], "none");
  assert.equal(verdict(DEAR, NO_READINGS)[0], "none");
  assert.deepEqual(verdict(NOTHING, { ...READINGS, import: new Map([[DAY / 900, 0n]]) }), ["same", ""]);
});

/** The command in a folder with these files; everything it writes to standard output. */
async function command(t: TestContext, files: Readonly<Record<string, string>>, ...args: string[]) {
  const folder = mkdtempSync(path.join(tmpdir(), "receipt-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [file, text] of Object.entries({ "log.key": formatPolicy(policy), ...files })) {
    writeFileSync(path.join(folder, file), text);
  }
  const paths = args.map((arg) => (arg.includes(".") ? path.join(folder, arg) : arg));
  let [text, said] = ["", ""];
  t.mock.method(process.stderr, "write", (part: string) => (said += part) !== "");
  const code = await receiptCommand(
    ["node", "receipt", "verify", ...paths, "--key", path.join(folder, "log.key")],
    (part) => void (text += part),
  );
  return { code, text, said };
}

const CSV = `meter,slot_start,energy_wh\nm-001,${DAY},10\n`;

test("exit codes: 0 follows, 1 does not prove the bill, 2 is no receipt, tariff or readings of it", async (t) => {
  const bill = receiptOf(BILL);
  const other = receiptOf(BILL).replace('\\"energyWh\\":10', '\\"energyWh\\":11');
  const csv = (text: string, file = bill) => ({ "b.receipt": file, "my.csv": text });
  const cases: [number, Readonly<Record<string, string>>, ...string[]][] = [
    [0, csv(CSV), "--readings", "my.csv"],
    [0, { ...csv(CSV), "t.yaml": TARIFF }, "--tariff", "t.yaml"],
    [1, csv(CSV, other)],
    [1, csv(CSV, receiptOf(DEAR)), "--readings", "my.csv"],
    [1, csv(CSV, receiptOf({ ...BILL, gaps: Array.from({ length: 501 }, () => ALL) })), "--readings", "my.csv"],
    [1, { ...csv(CSV), "t.yaml": TARIFF.replace("400000", "1") }, "--tariff", "t.yaml"],
    [2, csv("meter,slot_start,energy_wh\n", receiptOf(NOTHING)), "--readings", "my.csv"],
    [2, csv(CSV, "no JSON")],
    [2, csv(CSV, '{"format": "another"}')],
    [2, { ...csv(CSV), "t.yaml": "# Wattveil\n\nText, and no tariff.\n" }, "--tariff", "t.yaml"],
    [2, csv(CSV), "--tariff", "missing.yaml"],
    [2, csv("nothing"), "--readings", "my.csv"],
  ];
  for (const [code, files, ...args] of cases) {
    const found = await command(t, files, "b.receipt", ...args);
    assert.equal(found.code, code, `${args.join(" ")}: ${found.text}`);
  }
  const silent = await command(
    t,
    csv("meter,slot_start,energy_wh\n", receiptOf(NOTHING)),
    "b.receipt",
    "--readings",
    "my.csv",
  );
  assert.match(silent.text, /Nothing was compared: no reading is about what it charges/);
});

test("whatever a file has in it, a terminal gets no command", async (t) => {
  const bad = { "b.receipt": receiptOf(BILL), "my.csv": "meter\u001b[2J\u009b1A,slot_start,energy_wh\n" };
  const refused = await command(t, bad, "b.receipt", "--readings", "my.csv");
  assert.equal(refused.code, 2);
  assert.match(refused.said, /column meter\\u001b\[2J\\u009b1A is unknown/);
  const forged = receiptOf({ ...BILL, rows: [{ band: "\u001b[2J", energyWh: 10, amountMicro: 1 }] });
  const { text } = await command(t, { ...bad, "b.receipt": forged }, "b.receipt");
  assert.equal(text.includes("\u001b"), false, JSON.stringify(text));
});

test("arguments that are missing are told with where the flags are listed", async (t) => {
  const said: string[] = [];
  t.mock.method(process.stderr, "write", (text: string) => said.push(text) > 0);
  assert.equal(await receiptCommand(["node", "receipt", "verify"], () => undefined), 2);
  assert.match(said.join(""), /missing required argument 'file'\n+\(--help lists the flags\)\n/);
});

test("a slot's start is Unix seconds, or ISO 8601 with an offset and a day that exists", async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "readings-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, "my.csv");
  const read = async (start: string) => {
    writeFileSync(file, `meter,slot_start,energy_wh\nm,${start},5\n`);
    return [...(await readReadings(file, 900)).get("m")!.import.keys()];
  };
  for (const good of [
    "1736895600",
    "2025-01-14T23:00:00Z",
    "2025-01-15T00:00+01:00",
    "2025-01-15T04:30:00.000+05:30",
  ]) {
    assert.deepEqual(await read(good), [BEFORE / 900], good);
  }
  for (const bad of [
    ...["2025-02-30T00:00:00Z", "Jan 15 2025 00:00Z", "1+00:00", "2025-01-15", "2025-01-15T00:00:00"],
    ...["2025-13-01T00:00:00Z", "2025-01-15T25:00:00Z", "2025-01-15T00:00:00+25:00", "1960-01-01T00:00:00Z"],
    ...["2025-01-15T00:00:00.0004Z", "2025-W03-3T00:00:00Z", "-900", "1e9"],
  ]) {
    await assert.rejects(read(bad), /line 2: slot_start: expected Unix seconds, or ISO 8601 with an offset/, bad);
  }
});
