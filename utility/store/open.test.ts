/** The utility's database of an earlier release: it is brought up to date while somebody reads it, and keeps what it held. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { openStore, tableNames } from "../../config/runtime/store.ts";
import { testPlace } from "../../config/runtime/testing/store-place.ts";
import { migrations } from "./migrations.ts";
import { openForReading, openUtilityDatabase } from "./open.ts";

test("a database of every earlier version is brought up to date beside a reader, with its rows", async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "wv-open-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const names = Object.keys(await migrations.getMigrations());
  // The first one, those in the middle that change what is there, and the one before the last.
  for (const version of ["001-tables", "010-balances", names.at(-2)!]) {
    const place = testPlace(path.join(folder, `${version}.db`));
    const old = await openUtilityDatabase(place, { upTo: version });
    await old
      .insertInto("feeder_loads")
      .values({
        feeder_id: "f-1",
        slot_start: 900,
        energy_wh: 7,
        export_wh: null,
        meters: 5,
        status: "final",
        spare_answers: 1,
        round_id: "r",
      })
      .execute();
    await old.insertInto("meta").values({ key: "round_serial", value: "41" }).execute();
    await old.destroy();

    const reader = openForReading(place);
    const rows = (): Promise<unknown> =>
      reader.selectFrom("feeder_loads").select(["slot_start", "energy_wh"]).execute();
    const before = await rows();
    const db = await openUtilityDatabase(place, { alone: true });
    assert.deepEqual(await rows(), before, version);
    assert.deepEqual(before, [{ slot_start: 900, energy_wh: 7 }]);
    assert.deepEqual(await db.selectFrom("current_bills").select("range_proof").execute(), []);
    assert.deepEqual(await db.selectFrom("noised_values").selectAll().execute(), []);
    assert.deepEqual(await db.selectFrom("meta").selectAll().execute(), [{ key: "round_serial", value: "41" }]);
    await reader.destroy();
    await db.destroy();
  }
});

test("a database of a newer program is refused", async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "wv-open-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const place = testPlace(path.join(folder, "utility.db"));
  await (await openUtilityDatabase(place)).destroy();
  const raw = openStore(place, { synchronous: "FULL" });
  raw.prepare("INSERT INTO kysely_migration (name, timestamp) VALUES ('999-later', '2030')").run();
  raw.close();
  await assert.rejects(openUtilityDatabase(place), /was written by a newer program/);
});

test("a database of another party is refused, for reading as well, and one that was just begun has no tables yet", async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "wv-open-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const place = path.join(folder, "other.db");
  const other = openStore(place, { synchronous: "FULL" });
  other.exec("CREATE TABLE journal (body INTEGER)");
  const refused = { code: "foreign", message: /is not the utility's database: it holds journal/ };
  await assert.rejects(openUtilityDatabase(place), refused);
  assert.throws(() => openForReading(place), refused);
  assert.deepEqual(tableNames(other), ["journal"]);
  other.close();

  const begun = testPlace(path.join(folder, "begun.db"));
  const empty = openStore(begun, { synchronous: "FULL" });
  assert.throws(() => openForReading(begun), {
    code: "absent",
    message: /holds no tables yet: start the utility first/,
  });
  empty.exec("CREATE TABLE kysely_migration (name VARCHAR(255) PRIMARY KEY, timestamp VARCHAR(255) NOT NULL)");
  assert.throws(() => openForReading(begun), { code: "absent" });
  empty.close();
  await (await openUtilityDatabase(begun)).destroy();
  await openForReading(begun).destroy();
});

test("a transaction that reads first waits for another process's, and sees what that has written", async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "wv-open-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, "utility.db");
  const db = await openUtilityDatabase(file);
  t.after(() => db.destroy());
  const script = `const db = new (require("better-sqlite3"))(process.argv[1]);
    db.exec("BEGIN IMMEDIATE; INSERT INTO meta (key, value) VALUES ('a', '1')");
    console.log("held");
    setTimeout(() => db.exec("COMMIT"), 300);`;
  const other = spawn(process.execPath, ["-e", script, file], { stdio: ["ignore", "pipe", "inherit"] });
  await once(other.stdout, "data");
  const seen = await db.transaction().execute(async (transaction) => {
    const row = await transaction.selectFrom("meta").select("value").where("key", "=", "a").executeTakeFirst();
    await transaction.updateTable("meta").set({ value: "2" }).where("key", "=", "a").execute();
    return row?.value;
  });
  assert.equal(seen, "1");
});
