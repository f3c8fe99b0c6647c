/** A copy of one party's file is not put in the place of another's. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { openDatabase } from "../runtime/database.ts";
import { tableNames } from "../runtime/store.ts";
import { backup, BackupError, restore } from "./backup.ts";
import { STORE_NAMES, storeOf } from "./stores.ts";

const START = path.resolve(import.meta.dirname, "../runtime/start.mjs");

test("a copy of a file is put back as that store's and as no other one's, before anything is touched", async (t) => {
  const data = mkdtempSync(path.join(tmpdir(), "wv-stores-"));
  t.after(() => rmSync(data, { recursive: true, force: true }));
  const config = { storage: { url: "" }, paths: { data, logs: "", results: "" } } as Parameters<
    NonNullable<ReturnType<typeof storeOf>>["place"]
  >[0];
  const stores = ["a-1", ...STORE_NAMES].map((name) => {
    const store = storeOf(name)!;
    const copy = path.join(data, `${name}.backup`);
    const place = store.place(config);
    openDatabase(place, { synchronous: "NORMAL" }).close(); // an aggregator's looks into the file that is to be moved
    const made = spawnSync(process.execPath, [START, store.maker, place, place], { encoding: "utf8" });
    assert.equal(made.status, 0, `${name}: ${made.stderr}`);
    return { ...store, name, place, copy };
  });
  for (const { place, copy } of stores) await backup(place, copy);
  for (const one of stores) {
    const now = new Date("2025-01-15T10:00:00Z");
    for (const other of stores) {
      if (other === one) continue;
      await assert.rejects(
        restore(one.place, other.copy, now, one),
        (error) => error instanceof BackupError && error.message.includes(`${other.copy} is no copy of ${one.place}`),
        `${other.name} as ${one.name}`,
      );
    }
    assert.equal(existsSync(`${one.place}.20250115T100000Z`), false);
    assert.ok(await restore(one.place, one.copy, now, one));
    const database = openDatabase(one.place, { synchronous: "NORMAL", readonly: true });
    assert.ok(one.marks.every((mark) => tableNames(database).includes(mark)));
    database.close();
  }
  // The command knows which tables those are, and what a copy of an aggregator's means.
  const command = (from: string) => {
    const args = ["config/storage-main.ts", "restore", "--party", "a-1", "--data", data, "--from", from];
    return spawnSync(process.execPath, [START, ...args], { encoding: "utf8" });
  };
  const foreign = command(path.join(data, "utility.backup"));
  assert.deepEqual(
    [foreign.status, /is no copy of .*aggregator\.db: it has no table own_boot/.test(foreign.stderr)],
    [1, true],
  );
  const own = command(path.join(data, "a-1.backup"));
  assert.equal(own.status, 0, own.stderr);
  assert.match(own.stderr, /^a-1 no longer knows what it has endorsed since that copy: .*docs\/postgresql\.md/);
});
