/** Agreed cells: laws by brute force over small groups. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { addMember, countMembers, emptyBitmap, hasMember } from "../../protocol/bitmap.ts";
import { agreeGroup, type Holding } from "./agree.ts";

const SIZE = 6;

/** `versions[i]`: 0 for no cell, else the number of the version that the aggregator holds. */
function holdingOf(versions: readonly number[], withTags: boolean): Holding {
  const bitmap = emptyBitmap(SIZE);
  const tags: Buffer[] = [];
  versions.forEach((version, member) => {
    if (version === 0) return;
    addMember(bitmap, member);
    tags.push(Buffer.alloc(8, 16 * member + version));
  });
  const all = Buffer.concat(tags);
  const digest = tags.length === 0 ? new Uint8Array(0) : createHash("sha256").update(bitmap).update(all).digest();
  return withTags ? { bitmap, digest, tags: all } : { bitmap, digest };
}

/** The most cells that any t or more aggregators hold alike. */
function mostCells(rows: readonly (readonly number[])[], t: number): number {
  let most = 0;
  for (let mask = 0; mask < 1 << rows.length; mask++) {
    const chosen = rows.filter((_, i) => (mask & (1 << i)) !== 0);
    const [first] = chosen;
    if (first === undefined || chosen.length < t) continue;
    const alike = first.filter((version, member) => version > 0 && chosen.every((row) => row[member] === version));
    most = Math.max(most, alike.length);
  }
  return most;
}

const versions = fc.array(fc.constantFrom(0, 1, 1, 1, 2), { minLength: SIZE, maxLength: SIZE });
const groups = fc.array(versions, { minLength: 1, maxLength: 5 });

test("the agreed cells are as many as any t aggregators hold alike, and all holders do hold them", () => {
  fc.assert(
    fc.property(groups, fc.integer({ min: 2, max: 3 }), (rows, t) => {
      let holdings = new Map(rows.map((row, i) => [i + 1, [holdingOf(row, false)]]));
      let agreement = agreeGroup(holdings, t);
      if (agreement.kind === "detail") {
        // Only what is asked for is told, as on the wire.
        const asked = new Set(agreement.wanted.map(({ aggregator }) => aggregator));
        holdings = new Map(rows.map((row, i) => [i + 1, [holdingOf(row, asked.has(i + 1))]]));
        agreement = agreeGroup(holdings, t);
      }
      assert.equal(agreement.kind, "agreed");
      const [cells] = agreement.group.cells;
      assert.ok(cells !== undefined);
      assert.equal(countMembers(cells), mostCells(rows, t));
      if (countMembers(cells) === 0) return;
      assert.ok(agreement.group.holders.length >= t);
      for (let member = 0; member < SIZE; member++) {
        if (!hasMember(cells, member)) continue;
        const held = agreement.group.holders.map((holder) => rows[holder - 1]?.[member]);
        assert.ok(held.every((version) => version !== 0 && version === held[0]));
      }
    }),
  );
});

test("asks for no tags where all aggregators hold the same", () => {
  const row = [1, 0, 1, 1, 0, 2];
  const agreement = agreeGroup(new Map([1, 2, 3].map((i) => [i, [holdingOf(row, false)]])), 2);
  assert.deepEqual(agreement.kind === "agreed" && agreement.group.holders, [1, 2, 3]);
});

test("asks for no tags of an aggregator that lacks cells which t others hold alike", () => {
  const holdings = new Map([
    [1, [holdingOf([1, 1, 1, 1, 1, 1], false)]],
    [2, [holdingOf([1, 1, 1, 1, 1, 1], false)]],
    [3, [holdingOf([1, 1, 0, 0, 1, 1], false)]],
  ]);
  const agreement = agreeGroup(holdings, 2);
  assert.deepEqual(agreement.kind === "agreed" && agreement.group.holders, [1, 2]);
});

test("units of one output count together: the same aggregators must hold all of them", () => {
  const holdings = new Map([
    [1, [holdingOf([1, 1, 1, 1, 0, 0], true), holdingOf([1, 0, 0, 0, 0, 0], true)]],
    [2, [holdingOf([1, 1, 1, 1, 0, 0], true), holdingOf([0, 0, 0, 0, 0, 0], true)]],
    [3, [holdingOf([1, 1, 1, 0, 0, 0], true), holdingOf([1, 1, 1, 1, 0, 0], true)]],
  ]);
  const agreement = agreeGroup(holdings, 2);
  assert.deepEqual(agreement.kind === "agreed" && agreement.group.cells.map(countMembers), [4, 0]);
});

test("fewer than t aggregators agree on nothing", () => {
  const agreement = agreeGroup(new Map([[1, [holdingOf([1, 1, 1, 1, 1, 1], false)]]]), 2);
  assert.deepEqual(agreement.kind === "agreed" && agreement.group.cells.map(countMembers), [0]);
});
