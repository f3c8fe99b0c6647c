import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { entriesOf, openTestDatabase, temporaryFolder } from "../testing/system.ts";
import { ShareStore, type ShareStoreOptions } from "./share-store.ts";

const OPTIONS: ShareStoreOptions = { journalRows: 20, cacheBlocks: 4, dirtyBlocks: 3 };

interface Put {
  readonly meter: number;
  readonly kind: number;
  readonly first: number;
  readonly values: readonly number[];
}

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      meter: fc.integer({ min: 1, max: 3 }),
      kind: fc.integer({ min: 1, max: 2 }),
      first: fc.integer({ min: 0, max: 400 }),
      values: fc.array(fc.integer({ min: 1, max: 2 }), { minLength: 1, maxLength: 120 }),
    }),
  },
  { weight: 4, arbitrary: fc.constant("commit" as const) },
  { weight: 1, arbitrary: fc.constant("kill" as const) },
  { weight: 1, arbitrary: fc.constant("pack" as const) },
);

test("whatever is put, packed and killed: each committed slot is there once, and the first entry stands", (context) => {
  const folder = temporaryFolder(context);
  let run = 0;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const file = path.join(folder, `${run++}.db`);
      let db = openTestDatabase(file);
      for (const id of ["a", "b", "c"]) db.prepare("INSERT INTO meters (id) VALUES (?)").run(id);
      let store = new ShareStore(db, OPTIONS);
      let committed = new Map<string, number>();
      let pending = new Map<string, number>();
      const commit = (): void => {
        db.transaction(() => store.writePending())();
        store.committed();
        committed = new Map(pending);
      };
      const put = ({ meter, kind, first, values }: Put): void => {
        const entries = entriesOf(values.map((value) => [value, value]));
        store.put(meter, kind, first, entries, 0, (slot, result) => {
          const key = `${meter} ${kind} ${slot}`;
          const value = values[slot - first]!;
          const known = pending.get(key);
          assert.equal(result, known === undefined ? "stored" : known === value ? "duplicate" : "conflict");
          if (known === undefined) pending.set(key, value);
        });
      };
      for (const item of steps) {
        if (typeof item === "object") put(item);
        else if (item === "commit") commit();
        else if (item === "pack") {
          commit();
          store.pack();
        } else {
          db.close();
          db = openTestDatabase(file);
          store = new ShareStore(db, OPTIONS);
          pending = new Map(committed);
        }
      }
      for (const meter of [1, 2, 3]) {
        for (const kind of [1, 2]) {
          const { bits, entries } = store.range(meter, kind, 5, 533);
          for (let slot = 5; slot < 533; slot++) {
            const expected = pending.get(`${meter} ${kind} ${slot}`);
            const at = slot - 5;
            assert.equal((bits[at >>> 3]! & (1 << (at & 7))) !== 0, expected !== undefined);
            assert.equal(entries[16 * at + 7], expected ?? 0);
            if (slot % 50 === 0) assert.equal(store.has(meter, kind, slot), expected !== undefined);
          }
        }
      }
      assert.ok(store.cachedBlocks < 60);
      db.close();
    }),
    { numRuns: 25 },
  );
});

test("keeps its memory bounded while blocks come and go", (context) => {
  const db = openTestDatabase(path.join(temporaryFolder(context), "a.db"));
  db.prepare("INSERT INTO meters (id) VALUES ('a')").run();
  const store = new ShareStore(db, { journalRows: 1_000_000, cacheBlocks: 8, dirtyBlocks: 4 });
  for (let slot = 0; slot < 96 * 50; slot += 48) {
    store.put(1, 1, slot, entriesOf([[1, 1]]), 0, () => {});
    db.transaction(() => store.writePending())();
    store.committed();
    assert.ok(store.cachedBlocks <= 9, `${store.cachedBlocks}`);
  }
  db.close();
});
