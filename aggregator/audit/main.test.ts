/** `npm run audit`: reads an aggregator's database, says what the worst combination leaves, and fails where it is too little. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import Database from "better-sqlite3";
import { recordRelease } from "../release/rules.ts";
import { History } from "../release/testing/history.ts";
import { billCells } from "../rounds/layout.ts";
import { releasedTotals } from "./release-totals.ts";
import { temporaryFolder } from "../testing/system.ts";

const START = path.join(import.meta.dirname, "../../config/runtime/start.mjs");
const ENTRY = path.join(import.meta.dirname, "../audit-main.ts");

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function audit(data: string, ...more: readonly string[]): Promise<Outcome> {
  const set = ["--set", "release.minSlots=4", "--set", "release.minMeters=3"];
  try {
    const args = [START, ENTRY, "--id", "1", "--data", data, ...set, ...more];
    return { code: 0, ...(await promisify(execFile)(process.execPath, args)) };
  } catch (error) {
    return error as Outcome;
  }
}

test("tells what is left alone at worst, and which totals give it where that is too little", async (t) => {
  const data = temporaryFolder(t);
  const none = await audit(data);
  assert.equal(none.code, 2);
  assert.match(none.stderr, /aggregator\.db does not exist: start the aggregator first/);

  const folder = path.join(data, "a-1");
  mkdirSync(folder);
  const history = new History(folder, { meters: 4, minMeters: 3, minSlots: 4, file: "aggregator.db" });
  assert.equal((await audit(data)).stdout, "nothing was released yet\n");
  assert.equal(history.ask(history.load([0, 12])), undefined);
  assert.equal(history.ask(history.bill([[0, 12]])), undefined);
  const good = await audit(data);
  assert.equal(good.code, 0, good.stderr);
  assert.match(good.stdout, /f-1 +│ import +│ +16 │ +48 │ +12 +│ +4 +│/);
  assert.match(good.stdout, /No combination of released totals leaves less than the limits/);
  const stranger = await audit(data, "--feeder", "f-9");
  assert.deepEqual([stranger.code, stranger.stderr.includes("nothing of f-9 was released; there are f-1")], [2, true]);

  // An aggregator that keeps no rules: the next loads lack a cell that the bills hold.
  const [load, bill] = [history.load([12, 24], (meter, slot) => meter !== 2 || slot !== 15), history.bill([[12, 24]])];
  for (const [position, set] of [load, bill].entries()) {
    const setId = Buffer.alloc(32, position);
    recordRelease(
      { set, numbers: [1, 2, 3, 4], cells: set.purpose === "billing" ? billCells(set) : [] },
      setId,
      history.context.store,
    );
  }
  const bad = await audit(data);
  assert.equal(bad.code, 1);
  assert.match(
    bad.stdout,
    /f-1 import: 1 slots of meter 3, the first 1970-01-01 04:45 \(slot 15\), by -?1 x load of 1970-01-01 04:00 \(slot 12\) \+/,
  );
  assert.match(
    bad.stdout,
    /2 combinations leave less than the release rules allow\. The limits are release\.minMeters 3 \(/,
  );
  assert.match(
    bad.stdout,
    /release\.minSlots 4 \(.*\): use the profile or configuration that the aggregator runs with/,
  );
  const report = JSON.parse((await audit(data, "--json")).stdout) as {
    leaks: number;
    feeders: { fewestSlotsOfMeter: { count: number; exact: boolean; cells: unknown[] } }[];
  };
  assert.equal(report.leaks, 1);
  const [{ fewestSlotsOfMeter }] = report.feeders as [(typeof report.feeders)[0]];
  assert.deepEqual([fewestSlotsOfMeter.count, fewestSlotsOfMeter.exact], [1, true]);
  assert.deepEqual(fewestSlotsOfMeter.cells, [{ meter: "meter 3", slot: 15 }]);
});

test("says which row cannot be what an aggregator has written, and which file is none of an aggregator's", async (t) => {
  const data = temporaryFolder(t);
  const folder = path.join(data, "a-1");
  mkdirSync(folder);
  const history = new History(folder, { meters: 4, minMeters: 3, minSlots: 4, file: "aggregator.db" });
  assert.equal(history.ask(history.load([0, 12])), undefined);
  const db = new Database(path.join(folder, "aggregator.db"));
  t.after(() => db.close());
  const faultAfter = async (sql: string): Promise<string> => {
    db.exec(sql);
    const { code, stderr } = await audit(data);
    assert.equal(code, 1, stderr);
    return stderr;
  };
  const doubled = "UPDATE load_cells SET meters = CAST(meters || substr(meters, 1, 4) AS BLOB) WHERE slot = 3";
  assert.match(await faultAfter(doubled), /load_cells, feeder f-1, kind import: load 3: holds meter 1 in slot 3 twice/);
  assert.match(
    await faultAfter("UPDATE load_cells SET meters = substr(CAST(meters AS BLOB), 1, 7) WHERE slot = 3"),
    /load_cells, feeder f-1, kind import, slot 3: meters: expected whole numbers of 4 bytes, got 7 bytes/,
  );
  assert.match(
    await faultAfter("DELETE FROM load_cells"),
    /sets: 1 of purpose load were endorsed, but load_cells is empty: its rows are gone/,
  );
  mkdirSync(path.join(data, "none", "a-1"), { recursive: true });
  writeFileSync(path.join(data, "none", "a-1", "aggregator.db"), "");
  const none = await audit(path.join(data, "none"));
  assert.equal(none.code, 2);
  assert.match(none.stderr, /is no aggregator's database: it has no table meters/);
});

test("sets whose ids begin alike stay apart", (t) => {
  const folder = temporaryFolder(t);
  new History(folder, { meters: 4, minMeters: 3, minSlots: 4, file: "aggregator.db" });
  const db = new Database(path.join(folder, "aggregator.db"));
  t.after(() => db.close());
  const insert = db.prepare("INSERT INTO bill_cells VALUES ('f-1', 1, 0, 1, ?, 0, ?)");
  for (const [last, slots] of [0x0f, 0xf0].entries()) {
    const id = Buffer.alloc(32);
    id[31] = last;
    insert.run(id, Buffer.of(slots));
  }
  assert.deepEqual(
    releasedTotals(db, "f-1", "import").map(({ cells }) => cells.length),
    [4, 4],
  );
});
