/** Fills the aggregators' share stores directly, so that a benchmark of what follows need not wait for intake. */
import { join } from "node:path";
import { MeterTable } from "../../aggregator/intake/meter-table.ts";
import { MIGRATIONS } from "../../aggregator/store/schema.ts";
import { ShareStore } from "../../aggregator/store/share-store.ts";
import { openMeterSecrets } from "../../config/keys/index.ts";
import { migrate, openDatabase } from "../../config/runtime/database.ts";
import { createProgress } from "../../config/runtime/terminal.ts";
import { ENTRY_BYTES } from "../../protocol/shamir/share-entries.ts";
import { splitBatch } from "../../protocol/shamir/split.ts";
import { KINDS } from "../../protocol/units.ts";
import type { BenchSystem } from "./bench-system.ts";

/** What intake would have stored: every share of every meter, slot by slot. */
export function fillStores(system: BenchSystem, from: number, to: number, silent: boolean): void {
  const { aggregators: n, threshold: t } = system.config.system;
  const stores = Array.from({ length: n }, (_, index) => {
    const db = openDatabase(join(system.data, `a-${index + 1}`, "aggregator.db"), { synchronous: "NORMAL" });
    migrate(db, MIGRATIONS);
    const store = new ShareStore(db, { journalRows: 100_000, cacheBlocks: 4_096, dirtyBlocks: 2_048 });
    return { db, store, table: new MeterTable(db) };
  });
  const out = stores.map(() => new Uint8Array((to - from) * ENTRY_BYTES));
  const bar = createProgress({ label: "meters filled", total: system.meters.length, silent });
  for (const [number, { id }] of system.meters.entries()) {
    const { polynomialKey } = openMeterSecrets(join(system.data, "keys", id));
    const readings = Array.from({ length: to - from }, (_, slot) => (number * 31 + slot * 17) % 800);
    splitBatch({ key: polynomialKey, kind: KINDS.import, firstSlot: from, readings, n, t, out });
    for (const [index, { db, store, table }] of stores.entries()) {
      const meter = table.register(id).number;
      store.put(meter, KINDS.import, from, out[index]!, 0, (slot, result) => {
        if (result !== "stored") throw new Error(`slot ${slot} of ${id} was not stored: ${result}`);
      });
      db.transaction(() => store.writePending())();
      store.committed();
    }
    bar.update(number + 1);
  }
  bar.stop();
  for (const { db, store } of stores) {
    store.pack();
    db.close();
  }
}
