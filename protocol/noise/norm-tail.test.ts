/** Norms of noise vectors: the stated chance holds, and the bound is near to what is really drawn. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { gaussianNorm, skellamNorm } from "./norm-tail.ts";

/** Probabilities of a Skellam variable of a small variance, from -size to size: two Poisson distributions folded. */
function skellamTable(variance: number, size: number): number[] {
  const poisson = [Math.exp(-variance / 2)];
  while (poisson.length < 4 * size) poisson.push((poisson.at(-1)! * variance) / 2 / poisson.length);
  return Array.from({ length: 2 * size + 1 }, (_, at) =>
    poisson.reduce((sum, chance, k) => sum + chance * (poisson[k + at - size] ?? 0), 0),
  );
}

const gaussianTable = (variance: number, size: number): number[] => {
  const weights = Array.from({ length: 2 * size + 1 }, (_, at) => Math.exp(-((at - size) ** 2) / (2 * variance)));
  const total = weights.reduce((sum, one) => sum + one, 0);
  return weights.map((one) => one / total);
};

/** The distribution of the sum of squares of `dimension` draws, by folding: index is the square, the last what is beyond. */
function squares(table: readonly number[], dimension: number, most: number): Float64Array {
  const size = (table.length - 1) / 2;
  let all = new Float64Array(most + 1);
  all[0] = 1;
  for (let i = 0; i < dimension; i++) {
    const next = new Float64Array(most + 1);
    for (const [sum, chance] of all.entries()) {
      if (chance === 0) continue;
      for (let x = -size; x <= size; x++) next[Math.min(most, sum + x * x)]! += chance * table[x + size]!;
    }
    all = next;
  }
  return all;
}

const cases = [
  { name: "skellam", table: skellamTable, bound: skellamNorm, slack: 3.2 },
  { name: "discrete gaussian", table: gaussianTable, bound: gaussianNorm, slack: 1.8 },
];
for (const { name, table, bound, slack } of cases) {
  test(`${name}: the exact chance of a longer vector is below the stated one, and not far`, () => {
    for (const variance of [0.5, 2, 12]) {
      for (const dimension of [1, 4]) {
        // Chances that doubles still hold: 2^-20.
        const nats = 20 * Math.LN2;
        const norm = bound(variance, dimension, nats);
        const most = Math.ceil(norm * norm) + 1;
        const exact = squares(table(variance, Math.ceil(12 * Math.sqrt(variance)) + 12), dimension, most);
        const beyond = exact.reduce((sum, chance, square) => sum + (square > norm * norm ? chance : 0), 0);
        assert.ok(beyond <= Math.exp(-nats), `${variance} ${dimension}: ${beyond}`);
        // The norm that is exceeded with just this chance.
        let square = most;
        for (let sum = 0; square > 0 && sum + exact[square]! <= Math.exp(-nats); square--) sum += exact[square]!;
        assert.ok(norm <= slack * Math.sqrt(square), `${variance} ${dimension}: ${norm} against ${Math.sqrt(square)}`);
      }
    }
  });
}

test("of large variances both bounds are the same, and scale with the deviation", () => {
  for (const dimension of [33, 2_000]) {
    const [skellam, gaussian] = [skellamNorm, gaussianNorm].map((of) => of(1e8, dimension, 55));
    assert.ok(skellam! >= gaussian! && skellam! < 1.02 * gaussian!, `${skellam} ${gaussian}`);
    assert.ok(gaussian! > 1e4 * Math.sqrt(dimension) && gaussian! < 1e4 * (Math.sqrt(dimension) + 11));
  }
});
