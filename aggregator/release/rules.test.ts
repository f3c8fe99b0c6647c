/** Every release rule refuses what it must; the attacks that the rules were made against fail; random histories too. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { isOnServer } from "../../config/runtime/testing/store-place.ts";
import fc from "fast-check";
import type { SetError } from "../rounds/layout.ts";
import { temporaryFolder } from "../testing/system.ts";
import { smallestSingleMeterSupport, smallestSingleSlotSupport } from "./testing/brute-force.ts";
import { type CellTest, History, type HistoryOptions } from "./testing/history.ts";

const open = (context: TestContext, options: Partial<HistoryOptions> = {}) =>
  new History(temporaryFolder(context), { meters: 4, minSlots: 3, ...options });

const not =
  (...cells: readonly (readonly [meter: number, slot: number])[]): CellTest =>
  (meter, slot) =>
    !cells.some(([m, s]) => m === meter && s === slot);

function refused(error: SetError | undefined, code: string, where?: readonly number[]): void {
  assert.equal(error?.code, code, error?.message);
  if (where !== undefined) assert.deepEqual(error.where, where);
}

const TOU = { day: (slot: number) => slot % 12 < 6, night: (slot: number) => slot % 12 >= 6 };

test("allows loads of a day, its bills, and the next day, without a gap", (context) => {
  const history = open(context);
  for (const day of [0, 12, 24]) {
    for (let slot = day; slot < day + 12; slot += 4)
      assert.equal(history.ask(history.load([slot, slot + 4])), undefined);
    assert.equal(history.ask(history.bill([[day, day + 12]], undefined, [TOU])), undefined);
  }
});

test("allows bills without any load, also of a single meter", (context) => {
  const history = open(context, { meters: 1 });
  assert.equal(history.ask(history.bill([[0, 12]], undefined, [TOU])), undefined);
  assert.equal(history.ask(history.bill([[12, 24]])), undefined);
});

test("refuses a load over fewer than k meters, and a second load of a slot", (context) => {
  const history = open(context, { minMeters: 3 });
  refused(history.ask(history.load([0, 2], (meter, slot) => slot === 0 || meter < 2)), "too-few-meters", [1]);
  assert.equal(history.ask(history.load([0, 2])), undefined);
  refused(history.ask(history.load([1, 3], not([0, 1]))), "other-set-endorsed", [0]);
});

test("refuses a cell in a second bill, whatever the set around it", (context) => {
  const history = open(context);
  assert.equal(history.ask(history.bill([[0, 12]], (meter) => meter < 2)), undefined);
  refused(history.ask(history.bill([[0, 12]], (meter, slot) => meter >= 2 || slot < 3)), "other-set-endorsed", [0, 1]);
  assert.equal(history.ask(history.bill([[0, 12]], (meter) => meter >= 2)), undefined);
});

test("says already-released where q aggregators endorsed the other set", (context) => {
  const history = open(context);
  const first = history.load([0, 1]);
  assert.equal(history.ask(first), undefined);
  const { setId } = history.context.store.loads("f-1", 1, { from: 0, to: 1 })[0]!;
  history.context.store.setEndorsements(setId, Buffer.from("proof"));
  refused(history.ask(history.load([0, 1], not([0, 0]))), "already-released", [0]);
});

test("refuses an output of fewer than s cells, and overlapping bands", (context) => {
  const history = open(context);
  const bands = { early: (slot: number) => slot < 2, late: (slot: number) => slot >= 2 };
  refused(history.ask(history.bill([[0, 12]], undefined, [bands])), "too-few-slots", [0, 2, 4, 6]);
  const overlap = { early: (slot: number) => slot < 6, late: (slot: number) => slot >= 5 };
  refused(history.ask(history.bill([[0, 12]], undefined, [overlap])), "masks-overlap");
});

test("refuses periods that cut across others, and late cells from what was no period", (context) => {
  const history = open(context);
  assert.equal(history.ask(history.bill([[12, 24]], (meter) => meter < 2)), undefined);
  refused(history.ask(history.bill([[13, 25]], (meter) => meter >= 2)), "period-mismatch");
  refused(history.ask(history.bill([[12, 23]], (meter) => meter >= 2)), "period-mismatch");
  refused(
    history.ask(
      history.bill([
        [24, 36],
        [0, 12],
      ]),
    ),
    "period-mismatch",
  );
  refused(
    history.ask(
      history.bill([
        [0, 12],
        [12, 24],
      ]),
    ),
    "period-mismatch",
  );
});

test("refuses meters and slots without a countersigned place: invented meters cannot fill a set", (context) => {
  const history = open(context, { belongs: (meter, slot) => meter < 3 || slot >= 6 });
  refused(history.ask(history.load([5, 7])), "unknown-member", [0]);
  refused(history.ask(history.bill([[0, 12]])), "unknown-member", [3]);
  assert.equal(history.ask(history.bill([[0, 12]], (meter, slot) => meter < 3 || slot >= 6)), undefined);
});

test("a late cell: billed but not in its load", (context) => {
  const history = open(context);
  assert.equal(history.ask(history.load([0, 12], not([1, 5]))), undefined);
  refused(history.ask(history.bill([[0, 12]])), "difference-too-small", [1]);
  assert.equal(history.ask(history.bill([[0, 12]], not([1, 5]))), undefined);
});

test("the reverse: in a load but not billed", (context) => {
  const history = open(context);
  assert.equal(history.ask(history.load([0, 12])), undefined);
  refused(history.ask(history.bill([[0, 12]], not([2, 7]))), "difference-too-small", [2]);
});

test("eleven of twelve meters billed, then the last: the one left out would be known", (context) => {
  const history = open(context);
  assert.equal(history.ask(history.load([0, 12])), undefined);
  refused(history.ask(history.bill([[0, 12]], (meter) => meter !== 3)), "difference-too-small", [3, 0]);
  // It names the smallest other meter too: if both wait, two are missing, and neither is known.
  assert.equal(history.ask(history.bill([[0, 12]], (meter) => meter !== 3 && meter !== 0)), undefined);
});

test("loads of eleven of twelve slots, bills of all, then the load of the last slot", (context) => {
  const history = open(context);
  // m-1's slot 11 comes late; the load of slot 11 would tell it together with the bills.
  assert.equal(history.ask(history.load([0, 11])), undefined);
  assert.equal(history.ask(history.bill([[0, 12]])), undefined);
  refused(history.ask(history.load([11, 12], not([1, 11]))), "difference-too-small", [0]);
  assert.equal(history.ask(history.load([11, 12])), undefined);
});

test("late cells enter a later bill once they are s of two meters, not before", (context) => {
  const history = open(context);
  const late: CellTest = (meter, slot) => (meter === 1 && slot >= 10) || (meter === 2 && slot === 3);
  assert.equal(history.ask(history.load([0, 12], (meter, slot) => !late(meter, slot))), undefined);
  assert.equal(history.ask(history.bill([[0, 12]], (meter, slot) => !late(meter, slot))), undefined);
  assert.equal(history.ask(history.load([12, 24])), undefined);
  const few: CellTest = (meter, slot) => slot >= 12 || (late(meter, slot) && meter === 1);
  const error = history.ask(
    history.bill(
      [
        [12, 24],
        [0, 12],
      ],
      few,
    ),
  );
  refused(error, "difference-too-small");
  assert.ok(error!.where.includes(5), error!.where.join());
  assert.equal(
    history.ask(
      history.bill(
        [
          [12, 24],
          [0, 12],
        ],
        (m, s) => s >= 12 || late(m, s),
      ),
    ),
    undefined,
  );
  // A further late cell hides among the others in the sum of all, but not in what is new.
  const history2 = open(context);
  const later: CellTest = (meter, slot) => late(meter, slot) || (meter === 3 && slot === 0);
  assert.equal(history2.ask(history2.load([0, 12], (m, s) => !later(m, s))), undefined);
  assert.equal(history2.ask(history2.bill([[0, 12]], (m, s) => !later(m, s))), undefined);
  assert.equal(history2.ask(history2.load([12, 24])), undefined);
  assert.equal(
    history2.ask(
      history2.bill(
        [
          [12, 24],
          [0, 12],
        ],
        (m, s) => s >= 12 || late(m, s),
      ),
    ),
    undefined,
  );
  assert.equal(history2.ask(history2.load([24, 36])), undefined);
  const hidden: CellTest = (m, s) => s >= 24 || (m === 3 && s === 0);
  refused(
    history2.ask(
      history2.bill(
        [
          [24, 36],
          [0, 12],
        ],
        hidden,
      ),
    ),
    "difference-too-small",
  );
});

test("complementary tariffs: bands of one meter against the bands of all others", (context) => {
  const history = open(context);
  assert.equal(history.ask(history.load([0, 12])), undefined);
  const others = { a: (slot: number) => slot < 6, b: (slot: number) => slot >= 6 };
  const own = { a: (slot: number) => slot < 7, b: (slot: number) => slot >= 7 };
  const assign = (meter: number): number => (meter === 0 ? 1 : 0);
  // The load of band a less the others' bills is meter 0 in slots 0 to 5; its own bill less that is slot 6.
  refused(history.ask(history.bill([[0, 12]], undefined, [others, own], assign)), "difference-too-small", [0]);
  const wider = { a: (slot: number) => slot < 9, b: (slot: number) => slot >= 9 };
  assert.equal(history.ask(history.bill([[0, 12]], undefined, [others, wider], assign)), undefined);
});

test("a meter that moves: bills and loads of its cells on this feeder only", (context) => {
  const belongs: CellTest = (meter, slot) => meter !== 3 || slot >= 4;
  const history = open(context, { belongs });
  assert.equal(history.ask(history.load([0, 12], belongs)), undefined);
  assert.equal(history.ask(history.bill([[0, 12]], belongs, [{ all: () => true }])), undefined);
  // Moving for one slot only must not give that slot away.
  const short: CellTest = (meter, slot) => meter !== 3 || slot === 4;
  const history2 = open(context, { belongs: short });
  assert.equal(history2.ask(history2.load([0, 12], short)), undefined);
  refused(history2.ask(history2.bill([[0, 12]], short)), "too-few-slots", [3]);
  refused(history2.ask(history2.bill([[0, 12]], (m, s) => m < 3 && short(m, s))), "difference-too-small", [3, 0]);
});

test("gap patterns chosen by the utility cannot stand in for band masks", (context) => {
  const history = open(context, { meters: 5 });
  const has: CellTest = (meter, slot) => (meter < 2 ? slot < 3 : meter < 4 ? slot >= 3 : slot < 4);
  assert.equal(history.ask(history.load([0, 6], has)), undefined);
  refused(history.ask(history.bill([[0, 6]], has)), "difference-too-small", [4]);
});

test("gap patterns of two meters cannot bare their sum in one slot", (context) => {
  const has: CellTest = (meter, slot) => (meter < 3 ? slot < 6 : meter < 6 ? slot >= 6 : slot < 6 || slot === 8);
  const history = open(context, { meters: 8, minMeters: 3 });
  assert.equal(history.ask(history.load([0, 12], has)), undefined);
  // Loads of the first half less the bills of all that have cells there: meters 6 and 7 in slot 8.
  const error = history.ask(history.bill([[0, 12]], has));
  refused(error, "difference-too-small", [6, 7]);
  assert.match(
    error!.message,
    /alone in one slot 2 cells of 2 meters \(m-6 from slot 8, m-7 from slot 8\); expected none, or at least 3/,
  );
  // A third one makes three meters of it.
  const wider: CellTest = (meter, slot) => has(meter, slot) || (meter === 2 && slot === 8);
  const history2 = open(context, { meters: 8, minMeters: 3 });
  assert.equal(history2.ask(history2.load([0, 12], wider)), undefined);
  assert.equal(history2.ask(history2.bill([[0, 12]], wider)), undefined);
});

test("a catch-up stands for its gap: it is refused where the gap is shorter than s slots", (context) => {
  const has: CellTest = (meter, slot) => meter === 0 && slot === 8;
  const bands = { catchup: () => true };
  const short = open(context, { missing: 2 });
  refused(short.ask(short.bill([[0, 12]], has, [bands], undefined, 3)), "too-few-slots", [0]);
  const long = open(context, { missing: 3 });
  assert.equal(long.ask(long.bill([[0, 12]], has, [bands], undefined, 3)), undefined);
});

/** Each run has a database of its own, which takes a server a while. */
const RUNS = isOnServer() ? 15 : 150;

test("whatever is asked, in whatever order: no combination of what was allowed isolates fewer than s slots of a meter or k meters of a slot", (context) => {
  const folder = temporaryFolder(context);
  const SLOTS = 8;
  const cells = fc.array(fc.boolean(), { minLength: 3 * SLOTS, maxLength: 3 * SLOTS });
  // Mostly complete, so that sets pass; with a few cells left out, so that differences are tried.
  const nearly = fc
    .tuple(
      fc.uniqueArray(fc.integer({ min: 0, max: 3 * SLOTS - 1 }), { maxLength: 3 }),
      cells,
      fc.integer({ min: 0, max: 3 }),
    )
    .map(
      ([out, any, mode]): CellTest =>
        (meter, slot) => {
          const at = meter * SLOTS + slot;
          return mode === 0 ? any[at]! : !out.includes(at);
        },
    );
  const band = fc.integer({ min: 1, max: 3 });
  const request = fc.oneof(
    fc.record({
      type: fc.constant("load" as const),
      from: fc.integer({ min: 0, max: SLOTS - 1 }),
      length: fc.integer({ min: 1, max: 4 }),
      has: nearly,
    }),
    fc.record({
      type: fc.constant("bill" as const),
      late: fc.boolean(),
      second: fc.boolean(),
      has: nearly,
      split: band,
      split2: band,
      assign: fc.integer({ min: 0, max: 7 }),
    }),
  );
  let allowed = 0;
  let refusals = 0;
  fc.assert(
    fc.property(
      fc.array(request, { minLength: 3, maxLength: 12 }),
      fc.integer({ min: 2, max: 3 }),
      fc.integer({ min: 2, max: 3 }),
      (requests, minSlots, minMeters) => {
        const history = new History(folder, { meters: 3, minSlots, minMeters });
        for (const item of requests) {
          let error;
          if (item.type === "load") {
            error = history.ask(history.load([item.from, Math.min(SLOTS, item.from + item.length)], item.has));
          } else {
            const period = item.second ? ([4, 8] as const) : ([0, 4] as const);
            const segments = item.second && item.late ? [period, [0, 4] as const] : [period];
            const scheme = (split: number) => ({
              a: (slot: number) => slot % 4 < split,
              b: (slot: number) => slot % 4 >= split,
            });
            const schemes = [scheme(item.split), scheme(item.split2), { all: () => true }];
            const assign = (meter: number): number => (item.split === 3 ? 2 : (item.assign >> meter) & 1);
            error = history.ask(history.bill(segments, item.has, schemes, assign));
          }
          if (error === undefined) allowed++;
          else refusals++;
        }
        const smallest = smallestSingleMeterSupport(history.vectors(SLOTS), 3, SLOTS, minSlots - 1);
        assert.equal(smallest, undefined);
        assert.equal(smallestSingleSlotSupport(history.vectors(SLOTS), 3, SLOTS, minMeters - 1), undefined);
        history.close();
      },
    ),
    { numRuns: RUNS },
  );
  const least = (100 * RUNS) / 150;
  assert.ok(allowed > least && refusals > least, `${allowed} allowed, ${refusals} refused`);
});
