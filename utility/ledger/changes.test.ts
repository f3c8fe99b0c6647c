/** Rows that somebody changed, added or deleted after they were logged: verify finds each. */
import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { billedDays } from "./testing/billed-days.ts";

const CORRECTED = "meter_id = 'm-003' AND period_start = '2025-01-15'";
const SWAPPED = "CASE status WHEN 'final' THEN 'superseded' ELSE 'final' END";
const BILL = "subject LIKE 'bill m-001 2025-01-15 %'";

/** Columns of a bill that is copied, with some of its own. */
function billColumns(meter: string, version: string, status: string): string {
  const numbers = ["energy_wh", "amount_micro", "currency"];
  const more = [
    "spare_answers",
    "gaps",
    "catchup_wh",
    "export_wh",
    "tariff_id",
    "totals",
    "released_rows",
    "issued_at",
  ];
  return [meter, "period_start", "period_end", ...numbers, version, status, ...more, "sent", "range_proof"].join();
}
const EMPTY_BILL = billColumns("'m-099'", "1", "'corrected'").replace(
  /energy_wh|amount_micro|catchup_wh|export_wh|totals/g,
  "NULL",
);

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
  [
    "a current bill that is marked as superseded",
    "UPDATE bills SET status = 'superseded' WHERE meter_id = 'm-002' AND status = 'final'",
    /bills: m-002, .*: status: it is superseded, by the log it is final/,
  ],
  [
    "versions that are exchanged, rows and all",
    `UPDATE bills SET status = ${SWAPPED} WHERE ${CORRECTED}; UPDATE bill_totals SET status = ${SWAPPED} WHERE ${CORRECTED}`,
    /version 1: status: it is final, by the log it is superseded\n.*version 2: status: it is superseded/,
  ],
  [
    "two current versions",
    `UPDATE bills SET status = 'final' WHERE ${CORRECTED}`,
    /version 1: status: it is final, by the log it is superseded/,
  ],
  [
    "a corrected bill that goes",
    `DELETE FROM bills WHERE ${CORRECTED} AND version = 2; UPDATE bills SET status = 'final' WHERE ${CORRECTED}`,
    /bill m-003 .* 2: it was logged and is gone/,
  ],
  [
    "a bill of another status",
    `INSERT INTO bills SELECT ${billColumns("'m-003'", "9", "'corrected'")} FROM bills WHERE meter_id = 'm-001' LIMIT 1`,
    /bills: m-003, .* version 9: it is not in the log/,
  ],
  [
    "an empty bill of a status that nothing gave it",
    `INSERT INTO bills SELECT ${EMPTY_BILL} FROM bills WHERE meter_id = 'm-001' LIMIT 1`,
    /bills: m-099, .*: status: it is corrected, and nothing gave it that/,
  ],
  [
    "a bill whose salt is gone and whose content was made up",
    `UPDATE ledger_private SET salt = NULL, content = replace(content, '"amountMicro"', '"amountmicro"') WHERE ${BILL}`,
    /commitments: bill m-001 .*: its salt or its content is gone, and no erasure takes it/,
  ],
  [
    "a bill that passes for erased",
    `UPDATE ledger_private SET salt = NULL, content = NULL WHERE ${BILL}; UPDATE bills SET amount_micro = 1 WHERE meter_id = 'm-001'`,
    /commitments: its content is gone, and no erasure of it was logged/,
  ],
  [
    "released sums that pass for erased",
    "UPDATE ledger_private SET salt = NULL, content = NULL WHERE subject LIKE 'totals %'",
    /commitments: totals .*: its salt or its content is gone/,
  ],
  [
    "a logged bill that cannot be read",
    `UPDATE ledger_private SET content = x'00' WHERE ${BILL}`,
    /bills: m-001, .*: what was logged cannot be read/,
  ],
  [
    "a bill's sums",
    `UPDATE bills SET totals = replace(totals, '"exportWh":"0"', '"exportWh":"7"') WHERE meter_id = 'm-001'`,
    /bills: m-001, .*: totals: not the sums that were released/,
  ],
  [
    "a bill's sums that cannot be read",
    "UPDATE bills SET totals = '{' WHERE meter_id = 'm-001'",
    /bills: m-001, .*: totals: they do not follow from what was released/,
  ],
  ...["gaps", "catchup_wh", "export_wh", "released_rows"].map((column): [string, string, RegExp] => [
    `a bill's ${column}`,
    `UPDATE bills SET ${column} = ${column} + 1 WHERE meter_id = 'm-004' AND status = 'final'`,
    new RegExp(`bills: m-004, .*: ${column}: it (is|says)`),
  ]),
  ...[
    ["currency", "'USD'"],
    ["status", "'corrected'"],
    ["kind", "'tax'"],
    ["version", "77"],
  ].map(([column, value]): [string, string, RegExp] => [
    `the ${column} of a row of a bill`,
    `UPDATE bill_totals SET ${column} = ${value} WHERE meter_id = 'm-001' AND band = 'peak' AND period_start = '2025-01-16'`,
    /bill_totals: m-001, period from 2025-01-16, .* peak: (kind .* do not fit|its bill is not there)/,
  ]),
  ["the slots of a gap", "UPDATE gaps SET slots = slots + 1", /gaps: m-00\d, import from \d+ to \d+: these are not/],
  ["a tariff that goes", "DELETE FROM tariffs", /bills: m-001, .*: tariff [0-9a-f]{32}: it is not in the database/],
  ["a tariff's text", "UPDATE tariffs SET yaml = yaml || ' '", /bills: m-001, .*: tariff .*: its text is another one/],
  ...[
    ["state", "'opened'"],
    ["status", "'waiting'"],
    ["purpose", "'load'"],
    ["feeder_id", "'f-9'"],
    ["range_start", "range_start + 900"],
    ["sets", "sets + 1"],
    ["set_id", "x'00'"],
    ["set_id", "NULL"],
    ["content", "NULL"],
    ["excluded", "'['"],
  ].map(([column = "", value]): [string, string, RegExp] => [
    `${column} of a round becomes ${value}`,
    `UPDATE rounds SET ${column} = ${value} WHERE purpose = 'billing'`,
    new RegExp(`rounds: b-f-1-.*: (.*${column} |${column}: |its set is)`),
  ]),
  [
    "rounds that have failed",
    "UPDATE rounds SET state = 'failed', reason = 'x'; UPDATE rounds SET status = 'inconsistent'",
    /rounds: b-.*: state failed, status inconsistent: no failure was logged/,
  ],
  [
    "what a period has come to",
    "UPDATE feeder_periods SET status = 'x'",
    /feeder_periods: f-1 from .*: it is not as b-/,
  ],
  ["a period that goes", "DELETE FROM feeder_periods", /feeder_periods: b-.*: the period that it settled is gone/],
  [
    "the round of a load",
    "UPDATE feeder_loads SET round_id = 'l-f-9-1-1'",
    /feeder_loads: f-1 at \d+: .* of l-f-9-1-1, logged was/,
  ],
  [
    "the feeder of a released sum",
    "UPDATE released_totals SET feeder_id = 'f-9' WHERE meter_id = 'm-002'",
    /released_totals: b-.*, m-002: its feeder is f-9, logged was f-1/,
  ],
];

const TABLES = [
  ...["bills", "bill_totals", "gaps", "feeder_loads", "released_totals", "rounds"],
  ...["tariffs", "feeder_periods", "ledger_private"],
];

/** A database beside the running utility, which can be put back to what it was. */
async function meddle(folder: string): Promise<{ database: Database.Database; restore: () => void }> {
  const copy = path.join(folder, "before.db");
  await rm(copy, { force: true });
  const database = new Database(path.join(folder, "utility.db"));
  database.exec(`VACUUM INTO '${copy}'; ATTACH '${copy}' AS before`);
  const sql = TABLES.map(
    (table) => `DELETE FROM main.${table}; INSERT INTO main.${table} SELECT * FROM before.${table}`,
  );
  return { database, restore: () => database.exec(sql.join(";")) };
}

test("verify finds each changed, added or deleted row of what was logged", async (t) => {
  const { harness, verify, correct } = await billedDays(t);
  await correct();
  assert.deepEqual(await verify(), []);
  const { database, restore } = await meddle(harness.folder);
  t.after(() => database.close());
  for (const [what, sql, message] of CHANGES) {
    for (const statement of sql.split("; ")) assert.ok(database.prepare(statement).run().changes > 0, what);
    assert.match((await verify()).join("\n"), message, what);
    restore();
  }
  assert.deepEqual(await verify(), []);
});

test("a correction starts from what was logged alone", async (t) => {
  const { harness, verify, correct, db } = await billedDays(t);
  const { database, restore } = await meddle(harness.folder);
  t.after(() => database.close());
  const altered: [string, RegExp][] = [
    [
      `UPDATE bills SET totals = replace(totals, '"exportWh":"0"', '"exportWh":"7"') WHERE meter_id = 'm-001'`,
      /RangeError: bills: m-001, .*: totals: not the sums that were released; a correction starts from what was logged/,
    ],
    [
      "UPDATE released_totals SET energy_wh = energy_wh + 1 WHERE meter_id = 'm-001'",
      /RangeError: released_totals of the round b-.*: not those that were logged/,
    ],
    ["UPDATE bills SET spare_answers = 9 WHERE meter_id = 'm-001'", /m-001, .*: spareAnswers: not what was logged/],
    [
      `UPDATE ledger_private SET content = x'00' WHERE ${BILL}`,
      /bill m-001 .*: the log has committed to something else/,
    ],
    [`UPDATE ledger_private SET salt = NULL, content = NULL WHERE ${BILL}`, /m-001: what its bill .* says was erased/],
    ["UPDATE tariffs SET yaml = replace(yaml, '400000', '100000')", /m-001, .*: tariff .*: its text is another one/],
  ];
  for (const [sql, message] of altered) {
    assert.ok(database.prepare(sql).run().changes > 0, sql);
    await assert.rejects(correct(), (error: Error) => message.test(String(error)), sql);
    restore();
  }
  assert.equal((await db.selectFrom("bills").select("version").where("version", ">", 1).execute()).length, 0);
  await correct();
  assert.deepEqual(await verify(), []);
});
