/** The sums that have come in for a set, and whether they are enough. Sees sums of shares; totals are the collector's. */
import { countMembers } from "../../protocol/bitmap.ts";
import type { SetContent } from "../../protocol/messages/round.ts";
import { assertSums, type Collected, collect, type SumsAnswer, unanswered } from "../collector/collect.ts";
import { outputCount, wantedOutputs } from "./shape.ts";

export class Tally {
  readonly #threshold: number;
  readonly #answers = new Map<number, SumsAnswer>();

  constructor(threshold: number) {
    this.#threshold = threshold;
  }

  /** Throws CollectError for sums that do not have the shape of the set's outputs. */
  take(answer: SumsAnswer, content: SetContent): void {
    assertSums(answer, outputCount(content));
    this.#answers.set(answer.aggregator, answer);
  }

  has(aggregator: number): boolean {
    return this.#answers.has(aggregator);
  }

  get size(): number {
    return this.#answers.size;
  }

  clear(): void {
    this.#answers.clear();
  }

  /** What is lacking, in words; undefined when every output with cells has sums of t aggregators. */
  lacking(content: SetContent): string | undefined {
    const wanted = wantedOutputs(content);
    const open = unanswered([...this.#answers.values()], wanted, this.#threshold).length;
    if (open === 0) return undefined;
    const what = `${open} of ${countMembers(wanted)} totals have fewer than ${this.#threshold} sums`;
    return `${what}; the aggregators that hold their cells must return`;
  }

  /** Throws CollectError when the sums contradict each other. */
  totals(content: SetContent): Collected {
    return collect([...this.#answers.values()], outputCount(content), this.#threshold);
  }
}
