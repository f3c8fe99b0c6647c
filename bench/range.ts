/**
 * What a range proof costs one aggregator: ten thousand readings of twenty bits, a hundred slots of a hundred meters, with
 * the test of the degree and the check of the bits, and every opening that bisection asks for when one meter cheats.
 */
import { createHash } from "node:crypto";
import { addShares, NO_BITS, RangeAnswers } from "../aggregator/rounds/range-answers.ts";
import { bitmapOf, fullBitmap } from "../protocol/bitmap.ts";
import { splitBits } from "../protocol/range/split-bits.ts";
import { readingShares } from "../protocol/range/check.ts";
import { keySubsets } from "../protocol/shamir/key-subsets.ts";
import type { BenchOptions } from "./bench.ts";
import { describeRange } from "./describe.ts";
import type { RangeResult } from "./results.ts";

const [N, T, OWN] = [5, 2, 1];
const BITS = 20;
const SLOTS = 100;
const TARGET_SECONDS = 0.5;

export function run({ json, quick }: BenchOptions): Promise<Record<string, unknown>> {
  const meters = quick ? 20 : 100;
  const hashOf = (text: string): Buffer => createHash("sha256").update(text).digest();
  const splitting = cpuTime();
  const shares = Array.from({ length: meters }, (_, meter) => {
    const readings = Array.from({ length: SLOTS }, (_s, slot) => (meter * 31 + slot * 7_919) % 2 ** BITS);
    const own = { key: hashOf(`m-${meter}`), kind: 1, firstSlot: 1_900_000, readings };
    return { entries: splitBits({ ...own, bits: BITS, n: N, t: T })[OWN - 1]!, bits: BITS };
  });
  const splitSeconds = cpuTime() - splitting;
  const subsets = keySubsets(N, T).filter((members) => members.includes(OWN));
  const keys = { index: OWN, n: N, t: T, keys: subsets.map((members) => ({ members, key: hashOf(members.join()) })) };
  const rounds = quick ? 3 : 10;
  const times = Array.from({ length: rounds }, (_, round) => {
    const start = cpuTime();
    for (const { entries, bits } of shares) readingShares(entries, bits);
    const recomposed = cpuTime();
    const challenge = hashOf(`challenge ${round}`);
    const sums = shares.map((own, meter) => addShares(NO_BITS, challenge, [meter, 0, 0], own));
    const summed = cpuTime();
    const answers = new RangeAnswers({ keys, challenge, sums });
    answers.degrees();
    answers.check(fullBitmap(meters));
    const answered = cpuTime();
    for (let to = meters; to > 1; to = Math.ceil(to / 2)) {
      const middle = Math.ceil(to / 2);
      const positions = Array.from({ length: to }, (_, meter) => meter);
      answers.check(bitmapOf(meters, positions.slice(0, middle)));
      answers.check(bitmapOf(meters, positions.slice(middle)));
    }
    return [recomposed - start, summed - recomposed, answered - summed, cpuTime() - answered] as const;
  });
  const median = (part: number): number => {
    const sorted = times.map((one) => one[part]!).sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)]!;
  };
  const [readingSeconds, sumSeconds, maskSeconds, bisectSeconds] = [0, 1, 2, 3].map(median) as [
    number,
    number,
    number,
    number,
  ];
  const result: RangeResult = {
    ...{ readings: meters * SLOTS, bits: BITS, splitSeconds },
    ...{ readingSeconds, sumSeconds, maskSeconds, bisectSeconds },
    totalSeconds: readingSeconds + sumSeconds + maskSeconds + bisectSeconds,
    targetSeconds: TARGET_SECONDS,
  };
  if (!json) process.stdout.write(`${describeRange(result)}\n`);
  return Promise.resolve({ ...result });
}

/** Of this process, in seconds. */
function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
