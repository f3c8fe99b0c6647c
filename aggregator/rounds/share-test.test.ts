/** What aggregators answer to share tests: it shows whether shares belong together, and nothing else. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { describe, test, type TestContext } from "node:test";
import { members } from "../../protocol/bitmap.ts";
import { encodeCbor } from "../../protocol/cbor.ts";
import { FIELD_PRIME, readElement } from "../../protocol/field.ts";
import type { ManifestMessage, ProbedMessage, Purpose, RefuseMessage } from "../../protocol/messages/round.ts";
import { interpolate } from "../../protocol/shamir/interpolate.ts";
import { SETTINGS, temporaryFolder, TestAggregator, TestMeter, TestSystem } from "../testing/system.ts";

const SLOTS = 4;

/** Five aggregators, t = 2, three meters; share of aggregator i: reading + i times a coefficient, plus `lie`. */
function setUp(
  context: TestContext,
  lie: (aggregator: number, meter: number, slot: number) => bigint = () => 0n,
  reading: (meter: number, slot: number) => bigint = (meter, slot) => BigInt(100 * meter + slot),
) {
  const system = new TestSystem({ n: 5, t: 2, q: 3 });
  const names = ["m-1", "m-2", "m-3"];
  for (const name of names) system.addMeter(name, "f-1");
  const folder = temporaryFolder(context);
  const aggregators = [1, 2, 3, 4, 5].map((index) => new TestAggregator(system, index, folder, SETTINGS));
  context.after(() => {
    for (const aggregator of aggregators) aggregator.stop();
  });
  const from = system.slot - 20;
  for (const to of aggregators) {
    for (const [meter, name] of names.entries()) {
      const sender = new TestMeter(name, to, system.rootKey(name, to.index));
      sender.boot = 1;
      const entries = Buffer.alloc(16 * SLOTS);
      for (let slot = 0; slot < SLOTS; slot++) {
        const coefficient = createHash("sha256").update(`${meter} ${slot}`).digest().readBigUInt64BE() >> 4n;
        const share = reading(meter, slot) + coefficient * BigInt(to.index) + lie(to.index, meter, slot);
        entries.writeBigUInt64BE(((share % FIELD_PRIME) + FIELD_PRIME) % FIELD_PRIME, 16 * slot);
        entries.writeBigUInt64BE(BigInt(10 * meter + slot), 16 * slot + 8);
      }
      sender.put(1, from, entries);
    }
    to.aggregator.commit();
  }
  const contentOf = async (purpose: Purpose): Promise<Uint8Array> => {
    const question = { purpose, feeder: "f-1", meters: names, segments: [[from, from + SLOTS]], kinds: [1] };
    const [answer] = (await system.ask(aggregators[0]!, { type: "open", round: "r", ...question })) as [
      ManifestMessage,
    ];
    const bands = [{ name: "all", kind: 1, masks: [Uint8Array.of(15)] }];
    const billing = { schemes: [{ bands }], assignment: [0, 0, 0] };
    return encodeCbor({
      ...question,
      ...(purpose === "billing" ? billing : { schemes: [], assignment: [] }),
      units: answer.units,
    });
  };
  const probe = async (content: Uint8Array, salt: Uint8Array, to: TestAggregator): Promise<ProbedMessage> => {
    const [answer] = await system.ask(to, { type: "probe", round: "r", content, salt } as { type: string });
    return answer as ProbedMessage;
  };
  return { system, aggregators, contentOf, probe };
}

const at = ({ have, values }: ProbedMessage, meter: number): bigint =>
  readElement(values, 8 * [...members(have)].indexOf(meter));

for (const purpose of ["billing", "load"] as const) {
  describe(`a test of a set for ${purpose}`, () => {
    test("shows a meter whose shares are off at one aggregator, by however little, and no other", async (context) => {
      const { aggregators, contentOf, probe } = setUp(context, (to, meter, slot) =>
        to === 4 && meter === 1 ? [1n, -1n, 0n, 0n][slot]! : 0n,
      );
      const content = await contentOf(purpose);
      const salt = randomBytes(32);
      const answers = await Promise.all(aggregators.map((to) => probe(content, salt, to)));
      for (const answer of answers) assert.deepEqual([...members(answer.have)], [0, 1, 2]);
      const disagreeing = [0, 1, 2].map((meter) => {
        const points = answers.map((answer) => ({ x: answer.aggregator, y: at(answer, meter) }));
        return interpolate(points, 2).disagreeing;
      });
      assert.deepEqual(disagreeing, [0, 1, 0]);
      assert.deepEqual(await probe(content, salt, aggregators[0]!), answers[0], "a repeat is the same answer");
    });

    test("is answered only for meters whose cells it holds as the set has them", async (context) => {
      const { aggregators, contentOf, probe } = setUp(context);
      const content = await contentOf(purpose);
      const [first] = aggregators as [TestAggregator];
      const answer = await probe(content, randomBytes(32), first);
      assert.equal(answer.values.length, 24);
      const damaged = Buffer.from(content);
      const digest = damaged.lastIndexOf(Buffer.from([0x58, 0x20]));
      damaged[digest + 5]! ^= 1;
      const partial = await probe(damaged, randomBytes(32), first);
      assert.deepEqual([...members(partial.have)], purpose === "billing" ? [0, 1] : []);
    });
  });
}

test("an aggregator without keys for masks refuses, and a set that is malformed is refused", async (context) => {
  const { system, aggregators, probe, contentOf } = setUp(context);
  const refusal = (await probe(Uint8Array.of(1), randomBytes(32), aggregators[0]!)) as unknown as RefuseMessage;
  assert.deepEqual([refusal.type, refusal.code], ["refuse", "malformed-set"]);
  const content = await contentOf("load");
  system.subsetKeys = () => undefined;
  aggregators[1]!.kill();
  const without = (await probe(content, randomBytes(32), aggregators[1]!)) as unknown as RefuseMessage;
  assert.deepEqual([without.type, without.code], ["refuse", "no-subset-keys"]);
  assert.deepEqual(Buffer.from(without.setId!), createHash("sha256").update(content).digest());
});

test("the utility with one aggregator sees the same, whatever the readings are", async (context) => {
  // Their view of a meter in one test: the points of aggregators 2 to 5, and all that aggregator 1 knows. Points of right
  // shares lie on one line through the point of aggregator 1, which it can compute; what is left is one number.
  const salts = Array.from({ length: 400 }, (_, i) => createHash("sha256").update(`salt ${i}`).digest());
  const histograms: number[][] = [];
  for (const [run, reading] of [() => 0n, () => 2n ** 40n].entries()) {
    const { aggregators, contentOf, probe } = setUp(context, undefined, reading);
    const content = await contentOf("billing");
    const counts = new Array<number>(8).fill(0);
    for (const salt of salts) {
      const answer = await probe(content, salt, aggregators[1 + run]!);
      for (const meter of [0, 1, 2]) counts[Number(at(answer, meter) >> 58n)]! += 1;
    }
    histograms.push(counts);
  }
  const expected = (3 * salts.length) / 8;
  for (const counts of histograms) {
    const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // 7 degrees of freedom: above 24.3 once in a thousand; salts and keys are fixed, so the figure is too.
    assert.ok(chiSquare < 24.3, `chi-square ${chiSquare} of ${counts.join()}`);
  }
});
