/**
 * A utility that deviates, against real aggregators: every request that would lay bare the reading of one home is
 * refused with its code, the honest request beside it is answered exactly, and plain arithmetic on the true totals shows
 * what the refused answer would have given away.
 */
import assert from "node:assert/strict";
import path from "node:path";
import { after, before, test } from "node:test";
import { applyOffline } from "../../config/enrolment/offline.ts";
import { RollBook } from "../../config/enrolment/roll-book.ts";
import { StorageError } from "../../config/runtime/database.ts";
import { backup, restore } from "../../config/storage/backup.ts";
import { storeOf } from "../../config/storage/stores.ts";
import { bitmapOf, fullBitmap } from "../../protocol/bitmap.ts";
import { encodeCbor } from "../../protocol/cbor.ts";
import { countersign, signRecord } from "../../protocol/membership.ts";
import type { Question, RoundAnswer, Scheme, SetContent } from "../../protocol/messages/round.ts";
import { aggregatorId } from "../../protocol/names.ts";
import { topicOf } from "../../protocol/topics.ts";
import { DeviatingUtility, encodeSet, endorsementsOf, sha256, totalsOf } from "../testing/deviating-utility.ts";
import { DAY_SLOTS, DAY_START, MIN_SLOTS, Stage } from "../testing/stage.ts";
import { seeded, WireMeter } from "../testing/wire-meter.ts";

const DAYS = 8;
/** The first slot of a day; each test has a day of its own. */
const day = (number: number): number => DAY_START + number * DAY_SLOTS;
const MOVE_SLOT = day(3) + 12;

const HOMES = ["m-1", "m-2", "m-3", "m-4", "m-5", "m-6"];
const NEIGHBOURS = ["n-1", "n-2", "n-3", "n-4", "n-5"];
const MOVER = "m-7";
const VICTIM = "v-1";
/** Meters that the authority and all aggregators were talked into: what countersigning is there to prevent. */
const GHOSTS = ["g-1", "g-2", "g-3", "g-4"];
const METERS = [
  ...[...HOMES, MOVER].map((meter) => ({ meter, feeder: "f-1" })),
  ...NEIGHBOURS.map((meter) => ({ meter, feeder: "f-2" })),
  ...[...GHOSTS, VICTIM].map((meter) => ({ meter, feeder: "f-ghosts" })),
];
/** In the cells of these the aggregators get nothing at first. */
const LATE = [
  { meter: "m-1", slot: day(0) + 20 },
  { meter: "m-1", slot: day(1) + 20 },
  { meter: "m-1", slot: day(1) + 21 },
  { meter: "m-2", slot: day(1) + 20 },
  { meter: "m-2", slot: day(1) + 21 },
];

const readings = new Map<string, number>();
const random = seeded("readings of the deviating utility");
for (const { meter } of METERS) {
  for (let slot = day(0); slot < day(DAYS); slot++) {
    readings.set(`${meter} ${slot}`, GHOSTS.includes(meter) ? 0 : 100 + random(5000));
  }
}
const truth = (meter: string, slot: number): bigint => BigInt(readings.get(`${meter} ${slot}`)!);
/** The true total of some meters over slots [from, to). */
function total(meters: readonly string[], from: number, to: number, but?: { meter: string; slot: number }): bigint {
  let sum = 0n;
  for (const meter of meters) {
    for (let slot = from; slot < to; slot++) if (meter !== but?.meter || slot !== but.slot) sum += truth(meter, slot);
  }
  return sum;
}

const bill = (meters: string[], from: number, to: number, feeder = "f-1"): Question => ({
  purpose: "billing",
  feeder,
  meters,
  segments: [[from, to]],
  kinds: [1],
});
const load = (meters: string[], from: number, to: number, feeder = "f-1"): Question => ({
  ...bill(meters, from, to, feeder),
  purpose: "load",
});
/** One band over all slots of the segments. */
const flat = (...lengths: number[]): Scheme[] => [
  {
    bands: [{ name: "flat", kind: 1, masks: lengths.map((length) => fullBitmap(length)) }],
  },
];
/** Bands over one segment of a day by their slots. */
const bands = (...slots: number[][]): Scheme[] => [
  {
    bands: slots.map((list, i) => ({
      name: `band-${i}`,
      kind: 1,
      masks: [bitmapOf(DAY_SLOTS, list) as Uint8Array<ArrayBuffer>],
    })),
  },
];
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);
const isLate = (meter: string, slot: number): boolean => LATE.some((one) => one.meter === meter && one.slot === slot);

let stage: Stage;
let utility: DeviatingUtility;
let meters: Map<string, WireMeter>;

before(async () => {
  stage = await Stage.open({
    meters: METERS,
    beforeStart: async (enrolled) => {
      const authority = enrolled.party("authority");
      const context = { keys: enrolled.keys(""), authority, book: new RollBook(authority), now: Date.now() / 1000 };
      const change = { action: "move", meter: MOVER, feeder: "f-2" } as const;
      await applyOffline({ ...context, fromSlot: MOVE_SLOT, currentSlot: MOVE_SLOT }, change);
    },
  });
  await stage.setSlot(day(DAYS));
  const opened = await Promise.all(METERS.map(({ meter }) => WireMeter.open(stage, meter)));
  meters = new Map(opened.map((meter) => [meter.id, meter]));
  await Promise.all(opened.map((meter) => reportAll(meter)));
  utility = await DeviatingUtility.open(stage);
});
after(() => stage.close());

/** Runs of consecutive readings, with the late cells left out. */
async function reportAll(meter: WireMeter): Promise<void> {
  let from = day(0);
  for (let slot = day(0); slot <= day(DAYS); slot++) {
    if (slot < day(DAYS) && !isLate(meter.id, slot)) continue;
    if (slot > from)
      await meter.report(
        from,
        range(from, slot).map((at) => Number(truth(meter.id, at))),
      );
    from = slot + 1;
  }
}

test("a late slot that is billed but in no feeder load is refused: the difference would be that reading", async () => {
  const [from, to] = [day(0), day(1)];
  const loads = await utility.totals(await utility.set(load(HOMES, from, to)));
  const late = LATE[0]!;
  assert.deepEqual(
    loads,
    range(from, to).map((slot) => total(HOMES, slot, slot + 1, late)),
  );
  // The reading arrives when the load has been released.
  await meters.get(late.meter)!.report(late.slot, [Number(truth(late.meter, late.slot))]);

  const withLate = await utility.set(bill(HOMES, from, to), undefined, flat(DAY_SLOTS));
  assert.equal(await utility.refusalOf(withLate), "difference-too-small");

  // Without the rule: bills minus loads is the one reading.
  const learned = total(HOMES, from, to) - loads.reduce((sum, value) => sum + value, 0n);
  assert.equal(learned, truth(late.meter, late.slot));

  // The honest request leaves the late cell out, and is answered to the watt-hour.
  const honest = await utility.set(bill(HOMES, from, to), (...cell) => !isLate(...cell), flat(DAY_SLOTS));
  assert.deepEqual(
    await utility.totals(honest),
    HOMES.map((meter) => total([meter], from, to, late)),
  );
  // Nor does the late cell fit into the load of its slot any more, or into a bill of its own.
  const again = await utility.set(load(HOMES, late.slot, late.slot + 1));
  assert.equal(await utility.refusalOf(again), "already-released");
  const alone = await utility.set(bill(["m-1"], from, to), isLate, flat(DAY_SLOTS));
  assert.equal(await utility.refusalOf(alone), "too-few-slots");
});

test("late slots of two homes that are enough together are billed", async () => {
  const [from, to] = [day(1), day(2)];
  const homes = [...HOMES, MOVER];
  const loads = await utility.totals(await utility.set(load(homes, from, to)));
  for (const id of ["m-1", "m-2"]) {
    const values = [20, 21].map((hour) => Number(truth(id, from + hour)));
    await meters.get(id)!.report(from + 20, values);
  }
  const one = await utility.set(
    bill(homes, from, to),
    (id, slot) => id !== "m-2" || !isLate(id, slot),
    flat(DAY_SLOTS),
  );
  assert.equal(await utility.refusalOf(one), "difference-too-small", "two cells of one home");
  const both = await utility.totals(await utility.set(bill(homes, from, to), undefined, flat(DAY_SLOTS)));
  assert.deepEqual(
    both,
    homes.map((meter) => total([meter], from, to)),
  );
  const sum = (values: readonly bigint[]): bigint => values.reduce((a, b) => a + b, 0n);
  // What the two releases tell is a total of s cells of two homes, as the rule says.
  assert.equal(sum(both) - sum(loads), total(["m-1", "m-2"], from + 20, from + 22));
  assert.equal(MIN_SLOTS, 4);
});

test("of two sets that differ by one meter at most one finds q endorsements, however the aggregators are asked", async () => {
  for (let assignment = 0; assignment < 8; assignment++) {
    const slot = day(2) + assignment;
    const all = await utility.set(load(HOMES, slot, slot + 1));
    const without = await utility.set(load(HOMES, slot, slot + 1), (meter) => meter !== "m-1");
    const first = (index: number): Uint8Array => (((assignment >> (index - 1)) & 1) === 1 ? all : without);
    const endorsed = new Map<Uint8Array, RoundAnswer[]>([all, without].map((set) => [set, []]));
    for (const index of stage.aggregators) {
      const [answer] = (await utility.offer(first(index), [index])).values();
      assert.equal(answer!.type, "endorse");
      endorsed.get(first(index))!.push(answer!);
    }
    for (const index of stage.aggregators) {
      const other = first(index) === all ? without : all;
      const [answer] = (await utility.offer(other, [index])).values();
      assert.equal(answer!.type === "refuse" && answer!.code, "other-set-endorsed");
    }
    const [winner, loser] = endorsed.get(all)!.length >= 2 ? [all, without] : [without, all];
    const lost = endorsementsOf(endorsed.get(loser)!);
    const won = endorsementsOf(endorsed.get(winner)!);
    assert.ok(won.length >= 2 && lost.length < 2);
    // Not with too few, not with one twice, not with those of the other set, not with an altered one.
    const altered = [...lost, ...won].map((bytes) =>
      bytes.map((byte, i) => (i === bytes.length - 1 ? byte ^ 1 : byte)),
    );
    for (const tried of [[...lost, ...lost], [...lost, ...won], altered].filter((list) => list.length > 0)) {
      for (const answer of (await utility.sums(loser, tried)).values()) {
        assert.equal(answer.type === "refuse" && answer.code, "not-endorsed");
      }
    }
    const answers = [...(await utility.sums(winner, won)).values()].filter(({ type }) => type === "sums");
    const counted = winner === all ? HOMES : HOMES.slice(1);
    assert.deepEqual(totalsOf(answers, 2), [total(counted, slot, slot + 1)]);
    // Without the rule the two answers differ by the reading of m-1.
    assert.equal(total(HOMES, slot, slot + 1) - total(HOMES.slice(1), slot, slot + 1), truth("m-1", slot));
  }
});

test("an aggregator killed after its endorsement still refuses the other set", async () => {
  const slot = day(2) + 8;
  const all = await utility.set(load(HOMES, slot, slot + 1));
  const without = await utility.set(load(HOMES, slot, slot + 1), (meter) => meter !== "m-1");
  const [given] = (await utility.offer(all, [2])).values();
  assert.equal(given!.type, "endorse");
  process.kill(stage.supervisor.processId("a-2")!, "SIGKILL");
  const [again] = (await utility.offer(without, [2])).values();
  assert.equal(again!.type === "refuse" && again!.code, "other-set-endorsed");
  assert.equal(stage.supervisor.restarts("a-2"), 1);
});

test("the cells of a meter that moves count where it was, once", async () => {
  const [from, to] = [day(3), day(4)];
  const old = [...HOMES, MOVER];
  const next = [MOVER, ...NEIGHBOURS];
  const before = await utility.totals(await utility.set(load(old, from, to)));
  const behind = await utility.totals(await utility.set(load(next, from, to, "f-2")));
  assert.deepEqual(
    before,
    range(from, to).map((slot) => total(slot < MOVE_SLOT ? old : HOMES, slot, slot + 1)),
  );
  assert.deepEqual(
    behind,
    range(from, to).map((slot) => total(slot < MOVE_SLOT ? NEIGHBOURS : next, slot, slot + 1)),
  );
  const everybody = [...old, ...NEIGHBOURS];
  assert.equal(
    [...before, ...behind].reduce((sum, value) => sum + value, 0n),
    total(everybody, from, to),
  );

  const oldBills = await utility.totals(await utility.set(bill(old, from, to), undefined, flat(DAY_SLOTS)));
  assert.equal(oldBills.at(-1), total([MOVER], from, MOVE_SLOT));

  // Slots of the old place in a bill of the new one, and the reverse.
  const here = await utility.compose(bill(next, from, to, "f-2"), undefined, flat(DAY_SLOTS));
  const stretched: SetContent = { ...here, units: [...here.units] };
  stretched.units[0] = [
    bitmapOf(DAY_SLOTS, range(11, 24)),
    sha256(Buffer.from("any digest")),
  ] as SetContent["units"][0];
  assert.equal(await utility.refusalOf(encodeSet(stretched)), "unknown-member");
  const there = await utility.compose(load(old, day(4) + 12, day(4) + 13));
  const extended: SetContent = { ...there, units: [...there.units] };
  extended.units[0] = [fullBitmap(old.length), sha256(Buffer.from("any digest"))] as SetContent["units"][0];
  assert.equal(await utility.refusalOf(encodeSet(extended)), "unknown-member");

  // Without the rule: the bill of the new feeder from slot 11 on, less the one from slot 12 on, is the reading of 11.
  assert.equal(total([MOVER], from + 11, to) - total([MOVER], MOVE_SLOT, to), truth(MOVER, from + 11));

  const newBills = await utility.totals(encodeSet(here));
  assert.equal(newBills[0], total([MOVER], MOVE_SLOT, to));
  assert.equal(oldBills.at(-1)! + newBills[0], total([MOVER], from, to), "both bills together are the whole day");
});

test("invented meters fill no set: neither signed by the utility nor countersigned by fewer than q", async () => {
  const slot = day(0) + 1;
  const invented = ["z-1", "z-2", "z-3", "z-4"];
  const authority = stage.party("authority");
  const self = stage.party("utility");
  const record = (meter: string) => ({
    meter,
    serial: 1,
    keyVersion: 1,
    places: [{ feeder: "f-ghosts", from: 0, to: null }],
  });
  const by = (signed: Uint8Array, ...indices: number[]): Uint8Array[] =>
    indices.map((index) => countersign(signed, index, stage.party(aggregatorId(index))));
  const own = signRecord(record("z-1"), self);
  const posing = signRecord(record("z-2"), { id: "authority", signKey: self.signKey! });
  const bare = signRecord(record("z-3"), authority);
  const few = signRecord(record("z-4"), authority);
  const certificates = [
    { record: own, countersignatures: by(own, 1, 2, 3) },
    { record: posing, countersignatures: by(posing, 1, 2, 3) },
    { record: bare, countersignatures: [] },
    { record: few, countersignatures: by(few, 1) },
  ].map((certificate) => encodeCbor(certificate));
  // The utility may not even say it; and where the broker let it through, nobody believes it.
  await assert.rejects(utility.link.publish(topicOf("roll", {}), certificates[0]!), { name: "LinkError" });
  const smuggler = await stage.connect(authority);
  for (const certificate of certificates) await smuggler.publish(topicOf("roll", {}), certificate);

  const crowd = [VICTIM, ...invented];
  const set = await utility.compose(load(crowd, slot, slot + 1, "f-ghosts"));
  assert.equal(await utility.refusalOf(encodeSet(set)), "too-few-meters", "the victim alone");
  set.units[0] = [fullBitmap(crowd.length), sha256(Buffer.from("invented"))] as SetContent["units"][0];
  assert.equal(await utility.refusalOf(encodeSet(set)), "unknown-member");

  // Where the authority and q aggregators are talked into inventing meters, the same request lays the reading bare.
  const talkedInto = await utility.set(load([...GHOSTS, VICTIM], slot, slot + 1, "f-ghosts"));
  assert.deepEqual(await utility.totals(talkedInto), [truth(VICTIM, slot)]);
});

test("weights that encode readings are refused: a bill has 0/1 bands of s slots or more", async () => {
  const [from, to] = [day(4), day(5)];
  const compose = (schemes: Scheme[]): Promise<Uint8Array> => utility.set(bill(HOMES, from, to), undefined, schemes);
  const refused = async (schemes: Scheme[]): Promise<string> => utility.refusalOf(await compose(schemes));
  const hours = range(0, DAY_SLOTS);

  // A slot in two bands weighs double: its two totals would differ by what only one of them holds.
  assert.equal(await refused(bands(hours, hours.slice(1))), "masks-overlap");
  assert.equal(total(["m-1"], from, to) - total(["m-1"], from + 1, to), truth("m-1", from));
  // Bands by the bits of the hour: 5 totals with weights 0 and 1, overlapping.
  assert.equal(
    await refused(bands(...range(0, 5).map((bit) => hours.filter((hour) => ((hour >> bit) & 1) === 1)))),
    "masks-overlap",
  );
  // Many bands, one for each hour: a bill that is the load curve.
  assert.equal(await refused(bands(...hours.map((hour) => [hour]))), "too-few-slots");
  // One short band beside a long one.
  assert.equal(await refused(bands(hours.slice(MIN_SLOTS - 1), hours.slice(0, MIN_SLOTS - 1))), "too-few-slots");
  // Real weights do not exist on the wire, nor bits beyond the period, nor the same meter twice with two tariffs.
  const honest = await utility.compose(bill(HOMES, from, to), undefined, bands(hours.slice(0, 12), hours.slice(12)));
  const weighted = { ...honest, schemes: [{ bands: [{ name: "w", kind: 1, masks: [[1, 2, 4, 8]] }] }] };
  assert.equal(await utility.refusalOf(encodeSet(weighted)), "malformed-set");
  const long = { ...honest, schemes: [{ bands: [{ name: "w", kind: 1, masks: [new Uint8Array(4).fill(255)] }] }] };
  assert.equal(await utility.refusalOf(encodeSet(long)), "malformed-set");
  const twice = { ...honest, meters: ["m-1", "m-1", ...HOMES.slice(2)] };
  assert.equal(await utility.refusalOf(encodeSet(twice)), "malformed-set");

  const released = await utility.totals(encodeSet(honest));
  assert.deepEqual(released.slice(0, 2), [total(["m-1"], from, from + 12), total(["m-1"], from + 12, to)]);
  assert.equal(released.length, 2 * HOMES.length);
  // A complementary tariff afterwards, one hour further: the difference of the first bands would be that hour.
  assert.equal(await refused(bands(hours.slice(0, 13), hours.slice(13))), "already-released");
  assert.equal(total(["m-1"], from, from + 13) - released[0]!, truth("m-1", from + 12));
});

test("the shortest bands that may be are answered exactly", async () => {
  const [from, to] = [day(5), day(6)];
  const quarters = range(0, DAY_SLOTS / MIN_SLOTS).map((i) => range(MIN_SLOTS * i, MIN_SLOTS * (i + 1)));
  const totals = await utility.totals(await utility.set(bill(HOMES, from, to), undefined, bands(...quarters)));
  const expected = HOMES.flatMap((meter) =>
    quarters.map(([first]) => total([meter], from + first!, from + first! + MIN_SLOTS)),
  );
  assert.deepEqual(totals, expected);
});

test("windows do not slide: periods of a feeder neither overlap nor stretch", async () => {
  const [from, to] = [day(6), day(7)];
  const window = async (first: number, last: number): Promise<Uint8Array> =>
    utility.set(bill(HOMES, first, last), undefined, flat(last - first));
  const honest = await utility.totals(await window(from, to));
  assert.deepEqual(
    honest,
    HOMES.map((meter) => total([meter], from, to)),
  );
  for (const [first, last] of [
    [from + 1, to + 1],
    [from, to + 1],
    [from + 1, to],
    [from, to - 1],
    [from - 1, to],
  ] as const) {
    assert.equal(await utility.refusalOf(await window(first, last)), "period-mismatch");
  }
  // Nor as a piece of an earlier period that rides along with a later one.
  const [length, rest] = [DAY_SLOTS, DAY_SLOTS - 1];
  const riding: Question = {
    ...bill(HOMES, to, day(8)),
    segments: [
      [to, day(8)],
      [from, to - 1],
    ],
  };
  assert.equal(await utility.refusalOf(await utility.set(riding, undefined, flat(length, rest))), "period-mismatch");

  // Without the rule: the bill of the day less that of the day without its first hour.
  assert.equal(honest[0]! - total(["m-1"], from + 1, to), truth("m-1", from));
});

test("a slot's load is released once, whoever else is in it", async () => {
  const slot = day(7) + 3;
  const first = await utility.totals(await utility.set(load(HOMES, slot, slot + 1)));
  assert.deepEqual(first, [total(HOMES, slot, slot + 1)]);
  const fewer = await utility.set(load(HOMES, slot, slot + 1), (meter) => meter !== "m-4");
  assert.equal(await utility.refusalOf(fewer), "already-released");
  const longer = await utility.set(load(HOMES.slice(1), slot - 1, slot + 2));
  assert.equal(await utility.refusalOf(longer), "already-released");
  // Without the rule.
  assert.equal(
    first[0]! -
      total(
        HOMES.filter((meter) => meter !== "m-4"),
        slot,
        slot + 1,
      ),
    truth("m-4", slot),
  );
});

// Nothing after it asks a-2, which says nothing of these days any more.
test("an aggregator that goes on from an older copy endorses nothing of what it may have forgotten", async () => {
  const slot = day(2) + 9;
  const place = path.join(stage.data, "a-2", "aggregator.db");
  const copy = path.join(stage.data, "a-2.backup");
  await backup(place, copy);
  const all = await utility.set(load(HOMES, slot, slot + 1));
  const without = await utility.set(load(HOMES, slot, slot + 1), (meter) => meter !== "m-1");
  const given = endorsementsOf((await utility.offer(all, [1, 2])).values());
  const sums = [...(await utility.sums(all, given, [1, 2])).values()].filter(({ type }) => type === "sums");
  assert.deepEqual(totalsOf(sums, 2), [total(HOMES, slot, slot + 1)]);

  for (let isRestored = false; !isRestored; ) {
    process.kill(stage.supervisor.processId("a-2")!, "SIGKILL");
    isRestored = await restore(place, copy, new Date(), storeOf("a-2")).then(
      () => true,
      (error: unknown) => {
        // It may have been started again first.
        assert.ok(error instanceof StorageError && error.code === "locked", String(error));
        return false;
      },
    );
  }
  // a-1 remembers, a-3 was never asked: with a-2 that would be a quorum for the other set as well.
  const answers = await utility.offer(without, [1, 2, 3]);
  const codes = [1, 2, 3].map((index) => {
    const answer = answers.get(index)!;
    return answer.type === "refuse" ? answer.code : answer.type;
  });
  assert.deepEqual(codes, ["already-released", "history-lost", "endorse"]);
  const own = endorsementsOf(answers.values());
  const refused = [...(await utility.sums(without, own, [3])).values()];
  assert.deepEqual(
    refused.map((answer) => answer.type === "refuse" && answer.code),
    ["not-endorsed"],
  );
});

test("every refusal was counted by the aggregators, and the broker counted what the utility may not publish", async () => {
  const codes = ["difference-too-small", "other-set-endorsed", "unknown-member", "too-few-meters", "masks-overlap"];
  codes.push("too-few-slots", "malformed-set", "already-released", "period-mismatch", "not-endorsed");
  for (const index of [1, 3]) {
    const refused = await stage.refusalsOf(aggregatorId(index));
    for (const code of codes) assert.ok((refused[`round-${code}`] ?? 0) > 0, `aggregator ${index}: ${code}`);
    assert.equal(refused["wrong-sender"], 1);
    assert.equal(refused["bad-signature"], 3);
  }
  assert.equal((await stage.refusalsOf("broker"))["publish-denied"], 1);
});
