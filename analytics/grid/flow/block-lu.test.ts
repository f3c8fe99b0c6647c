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

test("of a symmetric matrix gives the inverse where the matrix has entries, as solving for each of them does", () => {
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
      const inverse = lu.symmetricInverse();
      for (let column = 0; column < size; column++) {
        for (const part of [0, 1]) {
          const unit = new Float64Array(2 * size);
          unit[2 * column + part] = 1;
          lu.solve(unit);
          for (const row of columns.subarray(rowStart[column], rowStart[column + 1])) {
            const at = 4 * placeOf(row, column) + part;
            assert.ok(Math.abs(inverse[at]! - unit[2 * row]!) < 1e-12);
            assert.ok(Math.abs(inverse[at + 2]! - unit[2 * row + 1]!) < 1e-12);
          }
        }
      }
    }),
    { numRuns: 60, seed: 2 },
  );
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
