import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test, type TestContext } from "node:test";
import { bitmapOf, fullBitmap, members } from "../../protocol/bitmap.ts";
import { encodeCbor } from "../../protocol/cbor.ts";
import { FIELD_PRIME, readElement } from "../../protocol/field.ts";
import type {
  EndorseMessage,
  ManifestMessage,
  Question,
  RefuseMessage,
  SumsMessage,
  TagsMessage,
} from "../../protocol/messages/round.ts";
import { interpolateAtZero } from "../testing/interpolate.ts";
import { entriesOf, SETTINGS, temporaryFolder, TestAggregator, TestMeter, TestSystem } from "../testing/system.ts";

/** Three aggregators, five meters on f-1 with twelve slots each; share of aggregator i: reading + 1000 i. */
function setUp(context: TestContext) {
  const system = new TestSystem();
  const meters = ["m-1", "m-2", "m-3", "m-4", "m-5"];
  for (const meter of meters) system.addMeter(meter, "f-1");
  const folder = temporaryFolder(context);
  const aggregators = [1, 2, 3].map((index) => new TestAggregator(system, index, folder, SETTINGS));
  context.after(() => {
    for (const aggregator of aggregators) aggregator.stop();
  });
  const from = system.slot - 20;
  let boots = 0;
  const reading = (meter: number, slot: number) => 100 * (meter + 1) + slot;
  const put = (to: TestAggregator, meter: number, slots: readonly number[], tagOffset = 0) => {
    const sender = new TestMeter(meters[meter]!, to, system.rootKey(meters[meter]!, to.index));
    sender.boot = ++boots;
    for (const slot of slots) {
      const value = reading(meter, slot) + 1000 * to.index;
      sender.put(1, from + slot, entriesOf([[value, reading(meter, slot) + tagOffset]]));
    }
    to.aggregator.commit();
    to.take();
  };
  return { system, meters, aggregators, from, put, reading };
}

const TWELVE = Array.from({ length: 12 }, (_, slot) => slot);

function question(from: number, meters: readonly string[], purpose: "billing" | "load" = "billing"): Question {
  return { purpose, feeder: "f-1", meters: [...meters], segments: [[from, from + 12]], kinds: [1] };
}

async function manifest(system: TestSystem, to: TestAggregator, asked: Question): Promise<ManifestMessage> {
  const [answer] = await system.ask(to, { type: "open", round: "r-1", ...asked });
  return answer as ManifestMessage;
}

const SCHEMES = [
  {
    bands: [
      { name: "day", kind: 1, masks: [bitmapOf(12, [0, 1, 2, 3, 4, 5])] },
      { name: "night", kind: 1, masks: [bitmapOf(12, [6, 7, 8, 9, 10, 11])] },
    ],
  },
];

function setOf(asked: Question, units: ManifestMessage["units"]): Uint8Array {
  const billing = asked.purpose === "billing";
  return encodeCbor({
    ...asked,
    schemes: billing ? SCHEMES : [],
    assignment: billing ? asked.meters.map(() => 0) : [],
    units,
  });
}

const setIdOf = (content: Uint8Array) => createHash("sha256").update(content).digest();

test("a billing round from manifest to totals, with digests equal among aggregators", async (context) => {
  const { system, meters, aggregators, from, put, reading } = setUp(context);
  for (const aggregator of aggregators) for (const meter of meters.keys()) put(aggregator, meter, TWELVE);
  const asked = question(from, meters);
  const manifests = await Promise.all(aggregators.map((to) => manifest(system, to, asked)));
  assert.deepEqual(manifests[0]!.units, manifests[1]!.units);
  assert.deepEqual(manifests[0]!.root, manifests[2]!.root);
  const bytes = Buffer.alloc(12 * 12);
  for (const slot of TWELVE) {
    bytes.writeUInt32BE(from + slot, 12 * slot);
    bytes.writeBigUInt64BE(BigInt(reading(1, slot)), 12 * slot + 4);
  }
  assert.deepEqual(Buffer.from(manifests[0]!.units[1]![1]), createHash("sha256").update(bytes).digest());

  const content = setOf(asked, manifests[0]!.units);
  const endorsements: Uint8Array[] = [];
  for (const to of aggregators.slice(0, 2)) {
    const [answer] = (await system.ask(to, { type: "set", round: "r-1", content } as {
      type: string;
    })) as EndorseMessage[];
    assert.equal(answer!.type, "endorse");
    endorsements.push(answer!.endorsement);
  }
  const request = { type: "endorsed", round: "r-1", setId: setIdOf(content), endorsements } as { type: string };
  const sums = await Promise.all(aggregators.slice(0, 2).map((to) => system.ask(to, request)));
  const [one, two] = sums.map(([answer]) => answer as SumsMessage);
  assert.deepEqual([...members(one!.have)], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  for (let output = 0; output < 10; output++) {
    const slots = output % 2 === 0 ? TWELVE.slice(0, 6) : TWELVE.slice(6);
    const expected = slots.reduce((sum, slot) => sum + reading(Math.floor(output / 2), slot), 0);
    const shares = new Map([
      [1, readElement(one!.values, 8 * output)],
      [2, readElement(two!.values, 8 * output)],
    ]);
    assert.equal(interpolateAtZero(shares, FIELD_PRIME), BigInt(expected));
  }
  // Again, and after a restart: the same.
  aggregators[0]!.kill();
  assert.deepEqual((await system.ask(aggregators[0]!, request))[0], one);
  const [again] = (await system.ask(aggregators[0]!, {
    type: "set",
    round: "r-2",
    content,
  } as never)) as EndorseMessage[];
  assert.deepEqual(again!.endorsement, endorsements[0]);
});

test("a load round: rosters by slot, sums by slot", async (context) => {
  const { system, meters, aggregators, from, put, reading } = setUp(context);
  for (const aggregator of aggregators) {
    for (const meter of meters.keys()) put(aggregator, meter, meter === 4 ? TWELVE.slice(1) : TWELVE);
  }
  const asked = question(from, meters, "load");
  const { units } = await manifest(system, aggregators[0]!, asked);
  assert.equal(units.length, 12);
  assert.deepEqual([...members(units[0]![0])], [0, 1, 2, 3]);
  assert.deepEqual(units[1]![0], fullBitmap(5));
  const content = setOf(asked, units);
  const endorsements: Uint8Array[] = [];
  for (const to of aggregators) {
    const [answer] = (await system.ask(to, { type: "set", round: "r-1", content } as {
      type: string;
    })) as EndorseMessage[];
    endorsements.push(answer!.endorsement);
  }
  const request = { type: "endorsed", round: "r-1", setId: setIdOf(content), endorsements } as { type: string };
  const [answer] = (await system.ask(aggregators[1]!, request)) as SumsMessage[];
  assert.equal(readElement(answer!.values, 0), BigInt([0, 1, 2, 3].reduce((sum, m) => sum + reading(m, 0) + 2000, 0)));
  assert.equal(answer!.values.length, 12 * 8);
});

test("answers only outputs whose cells it holds with the set's tags", async (context) => {
  const { system, meters, aggregators, from, put } = setUp(context);
  const [one, two, three] = aggregators as [TestAggregator, TestAggregator, TestAggregator];
  for (const to of [one, two]) for (const meter of meters.keys()) put(to, meter, TWELVE);
  // The third lacks a slot of m-1 and has another polynomial of m-2 in slot 7.
  put(three, 0, TWELVE.slice(1));
  put(
    three,
    1,
    TWELVE.filter((slot) => slot !== 7),
  );
  put(three, 1, [7], 5);
  for (const meter of [2, 3, 4]) put(three, meter, TWELVE);
  const asked = question(from, meters);
  const { units } = await manifest(system, one, asked);
  const other = await manifest(system, three, asked);
  assert.notDeepEqual(other.units[1], units[1]);
  const [tags] = (await system.ask(three, { type: "detail", round: "r-1", units: [1] } as {
    type: string;
  })) as TagsMessage[];
  assert.equal(Buffer.from(tags!.units[0]![1]).readBigUInt64BE(8 * 7), BigInt(200 + 7 + 5));

  const content = setOf(asked, units);
  const endorsements: Uint8Array[] = [];
  for (const to of aggregators) {
    const [answer] = (await system.ask(to, { type: "set", round: "r-1", content } as {
      type: string;
    })) as EndorseMessage[];
    endorsements.push(answer!.endorsement);
  }
  const request = { type: "endorsed", round: "r-1", setId: setIdOf(content), endorsements } as { type: string };
  const [answer] = (await system.ask(three, request)) as SumsMessage[];
  assert.deepEqual([...members(answer!.have)], [4, 5, 6, 7, 8, 9]);
  // It asks for what it lacks; once it has it, it answers more.
  await system.ask(three, { type: "want", round: "r-1", units: [[0, bitmapOf(12, [0])]] } as { type: string });
  three.aggregator.commit();
  assert.equal(three.take().length, 1);
  put(three, 0, [0]);
  const [later] = (await system.ask(three, request)) as SumsMessage[];
  assert.deepEqual([...members(later!.have)], [0, 1, 4, 5, 6, 7, 8, 9]);
});

test("sums nothing without q valid endorsements by different aggregators", async (context) => {
  const { system, meters, aggregators, from, put } = setUp(context);
  for (const aggregator of aggregators) for (const meter of meters.keys()) put(aggregator, meter, TWELVE);
  const asked = question(from, meters);
  const { units } = await manifest(system, aggregators[0]!, asked);
  const content = setOf(asked, units);
  const [mine] = (await system.ask(aggregators[0]!, { type: "set", round: "r", content } as never)) as EndorseMessage[];
  const without = setOf(
    asked,
    units.map((unit, i) => (i === 0 ? [new Uint8Array(2), new Uint8Array(0)] : unit)),
  );
  const [other] = (await system.ask(aggregators[1]!, {
    type: "set",
    round: "r",
    content: without,
  } as never)) as EndorseMessage[];
  assert.equal(other!.type, "endorse");
  const attempts = [
    [mine!.endorsement, mine!.endorsement],
    [mine!.endorsement, other!.endorsement],
  ];
  for (const endorsements of attempts) {
    const request = { type: "endorsed", round: "r", setId: setIdOf(content), endorsements } as { type: string };
    const [answer] = (await system.ask(aggregators[0]!, request)) as RefuseMessage[];
    assert.equal(answer!.code, "not-endorsed");
  }
  // A set asked differently of another aggregator cannot be endorsed by the first: the difference would be one meter.
  const [second] = (await system.ask(aggregators[0]!, {
    type: "set",
    round: "r",
    content: without,
  } as never)) as RefuseMessage[];
  assert.equal(second!.code, "other-set-endorsed");
  const [third] = (await system.ask(aggregators[1]!, { type: "set", round: "r", content } as never)) as RefuseMessage[];
  assert.equal(third!.code, "other-set-endorsed");
});

test("counts no cell of a meter without a countersigned place on the feeder, and refuses sets that hold one", async (context) => {
  const { system, meters, aggregators, from, put } = setUp(context);
  const [one] = aggregators as [TestAggregator, ...TestAggregator[]];
  for (const meter of meters.keys()) put(one, meter, TWELVE);
  const asked = question(from, meters);
  const { units } = await manifest(system, one, asked);
  const elsewhere = { ...asked, feeder: "f-2" };
  const empty = await manifest(system, one, elsewhere);
  assert.ok(empty.units.every(([bitmap, digest]) => bitmap.every((byte) => byte === 0) && digest.length === 0));
  const content = setOf(elsewhere, units);
  const [answer] = (await system.ask(one, { type: "set", round: "r", content } as never)) as RefuseMessage[];
  assert.equal(answer!.code, "unknown-member");
  assert.deepEqual(answer!.where, [0, 1, 2, 3, 4]);
});

test("refuses what does not fit together, with a code, and requests that are not the utility's", async (context) => {
  const { system, meters, aggregators, from } = setUp(context);
  const [one] = aggregators as [TestAggregator, ...TestAggregator[]];
  const ask = async (message: object) =>
    (await system.ask(one, { round: "r", ...message } as never)) as RefuseMessage[];
  const asked = question(from, meters);
  assert.equal((await ask({ type: "detail", units: [0] }))[0]!.code, "unknown-round");
  assert.equal((await ask({ type: "open", ...asked, meters: ["m-2", "m-1"] }))[0]!.code, "malformed-set");
  const giant = { ...asked, purpose: "load", segments: [[0, 2 ** 22]], kinds: [1] };
  assert.equal((await ask({ type: "open", ...giant }))[0]!.code, "malformed-set");
  assert.equal((await ask({ type: "set", content: Buffer.from("x") }))[0]!.code, "malformed-set");
  assert.equal((await ask({ type: "set", content: setOf(asked, []) }))[0]!.code, "malformed-set");
  assert.equal(
    (await ask({ type: "endorsed", setId: new Uint8Array(32), endorsements: [new Uint8Array(3)] }))[0]!.code,
    "not-endorsed",
  );
  one.refused.length = 0;
  assert.deepEqual(await ask({ type: "nonsense" }), []);
  assert.deepEqual(await system.ask(one, { type: "open", round: "r", ...asked }, "a-2"), []);
  assert.deepEqual(one.codes(), ["malformed", "wrong-sender"]);
});
