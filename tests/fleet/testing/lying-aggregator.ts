/**
 * The aggregator's own entry, except that it lies about every set of which it is asked the sums, in turn: in one sum, in
 * each sum by another amount, in all by one offset, by the sums of the set before, by two answers that differ.
 */
import { Aggregator } from "../../../aggregator/aggregator.ts";
import { parseTopic } from "../../../protocol/topics.ts";
import { alterSums } from "../../../aggregator/testing/altered-sums.ts";

type Lie = (honest: readonly bigint[], before: readonly bigint[]) => bigint[];

const LIES: readonly Lie[] = [
  (honest) => honest.map((sum, at) => (at === 0 ? sum + 1n : sum)),
  (honest) => honest.map((sum, at) => sum + BigInt(at) ** 3n + 1n),
  (honest) => honest.map((sum) => sum + 1n),
  (honest, before) => honest.map((sum, at) => before[at] ?? sum + 1n),
  (honest) => honest.map((sum) => sum + 1n),
];
/** The last of them is told once; then the truth. */
const ONCE = LIES.length - 1;

const lieOf = new Map<string, number>();
const asked = new Set<string>();
const told = new Map<string, bigint[]>();
let before: readonly bigint[] = [];

alterSums(({ round }, honest) => {
  const lie = lieOf.get(round) ?? lieOf.size % LIES.length;
  lieOf.set(round, lie);
  if (lie === ONCE && asked.has(round)) return honest;
  asked.add(round);
  const sums = told.get(round) ?? LIES[lie]!(honest, before);
  told.set(round, sums);
  before = honest;
  return sums;
});

// Hears the questions of such a round twice, so that it gives two answers.
const hear = Reflect.get<Aggregator, "handle">(Aggregator.prototype, "handle");
Reflect.set(Aggregator.prototype, "handle", function (this: Aggregator, ...given: Parameters<typeof hear>) {
  hear.apply(this, given);
  const parsed = parseTopic(given[0]);
  const { round } = parsed?.parameters ?? {};
  if (parsed?.name !== "roundRequest" || round === undefined) return;
  if ((lieOf.get(round) ?? lieOf.size % LIES.length) === ONCE) hear.apply(this, given);
});

await import("../../../aggregator/main.ts");
