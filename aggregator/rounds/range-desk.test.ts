/** Range proofs at five aggregators, by the messages of a round. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test, type TestContext } from "node:test";
import { bitmapOf, hasMember } from "../../protocol/bitmap.ts";
import { encodeCbor } from "../../protocol/cbor.ts";
import { FIELD_PRIME, readElement } from "../../protocol/field.ts";
import type {
  ManifestMessage,
  ProbedMessage,
  Purpose,
  RangedMessage,
  RefuseMessage,
  RevealedMessage,
} from "../../protocol/messages/round.ts";
import { splitBits } from "../../protocol/range/split-bits.ts";
import { interpolate } from "../../protocol/shamir/interpolate.ts";
import { SETTINGS, temporaryFolder, TestAggregator, TestMeter, TestSystem } from "../testing/system.ts";

const [SLOTS, BITS] = [4, 10];
const NAMES = ["m-1", "m-2", "m-3"];

/** Five aggregators, t = 2, three meters; `cheat` is added to the lowest bit of the meter's first reading. */
function setUp(
  context: TestContext,
  cheat: (meter: number) => bigint = () => 0n,
  skip = (_a: number, _m: number) => false,
) {
  const system = new TestSystem({ n: 5, t: 2, q: 3 });
  for (const name of NAMES) system.addMeter(name, "f-1");
  const folder = temporaryFolder(context);
  const settings = { ...SETTINGS, bits: { import: BITS } };
  const aggregators = [1, 2, 3, 4, 5].map((index) => new TestAggregator(system, index, folder, settings));
  context.after(() => {
    for (const aggregator of aggregators) aggregator.stop();
  });
  const from = system.slot - 20;
  for (const [meter, name] of NAMES.entries()) {
    const readings = Array.from({ length: SLOTS }, (_, slot) => 100 * meter + slot);
    const key = createHash("sha256").update(name).digest();
    const shares = splitBits({ key, kind: 1, firstSlot: from, readings, bits: BITS, n: 5, t: 2 });
    for (const to of aggregators) {
      if (skip(to.index, meter)) continue;
      const sender = new TestMeter(name, to, system.rootKey(name, to.index));
      sender.boot = 1;
      const entries = Buffer.from(shares[to.index - 1]!);
      entries.writeBigUInt64BE((entries.readBigUInt64BE(0) + cheat(meter) + FIELD_PRIME) % FIELD_PRIME, 0);
      sender.put(1, from, entries, BITS);
      to.aggregator.commit();
    }
  }
  const contentOf = async (purpose: Purpose, bits = [BITS]): Promise<Uint8Array> => {
    const question = { purpose, feeder: "f-1", meters: NAMES, segments: [[from, from + SLOTS]], kinds: [1] };
    const [answer] = (await system.ask(aggregators[0]!, { type: "open", round: "r", ...question })) as [
      ManifestMessage,
    ];
    const bands = [{ name: "all", kind: 1, masks: [Uint8Array.of(15)] }];
    const billing = { schemes: [{ bands }], assignment: [0, 0, 0] };
    const schemes = purpose === "billing" ? billing : { schemes: [], assignment: [] };
    return encodeCbor({ ...question, ...schemes, units: answer.units, ...(bits.length === 0 ? {} : { bits }) });
  };
  const ask = async <T>(to: TestAggregator, message: { type: string }): Promise<T> => {
    const [answer] = await system.ask(to, { round: "r", ...message });
    return answer as T;
  };
  return { aggregators, contentOf, ask };
}

const SALT = new Uint8Array(32).fill(3);

/** Asks all for commitments and seeds; `range` asks for degrees (no groups) or checks. */
async function proof({ aggregators, ask }: ReturnType<typeof setUp>, content: Uint8Array) {
  const setId = createHash("sha256").update(content).digest();
  const probed: ProbedMessage[] = [];
  for (const to of aggregators)
    probed.push(await ask<ProbedMessage>(to, { type: "probe", content, salt: SALT } as never));
  const commitments = probed.map(({ aggregator, commitment }) => [aggregator, commitment!]);
  const seeds: [number, Uint8Array][] = [];
  for (const to of aggregators) {
    const revealed = await ask<RevealedMessage>(to, { type: "reveal", setId, salt: SALT, commitments } as never);
    seeds.push([to.index, revealed.seed]);
  }
  const range = async (groups: readonly (readonly number[])[]): Promise<(bigint | undefined)[][]> => {
    const all: (bigint | undefined)[][] = [];
    for (const to of aggregators) {
      const bitmaps = groups.map((group) => bitmapOf(NAMES.length, [...group]));
      const question = { type: "range", setId, salt: SALT, seeds, step: groups.length, groups: bitmaps };
      const { have, values } = await ask<RangedMessage>(to, question);
      let at = 0;
      const count = groups.length === 0 ? NAMES.length : groups.length;
      all.push(
        Array.from({ length: count }, (_, i) => (hasMember(have, i) ? readElement(values, 8 * at++) : undefined)),
      );
    }
    return all;
  };
  return { setId, commitments, seeds, range };
}

const openAt = (answers: readonly (bigint | undefined)[][], i: number, degree: number) =>
  interpolate(
    answers.flatMap((values, a) => (values[i] === undefined ? [] : [{ x: a + 1, y: values[i] }])),
    degree + 1,
  );

for (const purpose of ["billing", "load"] as const) {
  test(`${purpose}: honest meters are of the right degree and open 0, a cheat opens something else`, async (context) => {
    const bed = setUp(context, (meter) => (meter === 1 ? -7n : 0n));
    const { range } = await proof(bed, await bed.contentOf(purpose));
    const degrees = await range([]);
    for (const meter of NAMES.keys()) assert.equal(openAt(degrees, meter, 1).disagreeing, 0);
    const checks = await range([[0, 1, 2], [0, 2], [1]]);
    const opened = [0, 1, 2].map((group) => openAt(checks, group, 2));
    assert.deepEqual(
      opened.map(({ value, disagreeing }) => [value === 0n, disagreeing]),
      [
        [false, 0],
        [true, 0],
        [false, 0],
      ],
    );
    assert.deepEqual(await range([[0, 1, 2], [0, 2], [1]]), checks, "a repeat is answered the same");
  });
}

test("who does not hold a meter's bits answers for no group with it", async (context) => {
  const bed = setUp(context, undefined, (aggregator, meter) => aggregator === 4 && meter === 2);
  const { range } = await proof(bed, await bed.contentOf("billing"));
  assert.deepEqual((await range([])).map((values) => values.map((value) => value !== undefined))[3], [
    true,
    true,
    false,
  ]);
  const checks = await range([
    [0, 1, 2],
    [0, 1],
  ]);
  assert.deepEqual([checks[3]![0], checks[3]![1] === undefined], [undefined, false]);
  assert.equal(openAt(checks, 0, 2).value, 0n);
  // Of another width nobody holds any.
  const other = setUp(context);
  const { range: wide } = await proof(other, await other.contentOf("billing", [BITS + 1]));
  assert.ok((await wide([])).flat().every((value) => value === undefined));
});

test("reveals a seed for one list only, with its own commitment in it, and answers no other seeds", async (context) => {
  const bed = setUp(context);
  const content = await bed.contentOf("billing");
  const [one] = bed.aggregators;
  const setId = createHash("sha256").update(content).digest();
  const refusal = async (message: object): Promise<string> =>
    (await bed.ask<RefuseMessage>(one!, message as never)).code;
  const list = [[1, new Uint8Array(32)]];
  const reveal = { type: "reveal", setId, salt: SALT };
  assert.equal(await refusal({ ...reveal, commitments: list }), "unknown-set");
  const { commitments, seeds } = await proof(bed, content);
  assert.equal(await refusal({ ...reveal, commitments: list }), "other-commitments");
  assert.equal(await refusal({ ...reveal, commitments: commitments.slice(0, 4) }), "other-commitments");
  const range = { type: "range", setId, salt: SALT, seeds, step: 0, groups: [] };
  const swapped = seeds.map(([index, seed], i) => [index, i === 3 ? new Uint8Array(32) : seed]);
  assert.equal(await refusal({ ...range, seeds: swapped }), "other-commitments");
  assert.equal(await refusal({ ...range, seeds: seeds.slice(0, 3) }), "other-commitments");
  assert.equal(await refusal({ ...range, groups: [Uint8Array.of(0)] }), "malformed-set");
  assert.equal(await refusal({ ...range, groups: [Uint8Array.of(9)] }), "malformed-set");
  one!.kill();
  assert.equal(await refusal(range), "unknown-set");
});

test("a set without bits has no commitment, and one with as many widths as kinds is asked for", async (context) => {
  const bed = setUp(context);
  const ask = (content: Uint8Array) =>
    bed.ask<Partial<Omit<ProbedMessage, "type"> & Omit<RefuseMessage, "type">> & { type: string }>(
      bed.aggregators[0]!,
      { type: "probe", content, salt: SALT } as never,
    );
  assert.equal((await ask(await bed.contentOf("load", []))).commitment, undefined);
  const refused = await ask(await bed.contentOf("load", [1, 2]));
  assert.deepEqual([refused.type, refused.code], ["refuse", "malformed-set"]);
});
