/** Old shares go in stretches of 32 days; what no bill holds yet stays. Run on a file and on a server (tests/storage). */
import assert from "node:assert/strict";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { entriesOf, openTestDatabase, temporaryFolder } from "../testing/system.ts";
import { isOnServer } from "../../config/runtime/testing/store-place.ts";
import { tableNames } from "../../config/runtime/store.ts";
import { addMember, emptyBitmap } from "../../protocol/bitmap.ts";
import { bitEntryBytes } from "../../protocol/range/bit-entries.ts";
import { ReleaseStore } from "../release/release-store.ts";
import { ShareRetention } from "./share-retention.ts";
import { ShareStore } from "./share-store.ts";

const STRETCH = 3_072;
/** The first slot of a stretch in 2024. */
const START = 619 * STRETCH;
const SETTINGS = {
  slotSeconds: 900,
  windowSlots: 960,
  shareDays: 64,
  journalRows: 1_000,
  cacheBlocks: 500,
  dirtyBlocks: 100,
};

class Bed {
  readonly file: string;
  db;
  store;
  retention;
  releases;

  constructor(context: TestContext) {
    this.file = path.join(temporaryFolder(context), "a.db");
    this.db = openTestDatabase(this.file);
    for (const id of ["a", "b"]) this.db.prepare("INSERT INTO meters (id) VALUES (?)").run(id);
    context.after(() => this.db.close());
    [this.store, this.retention, this.releases] = this.#parts();
  }

  #parts() {
    const store = new ShareStore(this.db, SETTINGS);
    const retention = new ShareRetention({ ...SETTINGS, db: this.db, store, pause: () => Promise.resolve() });
    return [store, retention, new ReleaseStore(this.db)] as const;
  }

  /** As after kill -9. */
  restart(): void {
    this.db.close();
    this.db = openTestDatabase(this.file);
    [this.store, this.retention, this.releases] = this.#parts();
  }

  /** Shares of every slot of [from, to), in messages of 100 slots. */
  fill(meter: number, kind: number, from: number, to: number, bits?: number): void {
    for (let slot = from; slot < to; slot += 100) {
      const count = Math.min(100, to - slot);
      const entries = entriesOf(Array.from({ length: count }, (_, i) => [slot + i, 1]));
      const shared =
        bits === undefined ? undefined : { bits, entries: new Uint8Array(count * bitEntryBytes(bits)).fill(7) };
      this.store.put(meter, kind, slot, entries, 0, (_, result) => assert.equal(result, "stored"), shared);
    }
    this.commit();
  }

  commit(): void {
    this.db.transaction(() => this.store.writePending())();
    this.store.committed();
  }

  /** All slots of [from, to) but some, in a bill of this meter that is proven to be endorsed. */
  bill(
    meter: number,
    kind: number,
    from: number,
    to: number,
    { without = [], proven = true }: { without?: number[]; proven?: boolean } = {},
  ): void {
    const slots = emptyBitmap(to - from);
    for (let slot = from; slot < to; slot++) if (!without.includes(slot)) addMember(slots, slot - from);
    const setId = Buffer.from(`${meter} ${kind} ${from} ${without.join()}`);
    this.releases.addSet(setId, setId, setId);
    if (proven) this.releases.setEndorsements(setId, setId);
    this.releases.addPeriod("f-1", { from, to });
    this.releases.addBill("f-1", kind, from, { meter, setId, output: 0, slots });
  }

  async passDays(days: number): Promise<void> {
    if (this.retention.tend((START + 96 * days) * 900)) await this.retention.forget();
  }

  /** How many slots of a stretch are stored, counted from the first. */
  stored(meter: number, kind: number, stretch: number): number {
    const { bits } = this.store.range(meter, kind, START + STRETCH * stretch, START + STRETCH * (stretch + 1));
    return bits.reduce((sum, byte) => sum + byte.toString(2).replaceAll("0", "").length, 0);
  }

  blocks(): number {
    return this.db.prepare<[], number>("SELECT count(*) FROM blocks WHERE day > 0").pluck().get()!;
  }
}

test("a stretch goes when it is old enough and billed, across the borders of stretches, and not before", async (context) => {
  const bed = new Bed(context);
  await bed.passDays(0);
  // Shares run across two borders, in one message each.
  bed.fill(1, 1, START, START + 2 * STRETCH + 500);
  // A month that begins within a stretch, and not at a whole byte.
  bed.bill(1, 1, START - 4, START + 1_900);
  bed.bill(1, 1, START + 1_900, START + 2 * STRETCH + 4);
  assert.deepEqual(
    [0, 1, 2].map((stretch) => bed.stored(1, 1, stretch)),
    [STRETCH, STRETCH, 500],
  );
  await bed.passDays(32 + 63);
  assert.equal(bed.stored(1, 1, 0), STRETCH);
  await bed.passDays(32 + 64);
  assert.deepEqual(
    [0, 1, 2].map((stretch) => bed.stored(1, 1, stretch)),
    [0, STRETCH, 500],
  );
  // Nothing of it comes back out of the journal.
  bed.restart();
  assert.deepEqual(
    [0, 1, 2].map((stretch) => bed.stored(1, 1, stretch)),
    [0, STRETCH, 500],
  );
  await bed.passDays(2 * 32 + 64);
  assert.equal(bed.blocks(), 6);
  assert.equal(bed.retention.counters.stretchesDropped, 1);
  // That there was something is still known.
  assert.equal(bed.store.hasBefore(1, 1, START), true);
  assert.equal(bed.store.exports(1), false);
});

test("cells that no bill holds stay with their bits, until one does", async (context) => {
  const bed = new Bed(context);
  await bed.passDays(0);
  bed.fill(1, 1, START, START + STRETCH, 4);
  bed.fill(2, 1, START, START + STRETCH, 4);
  bed.fill(1, 2, START, START + 200);
  const late = START + 1_000;
  bed.bill(1, 1, START, START + STRETCH);
  bed.bill(2, 1, START, START + STRETCH, { without: [late] });
  // Endorsed by this aggregator alone: whether there will be a bill nobody knows.
  bed.bill(1, 2, START, START + 200, { proven: false });
  await bed.passDays(100);
  assert.equal(bed.stored(1, 1, 0), 0);
  assert.equal(bed.stored(2, 1, 0), 96, "the day of the late cell");
  assert.equal(bed.stored(1, 2, 0), 200);
  assert.deepEqual(Buffer.from(bed.store.range(2, 1, late, late + 1).entries), entriesOf([[late, 1]]));
  assert.equal(bed.store.bits.range(2, 1, late, late + 1, 4).present[0], 1);
  assert.equal(bed.store.bits.range(2, 1, late - 200, late - 199, 4).present[0], 0);
  assert.equal(bed.store.bits.range(1, 1, late, late + 1, 4).present[0], 0);
  assert.equal(bed.retention.counters.blocksKept, 4);
  bed.bill(2, 1, late, late + 1);
  await bed.passDays(101);
  assert.equal(bed.stored(2, 1, 0), 96, "looked at again with the next stretch");
  await bed.passDays(100 + 32);
  assert.equal(bed.stored(2, 1, 0), 0);
  assert.equal(bed.stored(1, 2, 0), 200);
  bed.restart();
  assert.equal(bed.store.exports(1), true);
  assert.equal(bed.stored(1, 2, 0), 200);
});

test("what heads share is in no bill, and goes by its age; 0 days keep all", async (context) => {
  const bed = new Bed(context);
  bed.fill(1, 5, START, START + 96);
  const keeping = new ShareRetention({
    ...SETTINGS,
    shareDays: 0,
    db: bed.db,
    store: bed.store,
    pause: () => Promise.resolve(),
  });
  assert.equal(keeping.tend((START + 96 * 4_000) * 900), false);
  await keeping.forget();
  assert.equal(bed.stored(1, 5, 0), 96);
  await bed.passDays(100);
  assert.equal(bed.stored(1, 5, 0), 0);
});

test("on a server each stretch has partitions of its own, ahead of need, and nothing fails where one is missing", async (context) => {
  if (!isOnServer()) return;
  const bed = new Bed(context);
  const own = (): string[] =>
    tableNames(bed.db)
      .filter((name) => /_p\d+$/.test(name))
      .sort();
  // Nobody has made a partition: it lies in the rest, until there is one.
  bed.fill(1, 1, START + 5 * STRETCH, START + 5 * STRETCH + 96, 4);
  assert.deepEqual(own(), []);
  await bed.passDays(5 * 32);
  assert.deepEqual(own(), [
    "bit_shares_p623",
    "bit_shares_p624",
    "bit_shares_p625",
    "blocks_p623",
    "blocks_p624",
    "blocks_p625",
  ]);
  const count = (table: string): number => bed.db.prepare<[], number>(`SELECT count(*) FROM ${table}`).pluck().get()!;
  assert.deepEqual([count("blocks_rest"), count("blocks_p624"), count("bit_shares_p624")], [0, 1, 1]);
  assert.equal(bed.stored(1, 1, 5), 96);
  bed.bill(1, 1, START + 5 * STRETCH, START + 5 * STRETCH + 96);
  // Somebody reads, as a backup does: it is left for another day.
  const reader = openTestDatabase(bed.file);
  reader.exec("BEGIN; SELECT count(*) FROM blocks");
  await bed.passDays(8 * 32);
  assert.ok(own().includes("blocks_p624"));
  assert.ok(!own().includes("blocks_p628"));
  bed.fill(1, 1, START + 9 * STRETCH, START + 9 * STRETCH + 96);
  reader.exec("COMMIT");
  reader.close();
  await bed.passDays(8 * 32 + 1);
  assert.ok(!own().includes("blocks_p624"));
  assert.ok(own().includes("blocks_p628"));
  assert.equal(bed.stored(1, 1, 9), 96);
});
