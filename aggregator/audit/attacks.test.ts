/**
 * Utilities that try to get at a reading: every sequence is refused at the step that would leak, as the independent audit
 * sees it, and ordinary billing is never refused.
 */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { SetContent } from "../../protocol/messages/round.ts";
import { SetError } from "../rounds/layout.ts";
import { temporaryFolder } from "../testing/system.ts";
import { type Bands, type CellTest, History } from "../release/testing/history.ts";
import type { Disclosure } from "./disclosure.ts";

const [METERS, MIN_METERS, MIN_SLOTS] = [8, 3, 3];

function open(context: TestContext, meters = METERS): History {
  return new History(temporaryFolder(context), { meters, minMeters: MIN_METERS, minSlots: MIN_SLOTS });
}

function leaks({ ofMeter, ofSlot }: Disclosure): boolean {
  return (ofMeter?.cells.length ?? MIN_SLOTS) < MIN_SLOTS || (ofSlot?.cells.length ?? MIN_METERS) < MIN_METERS;
}

const split = (at: number): Bands => ({ a: (slot) => slot % 12 < at, b: (slot) => slot % 12 >= at });
const but =
  (...meters: readonly number[]): CellTest =>
  (meter) =>
    !meters.includes(meter);

type Step = (history: History) => SetContent;
const load =
  (from: number, to: number, has?: CellTest): Step =>
  (history) =>
    history.load([from, to], has);
const bill =
  (from: number, to: number, has?: CellTest, schemes?: readonly Bands[], assign?: (meter: number) => number): Step =>
  (history) =>
    history.bill([[from, to]], has, schemes, assign);

/** All but the last step are allowed, the last one would leak. */
const ATTACKS: Readonly<Record<string, { readonly steps: readonly Step[]; readonly code: string }>> = {
  "a window that slides by one slot": { steps: [bill(0, 12), bill(1, 13)], code: "period-mismatch" },
  "a window within another": { steps: [bill(0, 12), bill(0, 11)], code: "period-mismatch" },
  "a second tariff on the same meter": {
    steps: [bill(0, 12, undefined, [split(6)]), bill(0, 12, undefined, [split(5)])],
    code: "other-set-endorsed",
  },
  "many tariffs on one meter, one of them with a band of one slot": {
    steps: [bill(0, 12, undefined, [{ one: (slot) => slot === 4, rest: (slot) => slot !== 4 }])],
    code: "too-few-slots",
  },
  "tariffs of single meters beside that of the others": {
    steps: [load(0, 12), bill(0, 12, undefined, [split(6), split(7)], (meter) => (meter === 5 ? 1 : 0))],
    code: "difference-too-small",
  },
  "complementary tariffs in two sets": {
    steps: [
      load(0, 12),
      bill(0, 12, (meter) => meter < 2, [split(6)]),
      bill(
        0,
        12,
        (meter) => meter >= 2,
        [split(6), split(5)],
        (meter) => (meter === 7 ? 1 : 0),
      ),
    ],
    code: "difference-too-small",
  },
  "loads of sets that differ by one meter": {
    steps: [load(0, 1), load(0, 1, but(3))],
    code: "other-set-endorsed",
  },
  "one slot of one meter billed but not in its load": {
    steps: [load(0, 12, (meter, slot) => meter !== 1 || slot !== 5), bill(0, 12)],
    code: "difference-too-small",
  },
  "the load of the last slot without one meter, after the bills": {
    steps: [load(0, 11), bill(0, 12), load(11, 12, but(1))],
    code: "difference-too-small",
  },
  "gaps for masks, around one meter": {
    steps: [
      load(0, 12, (meter, slot) => (meter < 3 ? slot < 6 : meter < 7 ? slot >= 6 : slot < 7)),
      bill(0, 12, (meter, slot) => (meter < 3 ? slot < 6 : meter < 7 ? slot >= 6 : slot < 7)),
    ],
    code: "difference-too-small",
  },
  "gaps for masks, around two meters of one slot": {
    steps: [
      load(0, 12, (meter, slot) => (meter < 3 ? slot < 6 : meter < 6 ? slot >= 6 : slot < 6 || slot === 9)),
      bill(0, 12, (meter, slot) => (meter < 3 ? slot < 6 : meter < 6 ? slot >= 6 : slot < 6 || slot === 9)),
    ],
    code: "difference-too-small",
  },
  "late cells of one meter, one after another": {
    steps: [
      load(0, 12, (meter, slot) => meter !== 2 || slot < 9),
      bill(0, 12, (meter, slot) => meter !== 2 || slot < 9),
      load(12, 24),
      (history) =>
        history.bill(
          [
            [12, 24],
            [0, 12],
          ],
          (meter, slot) => slot >= 12 || (meter === 2 && slot === 9),
        ),
    ],
    code: "difference-too-small",
  },
};

for (const [name, { steps, code }] of Object.entries(ATTACKS)) {
  test(`refused at the step that would leak: ${name}`, (context) => {
    const history = open(context);
    const last = steps.length - 1;
    for (const step of steps.slice(0, last)) assert.equal(history.ask(step(history)), undefined);
    assert.equal(leaks(history.disclosure()), false, "what was allowed leaks nothing");
    const asked = steps[last]!(history);
    assert.equal(leaks(history.disclosure(asked)), true, "what is asked would leak");
    assert.equal(history.ask(asked)?.code, code);
    assert.equal(leaks(history.disclosure()), false);
  });
}

/** From 0 up to 1, of a seed (Park and Miller, 1988). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

test("a search that keeps what brings it nearest to a reading gets to none", (context) => {
  const [meters, slots] = [5, 12];
  let [allowed, refusals, leaking, nearest] = [0, 0, 0, Infinity];
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    const random = seeded(seed);
    const pick = (below: number): number => Math.floor(random() * below);
    const history = open(context, meters);
    const holes = (): CellTest => {
      const missing = new Set(Array.from({ length: pick(4) }, () => pick(meters) * slots + pick(slots)));
      const out = pick(3) === 0 ? pick(meters) : -1;
      return (meter, slot) => meter !== out && !missing.has(meter * slots + slot);
    };
    for (let round = 0; round < 12; round++) {
      const candidates = Array.from({ length: 6 }, () => {
        if (pick(2) === 0) {
          const from = pick(slots);
          return history.load([from, Math.min(slots, from + 1 + pick(6))], holes());
        }
        const schemes = [split(3 + pick(7)), split(3 + pick(7)), { all: () => true }];
        const assign = Array.from({ length: meters }, () => pick(3));
        return history.bill([[0, 12]], holes(), schemes, (meter) => assign[meter]!);
      });
      let best: { set: SetContent; size: number } | undefined;
      for (const set of candidates) {
        const { ofMeter, ofSlot } = history.disclosure(set);
        const size = Math.min((ofMeter?.cells.length ?? 99) / MIN_SLOTS, (ofSlot?.cells.length ?? 99) / MIN_METERS);
        if (history.judge(set) instanceof SetError) {
          refusals++;
          if (size < 1) leaking++;
          continue;
        }
        assert.ok(size >= 1, "what would leak is refused");
        if (best === undefined || size < best.size) best = { set, size };
      }
      if (best === undefined) continue;
      allowed++;
      nearest = Math.min(nearest, best.size);
      assert.equal(history.ask(best.set), undefined);
    }
    assert.equal(leaks(history.disclosure()), false);
  }
  assert.ok(allowed > 20 && leaking > 50 && leaking < refusals, `${allowed} allowed, ${leaking} of ${refusals} leak`);
  assert.equal(nearest, 1, "it gets as near as the rules allow");
});

test("an ordinary year passes: loads of each slot, monthly bills of three tariffs, late readings, a meter that moves in", (context) => {
  const [days, perDay] = [360, 12];
  const month = 30 * perDay;
  // Of month 2 the last slots of two meters come late; another meter has a gap for good; one moves in during month 5.
  const late: CellTest = (meter, slot) => (meter === 1 || meter === 2) && slot >= 2 * month - 9 && slot < 2 * month;
  const lost: CellTest = (meter, slot) => meter === 4 && slot >= 100 && slot < 130;
  const belongs: CellTest = (meter, slot) => meter !== 6 || slot >= 4 * month + 77;
  const there: CellTest = (meter, slot) => belongs(meter, slot) && !lost(meter, slot);
  const history = new History(temporaryFolder(context), {
    meters: METERS,
    minMeters: MIN_METERS,
    minSlots: perDay,
    belongs,
  });
  const night: Bands = { day: (slot) => slot % perDay >= 4, night: (slot) => slot % perDay < 4 };
  const weekend: Bands = {
    peak: (slot) => slot % perDay >= 8 && Math.floor(slot / perDay) % 7 < 5,
    rest: (slot) => slot % perDay < 8 || Math.floor(slot / perDay) % 7 >= 5,
  };
  const schemes: Bands[] = [{ all: () => true }, night, weekend];
  for (let day = 0; day < days; day++) {
    const from = day * perDay;
    const error = history.ask(
      history.load([from, from + perDay], (meter, slot) => there(meter, slot) && !late(meter, slot)),
    );
    assert.equal(error, undefined, error?.message);
    if ((day + 1) % 30 !== 0) continue;
    const period = [from + perDay - month, from + perDay] as const;
    const segments = period[0] === 2 * month ? [period, [month, 2 * month] as const] : [period];
    // In the third bill only what came late is new of the second month.
    const has: CellTest = (meter, slot) =>
      there(meter, slot) && (slot >= period[0] ? !late(meter, slot) || period[0] > 2 * month : late(meter, slot));
    const error2 = history.ask(history.bill(segments, has, schemes, (meter) => meter % 3));
    assert.equal(error2, undefined, error2?.message);
  }
  const { totals, ofMeter, ofSlot } = history.disclosure();
  assert.ok(totals > 4_320 + 12 * METERS, `${totals} totals`);
  assert.ok(ofMeter!.cells.length >= perDay && ofSlot!.cells.length >= MIN_METERS);
});
