import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { test } from "node:test";
import fc from "fast-check";
import {
  assertCommitted,
  decodeEntry,
  leafHash,
  openCheckpoint,
  verifyConsistency,
  verifyInclusion,
} from "../../protocol/log/index.ts";
import { merkleRoot } from "../../protocol/log/merkle.ts";
import { Ledger, readHead } from "./ledger.ts";
import { logBed, someEntries, TIME } from "./testing/log-bed.ts";
import { TreeReader } from "./tree.ts";
import { type Finding, verifyLog } from "./verify.ts";

type Bed = Awaited<ReturnType<typeof logBed>>;

async function leavesOf({ db }: Bed): Promise<Uint8Array[]> {
  const rows = await db.selectFrom("ledger_entries").select("entry").orderBy("idx").execute();
  return rows.map(({ entry }) => entry);
}

async function findings({ db, ledger }: Bed, saved: { name: string; note: string }[] = []): Promise<string[]> {
  const found: Finding[] = [];
  await verifyLog(db, { log: ledger.key, saved }, (finding) => found.push(finding));
  return found.map(({ where, index, what }) => `${where}${index === undefined ? "" : ` ${index}`}: ${what}`);
}

test("whatever the batches, root and proofs are those of the plain tree", async (t) => {
  const bed = await logBed(t);
  const { db, ledger, tree } = bed;
  let size = 0;
  const roots: Uint8Array[] = [merkleRoot([])];
  for (const batch of [1, 1, 3, 250, 1, 1, 300, 7, 1_000, 2]) {
    assert.equal(await bed.append(someEntries(batch, size)), size);
    size += batch;
    const head = await readHead(db);
    const opened = openCheckpoint(head.checkpoint!, { log: ledger.key, witnesses: [], quorum: 0 });
    assert.deepEqual([opened.size, opened.root], [size, head.root]);
    roots[size] = Uint8Array.from(merkleRoot(await leavesOf(bed)));
    assert.deepEqual(head.root, roots[size]);
  }
  const leaves = await leavesOf(bed);
  const sizes = Object.keys(roots).map(Number);
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...sizes), fc.integer({ min: 1, max: size }), fc.nat(), async (from, to, seed) => {
      const root = Uint8Array.from(merkleRoot(leaves.slice(0, to)));
      assert.deepEqual(Uint8Array.from(await tree.root(to)), root);
      const index = seed % to;
      verifyInclusion({
        index,
        size: to,
        leaf: leafHash(leaves[index]!),
        proof: await tree.inclusion(index, to),
        root,
      });
      if (from > to) return;
      verifyConsistency({ from, fromRoot: roots[from]!, size: to, root, proof: await tree.consistency(from, to) });
    }),
    { numRuns: 60 },
  );
  assert.deepEqual(await findings(bed), []);
});

test("a reader that remembers tiles sees what is appended later", async (t) => {
  const bed = await logBed(t);
  for (let size = 0; size < 20; size++) {
    await bed.append(someEntries(1, size));
    assert.deepEqual(Uint8Array.from(await bed.tree.root(size + 1)), (await readHead(bed.db)).root);
  }
  await assert.rejects(new TreeReader(bed.db).root(21), /RangeError: ledger: there is no node/);
});

test("an entry holds nothing of its content, which the kept salt opens", async (t) => {
  const bed = await logBed(t);
  const content = Buffer.from("m-001 owes 12.34");
  const index = await bed.append([{ entry: { type: "bill" }, subject: "bill m-001", content }]);
  const [leaf] = await leavesOf(bed);
  assert.equal(Buffer.from(leaf!).includes("m-001"), false);
  const { content: entry, time } = decodeEntry(leaf!);
  assert.equal(time, TIME);
  const kept = await bed.db.selectFrom("ledger_private").selectAll().where("idx", "=", index).executeTakeFirstOrThrow();
  assert.ok(entry.type === "bill");
  assertCommitted(entry.commitment, kept.salt!, kept.content!);
  // The same content a second time is another commitment: nobody can tell that it is the same.
  await bed.append([{ entry: { type: "bill" }, subject: "bill m-001 again", content }]);
  const second = decodeEntry((await leavesOf(bed))[1]!).content;
  assert.ok(second.type === "bill");
  assert.notDeepEqual(second.commitment, entry.commitment);
});

test("what is taken back is not in the log", async (t) => {
  const bed = await logBed(t);
  await bed.append(someEntries(10));
  const before = await readHead(bed.db);
  const fails = bed.db.transaction().execute(async (transaction) => {
    await bed.ledger.append(transaction, TIME, someEntries(300, 10));
    throw new Error("the bill was not written");
  });
  await assert.rejects(fails, /not written/);
  assert.deepEqual(await readHead(bed.db), before);
  assert.deepEqual(await findings(bed), []);
});

test("refuses an entry that names a customer or is not one", async (t) => {
  const bed = await logBed(t);
  const named = { type: "key", id: "a-1", use: "test", fingerprint: new Uint8Array(32), meter: "m-001" } as const;
  await assert.rejects(bed.append([{ entry: named }]), /RangeError: entry: .*meter/s);
  const twice = someEntries(2);
  await assert.rejects(
    bed.append([twice[1]!, twice[1]!]),
    /UNIQUE constraint failed: ledger_private.subject|duplicate key .*ledger_private_subject/,
  );
  assert.equal((await readHead(bed.db)).size, 0);
});

const TAMPERED: [string, (bed: Bed) => void, RegExp][] = [
  [
    "a changed entry",
    (bed) => {
      bed.tamper("UPDATE ledger_entries SET entry = (SELECT entry FROM ledger_entries WHERE idx = 2) WHERE idx = 4");
    },
    /tiles: tile 0\/0 is not that of the entries/,
  ],
  [
    "a deleted entry",
    (bed) => bed.tamper("DELETE FROM ledger_entries WHERE idx = 300"),
    /entries 300: entries 300 to 300 are missing/,
  ],
  [
    "a deleted last entry",
    (bed) => bed.tamper("DELETE FROM ledger_entries WHERE idx = 599"),
    /entries 599: entries 599 to 599 are missing/,
  ],
  [
    "two entries in another order",
    (bed) => {
      bed.tamper("UPDATE ledger_entries SET idx = -1 WHERE idx = 8");
      bed.tamper("UPDATE ledger_entries SET idx = 8 WHERE idx = 10");
      bed.tamper("UPDATE ledger_entries SET idx = 10 WHERE idx = -1");
    },
    /tiles: tile 0\/0 is not/,
  ],
  [
    "an inserted entry",
    (bed) => {
      bed.tamper("UPDATE ledger_entries SET idx = -idx - 1 WHERE idx >= 100");
      bed.tamper("UPDATE ledger_entries SET idx = -idx WHERE idx < 0");
      bed.tamper("INSERT INTO ledger_entries SELECT 100, type, entry FROM ledger_entries WHERE idx = 2");
    },
    /tiles: tile 0\/0 is not/,
  ],
  [
    "an added entry",
    (bed) => bed.tamper("INSERT INTO ledger_entries SELECT 600, type, entry FROM ledger_entries WHERE idx = 2"),
    /the head is of 600 entries with another root, there are 601/,
  ],
  [
    "a changed type",
    (bed) => bed.tamper("UPDATE ledger_entries SET type = 'bill' WHERE idx = 4"),
    /entries 4: its type is key, the table says bill/,
  ],
  [
    "bytes that are no entry",
    (bed) => bed.tamper("UPDATE ledger_entries SET entry = ? WHERE idx = 4", Buffer.of(0xff)),
    /entries 4: an entry: /,
  ],
  [
    "a changed tile",
    (bed) => bed.tamper("UPDATE ledger_tiles SET hashes = ? WHERE level = 0 AND tile = 1", Buffer.alloc(8192)),
    /tiles: tile 0\/1 is not/,
  ],
  ["a deleted tile", (bed) => bed.tamper("DELETE FROM ledger_tiles WHERE level = 1"), /tiles: tile 1\/0 is missing/],
  [
    "an added tile",
    (bed) => bed.tamper("INSERT INTO ledger_tiles VALUES (5, 0, ?)", Buffer.alloc(32)),
    /tiles: 5 tiles are stored, 4 of them/,
  ],
  [
    "a changed content",
    (bed) => bed.tamper("UPDATE ledger_private SET content = '{}' WHERE idx = 5"),
    /commitments 5: bill 5: the log has committed/,
  ],
  [
    "a changed salt",
    (bed) => bed.tamper("UPDATE ledger_private SET salt = ? WHERE idx = 5", Buffer.alloc(32)),
    /commitments 5: bill 5/,
  ],
  [
    "a deleted content",
    (bed) => bed.tamper("DELETE FROM ledger_private WHERE idx = 5"),
    /commitments 5: .* gone without being erased/,
  ],
  [
    "an added content",
    (bed) => bed.tamper("INSERT INTO ledger_private VALUES (6, 'x', ?, '{}')", Buffer.alloc(32)),
    /commitments: 301 contents are kept, 300/,
  ],
  [
    "a changed head",
    (bed) => bed.tamper("UPDATE ledger_head SET root = ?", Buffer.alloc(32)),
    /the head is of 600 entries with another root/,
  ],
  [
    "a head without signature",
    (bed) => bed.tamper("UPDATE ledger_head SET checkpoint = replace(checkpoint, '600', '599'), size = 599"),
    /checkpoints: the head: the signature of/,
  ],
];

for (const [what, tamper, message] of TAMPERED) {
  test(`verify finds ${what}`, async (t) => {
    const bed = await logBed(t);
    await bed.append(someEntries(600));
    assert.deepEqual(await findings(bed), []);
    tamper(bed);
    assert.match((await findings(bed)).join("\n"), message);
  });
}

test("a saved checkpoint shows a log that was rolled back, and one that was written anew", async (t) => {
  const [bed, other] = [await logBed(t), await logBed(t)];
  await bed.append(someEntries(50));
  const early = { name: "early", note: (await readHead(bed.db)).checkpoint! };
  await bed.append(someEntries(50, 50));
  const late = { name: "late", note: (await readHead(bed.db)).checkpoint! };
  assert.deepEqual(await findings(bed, [early, late]), []);
  // The same key signs another history: by itself it is without fault.
  const twin = new Ledger({ signer: bed.signer });
  await other.db.transaction().execute((transaction) => twin.append(transaction, TIME, someEntries(50)));
  const forked = { ...other, ledger: twin };
  assert.deepEqual(await findings(forked), []);
  assert.deepEqual(await findings(forked, [early, late]), [
    "checkpoints: the first 50 entries are not those of early",
    "checkpoints: late is of 100 entries, the log has 50: it was rolled back",
  ]);
  assert.match(
    (await findings(bed, [{ name: "other", note: (await readHead(forked.db)).checkpoint!.replace("50", "51") }]))[0]!,
    /signature/,
  );
});

test("a process that is killed while it appends leaves a log that is whole and holds what it had confirmed", async (t) => {
  const bed = await logBed(t);
  for (let kill = 0; kill < 3; kill++) {
    const writer = spawn(process.execPath, ["--import", "tsx", "utility/ledger/testing/append-main.ts", bed.file], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let confirmed = 0;
    for await (const line of createInterface({ input: writer.stdout })) {
      confirmed = Number(line);
      if (confirmed % 1_000 > 150 + 70 * kill) break;
    }
    writer.kill("SIGKILL");
    await once(writer, "close");
    const { size } = await readHead(bed.db);
    assert.ok(size >= confirmed && confirmed > 0, `${size} entries, ${confirmed} confirmed`);
    const found: Finding[] = [];
    const { key } = (await import("./testing/append-main.ts")).writerLedger();
    await verifyLog(bed.db, { log: key }, (finding) => found.push(finding));
    assert.deepEqual(found, []);
  }
});
