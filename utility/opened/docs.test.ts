/** The documented queries on opened ciphertexts: each runs, and answers. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { sql } from "kysely";
import { day, OpenedBed, SLOTS } from "./testing/opened-bed.ts";

const guide = await readFile(new URL("../../docs/database.md", import.meta.url), "utf8");
const queries = [...guide.matchAll(/^```sql\n([\s\S]*?);\n```/gm)]
  .map(([, query = ""]) => query)
  .filter((query) => /\bhe_\w+|current_he/.test(query));

test("the guide's queries on openings and comparisons answer", async (t) => {
  const bed = await OpenedBed.make(t);
  await bed.release(day());
  await bed.openAll(bed.compute(day()));
  const wrong = bed.compute(day(4, 5));
  await bed.output(wrong, [1, 2]);
  await bed.part(wrong, 1, [1, 2]);
  await bed.part(wrong, 2, [1, 2], { outputs: bed.parts(bed.compute(day()), 2, [1, 2]) });
  assert.equal(queries.length, 4);
  const answers = await Promise.all(queries.map(async (query) => (await sql.raw(query).execute(bed.db)).rows));
  assert.deepEqual(
    answers.map((rows) => rows.length),
    [1, SLOTS, 2, 1],
  );
  for (const row of answers[1] as { shares_wh: number; ciphertexts_wh: number }[]) {
    assert.ok(Math.abs(row.shares_wh - row.ciphertexts_wh) < 0.5);
  }
});

test("the view shows the newest opening of the same numbers, and the table keeps the old one", async (t) => {
  const bed = await OpenedBed.make(t);
  await bed.openAll(bed.compute(day(3)));
  bed.time += 60;
  const later = bed.compute(day(4));
  await bed.openAll(later);
  await bed.openAll(bed.compute(day(4), { feeders: ["f-2"] }));
  assert.equal((await bed.db.selectFrom("he_results").selectAll().execute()).length, 3);
  const current = await bed.db.selectFrom("current_he_results").selectAll().orderBy("feeders").execute();
  assert.deepEqual(
    current.map(({ feeders, meters }) => [feeders, meters]),
    [
      ["f-1", 4],
      ["f-2", 4],
    ],
  );
  assert.equal(current[0]?.job, later.job);
});

test("the guide names every column that people read", async (t) => {
  const bed = await OpenedBed.make(t);
  for (const table of ["he_results", "he_values", "he_checks"]) {
    const { rows } = await sql<{ name: string }>`SELECT name FROM pragma_table_info(${table})`.execute(bed.db);
    assert.ok(rows.length > 5);
    const line = guide.split("\n").find((one) => one.startsWith(`| \`${table}\``)) ?? "";
    const own = new Set(["opened", "published"]);
    for (const { name } of rows)
      if (!own.has(name)) assert.match(line, new RegExp(`\\b${name}\\b`), `${table}.${name}`);
  }
});
