/**
 * Whose shares belong together: of each meter the aggregators' masked, weighted sums of its shares lie on a polynomial of
 * degree t - 1, or the meter, or an aggregator that answered for it, is off. The masks let nothing else be seen.
 */
import { ELEMENT_BYTES, readElement } from "../../protocol/field.ts";
import { locateErrors } from "../../protocol/shamir/decode.ts";
import { interpolateBatch } from "../../protocol/shamir/interpolate.ts";
import { groupsOf } from "./collect.ts";
import { namesOf, pick, type SumsAnswer } from "./correct.ts";

/** A meter whose answers contradict each other. */
export interface ShareFault {
  /** Position in the set's meters. */
  readonly meter: number;
  /** Who answered for it. */
  readonly holders: readonly number[];
  /** The aggregators whose answers are off those of all others; none where that cannot be told. */
  readonly off: readonly number[];
}

export interface TestedShares {
  /** Meters whose answers agree, with the aggregators that gave them, rising; t + 1 or more. */
  readonly passed: readonly { readonly aggregators: readonly number[]; readonly meters: readonly number[] }[];
  readonly faults: readonly ShareFault[];
}

/** `answers` are those that `assertSums` has passed, over `meters` meters; with t of them or fewer nothing is tested. */
export function testedShares(answers: readonly SumsAnswer[], meters: number, t: number): TestedShares {
  const inOrder = [...answers].sort((a, b) => a.aggregator - b.aggregator);
  const passed: TestedShares["passed"][number][] = [];
  const faults: ShareFault[] = [];
  for (const { mask, members: group } of groupsOf(inOrder, meters)) {
    const holders = inOrder.filter((_, i) => (mask & (1 << i)) !== 0);
    if (holders.length <= t) continue;
    const xs = namesOf(holders);
    const values = holders.map((answer) => pick(answer, group));
    const { disagreeing } = interpolateBatch(xs, values, t);
    passed.push({ aggregators: xs, meters: group.filter((_, i) => disagreeing[i] === 0) });
    for (const [i, meter] of group.entries()) {
      if (disagreeing[i] === 0) continue;
      const points = xs.map((x, holder) => ({ x, y: readElement(values[holder]!, i * ELEMENT_BYTES) }));
      faults.push({ meter, holders: xs, off: locateErrors(points, t) ?? [] });
    }
  }
  return { passed, faults };
}
