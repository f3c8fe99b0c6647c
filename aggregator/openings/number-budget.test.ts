import assert from "node:assert/strict";
import { test } from "node:test";
import Database from "better-sqlite3";
import { migrate } from "../../config/runtime/database.ts";
import { MIGRATIONS } from "../store/schema.ts";
import { JobError } from "./job-error.ts";
import { NumberBudget } from "./number-budget.ts";

const K = 2;

/** A budget over feeders of so many meters, one slot unless told otherwise; `open` says whether a job is allowed. */
class Bench {
  readonly #budget: NumberBudget;
  readonly #sizes: Readonly<Record<string, number>>;
  #jobs = 0;

  constructor(sizes: Readonly<Record<string, number>>) {
    const db = new Database(":memory:");
    migrate(db, MIGRATIONS);
    this.#budget = new NumberBudget(db, K);
    this.#sizes = sizes;
  }

  open(feeders: readonly string[], numbers: number, { firstSlot = 0, slots = 1, kind = 1, name = "" } = {}): boolean {
    const statistic = Buffer.from(name === "" ? `job ${this.#jobs++}` : name);
    const claims = feeders.map((feeder) => ({
      ...{ feeder, kind, firstSlot, numbers },
      meters: new Uint32Array(slots).fill(this.#sizes[feeder]!),
    }));
    try {
      this.#budget.assertRoom(statistic, claims);
    } catch (error) {
      assert.ok(error instanceof JobError);
      assert.equal(error.code, "too-many-numbers");
      return false;
    }
    this.#budget.add(statistic, claims);
    return true;
  }
}

test("a group and all of it but a few meters: their difference has k meters for each number", () => {
  const bench = new Bench({ a: 20, b: 3 });
  assert.equal(bench.open(["a"], 5), true);
  assert.equal(bench.open(["a", "b"], 1), true, "one is left to b");
  assert.equal(bench.open(["a", "b"], 1), false, "two would be two numbers of b's three meters");
  assert.equal(bench.open(["b"], 1), false);
  assert.equal(bench.open(["a"], 5), true, "a's own numbers have twenty meters");
  assert.equal(bench.open(["a"], 1), false);
});

test("a group comes before its part or after it: what is allowed is the same", () => {
  const first = new Bench({ a: 20, b: 3 });
  assert.deepEqual([first.open(["a", "b"], 2), first.open(["a"], 1)], [true, false]);
  const second = new Bench({ a: 20, b: 3 });
  assert.deepEqual([second.open(["a"], 1), second.open(["a", "b"], 2)], [true, false]);
});

test("a group whose parts were all opened has no meters of its own: each part must bear its numbers, too", () => {
  const bench = new Bench({ a: 7, b: 4 });
  assert.deepEqual([bench.open(["a"], 1), bench.open(["b"], 1), bench.open(["a", "b"], 1)], [true, true, true]);
  assert.equal(bench.open(["a"], 1), true, "three numbers of seven meters");
  assert.equal(bench.open(["a", "b"], 1), false, "with four meters for the two of b that may be left");
});

test("the same statistic again costs nothing, another kind or another slot is another matter", () => {
  const bench = new Bench({ a: 2 });
  assert.equal(bench.open(["a"], 1, { name: "one" }), true);
  assert.equal(bench.open(["a"], 1, { name: "one" }), true);
  assert.equal(bench.open(["a"], 1), false);
  assert.equal(bench.open(["a"], 1, { kind: 2 }), true);
  assert.equal(bench.open(["a"], 1, { firstSlot: 1, slots: 3 }), true);
  assert.equal(bench.open(["a"], 1, { firstSlot: 3, slots: 2 }), false, "slot 3 is in both windows");
  assert.equal(bench.open(["a"], 1, { firstSlot: 4, slots: 2 }), true);
});

/**
 * The law, checked by linear algebra: numbers of one function are sums over groups; what can be told of a set of meters
 * alone are the combinations that vanish outside of it. Over all functions there must be at most one for k of its meters.
 */
test("whatever was allowed, no combination leaves a set of meters more numbers than one for k meters", () => {
  const random = generator(7);
  let tight = 0;
  let refused = 0;
  for (let trial = 0; trial < 400; trial++) {
    const names = ["a", "b", "c", "d"].slice(0, 2 + random(3));
    const sizes = Object.fromEntries(names.map((name) => [name, K + random(8)]));
    const bench = new Bench(sizes);
    const opened: { group: number; numbers: number }[] = [];
    for (let job = 0; job < 6; job++) {
      const group = 1 + random(2 ** names.length - 1);
      const numbers = 1 + random(3);
      const feeders = names.filter((_, i) => (group & (1 << i)) !== 0);
      if (bench.open(feeders, numbers)) opened.push({ group, numbers });
      else refused++;
    }
    for (let labelling = 0; labelling < 8; labelling++) {
      const functions = labelled(opened, random);
      for (let set = 1; set < 2 ** names.length; set++) {
        const meters = names.reduce((sum, name, i) => sum + ((set & (1 << i)) === 0 ? 0 : sizes[name]!), 0);
        const told = functions.reduce((sum, groups) => sum + toldOf(set, groups, names.length), 0);
        assert.ok(told * K <= meters, `${told} numbers of ${meters} meters: ${JSON.stringify({ sizes, opened, set })}`);
        if (told > 0 && (told + 1) * K > meters) tight++;
      }
    }
  }
  assert.ok(tight > 1000 && refused > 200, `${tight} sets were at their limit, ${refused} jobs refused`);
});

/** Each number of a job is of another function; which ones, chance says: some jobs share theirs. */
function labelled(jobs: readonly { group: number; numbers: number }[], random: (below: number) => number): number[][] {
  const functions: number[][] = [[], [], [], []];
  for (const { group, numbers } of jobs) {
    const free = [...functions.keys()];
    for (let i = 0; i < numbers; i++) functions[free.splice(random(free.length), 1)[0]!]!.push(group);
  }
  return functions;
}

/** Dimension of the combinations of these groups that vanish outside of `set`. */
function toldOf(set: number, groups: readonly number[], feeders: number): number {
  return (
    rank(groups, feeders) -
    rank(
      groups.map((group) => group & ~set),
      feeders,
    )
  );
}

/** Rank of 0/1 vectors, given as bits, over the rationals. */
function rank(vectors: readonly number[], length: number): number {
  const rows = vectors.map((bits) => Array.from({ length }, (_, i) => (bits >>> i) & 1));
  let found = 0;
  for (let column = 0; column < length; column++) {
    const at = rows.findIndex((row, i) => i >= found && Math.abs(row[column]!) > 1e-9);
    if (at < 0) continue;
    [rows[found], rows[at]] = [rows[at]!, rows[found]!];
    const pivot = rows[found]!;
    for (const row of rows.slice(found + 1)) {
      const factor = row[column]! / pivot[column]!;
      for (let i = 0; i < length; i++) row[i] = row[i]! - factor * pivot[i]!;
    }
    found++;
  }
  return found;
}

/** Numbers from 0 on, below what is asked; the same with each run. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
