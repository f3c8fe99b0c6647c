/**
 * Rounds with a bound, through real aggregators and the utility's real desk: one home that sends what it likes ruins the sum
 * unseen without it, and with it is named and left out.
 */
import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { decodeCbor, encodeCbor } from "../../protocol/cbor.ts";
import { boundBits } from "../../protocol/learning/bound.ts";
import { boundElements, honestSquares, type RoundContent, sharedElements } from "../../protocol/learning/index.ts";
import type { SetContent } from "../../protocol/messages/round.ts";
import { type BedOptions, LearningBed, opened, sumOf, vectorOf } from "../testing/learning-bed.ts";

const LENGTH = 21;
/** Homes that do not keep to the rules, of twelve. */
const POISONERS = [1, 4, 7, 10];
const HUGE = 10 * 32_000;

/** A round with the bound that honest homes need. */
async function bedWith(t: TestContext, options: BedOptions = {}) {
  const bed = await LearningBed.make(t, options);
  const content = bed.round(LENGTH);
  const bounded: RoundContent = { ...content, bound: { kind: "norm", squares: honestSquares(content) } };
  await bed.announce(bounded);
  return { bed, content: bounded };
}

/** The homes but some send their updates to all. */
function sendBut(bed: LearningBed, content: RoundContent, out: readonly number[]): void {
  for (const [home, name] of bed.homes.entries()) {
    if (!out.includes(home)) bed.send(content, name, vectorOf(home, LENGTH));
  }
}

const sumBut = ({ homes }: LearningBed, out: readonly number[]): number[] =>
  sumOf([...homes.keys()].filter((home) => !out.includes(home)).map((home) => vectorOf(home, LENGTH)));
const lies = async ({ harness }: LearningBed): Promise<string[][]> =>
  (await harness.logged("lie")).map(({ code, servers }) => [code, servers.join()]);

const elementsOf = ({ vector, bound }: RoundContent, values: readonly number[]): BigUint64Array =>
  boundElements(values, { vector, bound: bound! });

/** Right bits of coordinates that are too long together; nothing is left of the bound. */
function tooLong(content: RoundContent): BigUint64Array {
  const elements = elementsOf(content, new Array<number>(LENGTH).fill(0));
  const { coordinate, slack } = boundBits(content.bound!);
  elements.fill(0n, -slack);
  // 8,000 in each of 21: a quarter of what one may be, and 1.15 times the norm.
  for (let i = 0; i < LENGTH; i++) {
    for (let bit = 0; bit < coordinate - 1; bit++) elements[i * coordinate + bit] = (8_000n >> BigInt(bit)) & 1n;
  }
  return elements;
}

const WRONGS: ((content: RoundContent) => BigUint64Array)[] = [
  // One huge coordinate, by a bit that is none.
  (content) => elementsOf(content, vectorOf(1, LENGTH)).with(3, BigInt(HUGE)),
  tooLong,
  // The same, and what is left of the bound made right by a negative number in place of a bit.
  (content) => {
    const left = BigInt(content.bound!.squares - LENGTH * 8_000 ** 2) + 2n ** 61n - 1n;
    return tooLong(content).with(LENGTH * boundBits(content.bound!).coordinate, left);
  },
  // Within the bound, by bits; but what is left of it is another number.
  (content) => {
    const elements = elementsOf(content, vectorOf(10, LENGTH));
    return elements.with(-1, 1n - elements.at(-1)!);
  },
];

test("without a bound one home ruins the sum, and nobody is told", async (t) => {
  const bed = await LearningBed.make(t);
  const content = bed.round(LENGTH);
  await bed.announce(content);
  sendBut(bed, content, [4]);
  bed.send(content, bed.homes[4]!, new Array<number>(LENGTH).fill(HUGE));
  const row = await bed.finish(content);
  assert.deepEqual([row.status, row.meters, row.proved, row.left_out], ["final", 12, null, null]);
  const honest = sumBut(bed, [4]);
  assert.deepEqual(
    opened(row),
    honest.map((value) => value + HUGE),
  );
  assert.deepEqual(await lies(bed), []);
});

describe("with a bound", () => {
  test("homes beyond it are named and left out, whichever way; one that is just within it stays", async (t) => {
    const { bed, content } = await bedWith(t);
    const atBound = 3;
    sendBut(bed, content, [...POISONERS, atBound]);
    const edge = new Array<number>(LENGTH).fill(0).with(2, -Math.floor(Math.sqrt(content.bound!.squares)));
    bed.send(content, bed.homes[atBound]!, edge);
    for (const [i, wrong] of WRONGS.entries()) {
      const name = bed.homes[POISONERS[i]!]!;
      bed.sendInstead(content, name, bed.updatesOf(content, name, wrong(content)));
    }
    const row = await bed.finish(content);
    assert.deepEqual([row.status, row.reason], ["final", ""]);
    assert.deepEqual(opened(row), sumOf([sumBut(bed, [...POISONERS, atBound]), edge]));
    assert.deepEqual([row.meters, row.proved, row.unproved, row.left_out], [8, 8, 0, 4]);
    assert.deepEqual(await lies(bed), [["out-of-range", ""]]);
    const round = await bed.harness.utility.db.selectFrom("rounds").selectAll().executeTakeFirstOrThrow();
    assert.match(round.excluded, /the updates of m-002, m-005, m-008, m-011 are beyond the bound of the round/);
    const [model] = await bed.harness.logged("model");
    assert.deepEqual(model!.bound, { squares: content.bound!.squares, proved: 8 });
    assert.deepEqual(await bed.harness.findings(), []);
  });

  test("a home that sends to too few to be proved, or shares that belong together nowhere, is left out", async (t) => {
    const { bed, content } = await bedWith(t, { homes: 6 });
    sendBut(bed, content, [2, 3]);
    const [withheld, spoilt] = [bed.homes[2]!, bed.homes[3]!];
    bed.sendInstead(content, withheld, bed.updatesOf(content, withheld, WRONGS[0]!(content)), [1, 2]);
    const own = bed.updates(content, spoilt, vectorOf(3, LENGTH));
    bed.sendInstead(content, spoilt, own.set(3, bed.spoilt(content, spoilt, vectorOf(3, LENGTH), 3)));
    const row = await bed.finish(content);
    assert.deepEqual(opened(row), sumBut(bed, [2, 3]));
    assert.deepEqual([row.meters, row.proved, row.unproved, row.left_out], [4, 4, 0, 0]);
    assert.deepEqual(await lies(bed), [["inconsistent-shares", ""]]);
  });

  test("where fewer than 2t - 1 aggregators answer the sum is opened and said to be unproved", async (t) => {
    const { bed, content } = await bedWith(t, { homes: 5 });
    bed.harness.aggregators[1]!.down = true;
    sendBut(bed, content, []);
    const row = await bed.finish(content);
    assert.deepEqual(opened(row), sumBut(bed, []));
    assert.deepEqual([row.status, row.proved, row.unproved, row.left_out], ["final", 0, 5, 0]);
  });

  test("of five aggregators one that lies in checks is named, also with a home that it covers for", async (t) => {
    const { bed, content } = await bedWith(t, { n: 5, q: 4, homes: 6 });
    sendBut(bed, content, [4]);
    bed.sendInstead(content, bed.homes[4]!, bed.updatesOf(content, bed.homes[4]!, tooLong(content)));
    bed.tamper = (index, answer) => {
      if (index !== 2 || answer.type !== "ranged" || answer.values.length === 0) return answer;
      const values = Uint8Array.from(answer.values);
      values[7]! ^= 1;
      return answer.step === 0 ? answer : { ...answer, values };
    };
    const row = await bed.finish(content);
    assert.deepEqual(opened(row), sumBut(bed, [4]));
    assert.deepEqual([row.meters, row.proved, row.left_out], [5, 5, 1]);
    assert.deepEqual((await lies(bed)).sort(), [
      ["out-of-range", ""],
      ["wrong-proofs", "a-2"],
    ]);
  });

  test("a set that hides the bound, or asks for sums of bits, is not endorsed", async (t) => {
    const { bed, content } = await bedWith(t, { homes: 4 });
    sendBut(bed, content, []);
    bed.setTime(content.closesAt + 2);
    const codes = new Set<string>();
    let asked = 0;
    bed.change = (request) => {
      if (request.type !== "set") return request;
      const set = decodeCbor(request.content) as SetContent;
      const { bits: _, ...bare } = set;
      const longer = { ...set, segments: [[0, sharedElements(content)]] };
      return { ...request, content: encodeCbor(asked++ % 2 === 0 ? bare : longer) };
    };
    bed.tamper = (_index, answer) => {
      if (answer.type === "refuse") codes.add(`${answer.code}: ${answer.detail}`);
      return answer;
    };
    await bed.harness.run(4);
    assert.deepEqual([...codes].sort(), [
      "malformed-set: bits: coordinates are shared by 16, got 0",
      `malformed-set: segments: the vectors have 11 elements, got ${sharedElements(content)}`,
    ]);
  });
});
