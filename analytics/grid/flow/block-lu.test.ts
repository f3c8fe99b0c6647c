/** The sparse factorisation against what it must give back. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SeededRandom } from "../random.ts";
import { BlockLu, type Pattern } from "./block-lu.ts";

function patternOf(size: number, pairs: readonly (readonly [number, number])[]): Pattern {
  const rows = Array.from({ length: size }, (_, i) => new Set([i]));
  for (const [a, b] of pairs) {
    rows[a % size]!.add(b % size);
    rows[b % size]!.add(a % size);
  }
  const lists = rows.map((row) => [...row].sort((a, b) => a - b));
  const rowStart = Int32Array.from([0, ...lists.map((_, i) => lists.slice(0, i + 1).flat().length)]);
  return { rowStart, columns: Int32Array.from(lists.flat()) };
}

test("solves random systems on random graphs, also when factored again", () => {
  const pairs = fc.array(fc.tuple(fc.nat(40), fc.nat(40)), { maxLength: 90 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), pairs, fc.nat(), (size, edges, seed) => {
      const pattern = patternOf(size, edges);
      const { rowStart, columns } = pattern;
      const random = new SeededRandom(seed);
      const lu = new BlockLu(pattern);
      for (let round = 0; round < 2; round++) {
        for (let row = 0; row < size; row++) {
          for (let at = rowStart[row]!; at < rowStart[row + 1]!; at++) {
            // Diagonal blocks outweigh the rest, as those of a grid do.
            const heavy = columns[at] === row ? 2 * size : 0;
            for (let k = 0; k < 4; k++) lu.values[4 * at + k] = random.normal() + (k % 3 === 0 ? heavy : 0);
          }
        }
        const x = Float64Array.from({ length: 2 * size }, () => random.normal());
        const rhs = new Float64Array(2 * size);
        for (let row = 0; row < size; row++) {
          for (let at = rowStart[row]!; at < rowStart[row + 1]!; at++) {
            const [e, f] = [x[2 * columns[at]!]!, x[2 * columns[at]! + 1]!];
            rhs[2 * row]! += lu.values[4 * at]! * e + lu.values[4 * at + 1]! * f;
            rhs[2 * row + 1]! += lu.values[4 * at + 2]! * e + lu.values[4 * at + 3]! * f;
          }
        }
        assert.ok(lu.factor());
        lu.solve(rhs);
        for (const [i, value] of x.entries()) assert.ok(Math.abs(rhs[i]! - value) < 1e-9);
      }
    }),
    { numRuns: 60, seed: 1 },
  );
});

test("a quadratic form of the inverse is that of a solution, and keeps its digits where entries of the inverse would cancel", () => {
  const pairs = fc.array(fc.tuple(fc.nat(30), fc.nat(30)), { maxLength: 60 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 30 }), pairs, fc.nat(), (size, edges, seed) => {
      const pattern = patternOf(size, edges);
      const { rowStart, columns } = pattern;
      const random = new SeededRandom(seed);
      const lu = new BlockLu(pattern);
      const placeOf = (row: number, column: number): number =>
        rowStart[row]! + columns.subarray(rowStart[row], rowStart[row + 1]).indexOf(column);
      for (let row = 0; row < size; row++) {
        for (const column of columns.subarray(rowStart[row], rowStart[row + 1])) {
          if (column > row) continue;
          const [at, mirrored] = [4 * placeOf(row, column), 4 * placeOf(column, row)];
          const [a, b, c, d] = [random.normal(), random.normal(), random.normal(), random.normal()];
          const heavy = column === row ? 2 * size + 4 : 0;
          lu.values.set([a + heavy, b, column === row ? b : c, d + heavy], at);
          lu.values.set([a + heavy, column === row ? b : c, b, d + heavy], mirrored);
        }
      }
      assert.ok(lu.factor());
      const rows = Int32Array.from(columns.subarray(rowStart[size - 1], rowStart[size]));
      const h = Float64Array.from({ length: 2 * rows.length }, () => random.normal());
      const x = new Float64Array(2 * size);
      for (const [k, row] of rows.entries()) x.set(h.subarray(2 * k, 2 * k + 2), 2 * row);
      lu.solve(x);
      const expected = [...rows].reduce(
        (sum, row, k) => sum + h[2 * k]! * x[2 * row]! + h[2 * k + 1]! * x[2 * row + 1]!,
        0,
      );
      // Twice, for the second finds what the first has left.
      for (let round = 0; round < 2; round++) assert.ok(Math.abs(lu.quadratic(rows, h) - expected) < 1e-12);
    }),
    { numRuns: 60, seed: 2 },
  );

  // Springs of very different strength in a row, held at one end: a weak one is stretched by a unit force as if alone.
  const lengths = [1e6, 1e-6, 1e-6, 1e6];
  const chain = patternOf(lengths.length, [
    [0, 1],
    [1, 2],
    [2, 3],
  ]);
  const lu = new BlockLu(chain);
  const add = (row: number, column: number, value: number): void => {
    const at =
      chain.rowStart[row]! + chain.columns.subarray(chain.rowStart[row], chain.rowStart[row + 1]).indexOf(column);
    for (const k of [0, 3]) lu.values[4 * at + k]! += value;
  };
  for (const [i, length] of lengths.entries()) {
    add(i, i, 1 / length);
    if (i === 0) continue;
    add(i - 1, i - 1, 1 / length);
    add(i - 1, i, -1 / length);
    add(i, i - 1, -1 / length);
  }
  assert.ok(lu.factor());
  const stretched = lu.quadratic(Int32Array.of(1, 2), Float64Array.of(1, 0, -1, 0));
  assert.ok(Math.abs(stretched / 1e-6 - 1) < 1e-3, `${stretched}`);
});

test("a tree has no fill, whatever the order of its buses", () => {
  const edges = Array.from({ length: 60 }, (_, i): [number, number] => [i + 1, (i * 7) % (i + 1)]);
  const pattern = patternOf(61, edges);
  assert.equal(new BlockLu(pattern).factorBlocks, pattern.columns.length);
});

test("names the row whose block cannot be inverted", () => {
  const lu = new BlockLu(patternOf(3, []));
  lu.values.set([1, 0, 0, 1, 1, 2, 2, 4, 1, 0, 0, 1]);
  assert.equal(lu.factor(), false);
  assert.equal(lu.singularRow, 1);
});
