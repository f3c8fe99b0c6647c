/** The sums that have come in for a set, and whether they are enough. Sees sums of shares; totals are the collector's. */
import { countMembers } from "../../protocol/bitmap.ts";
import { FIELD_PRIME } from "../../protocol/field.ts";
import type { SetContent } from "../../protocol/messages/round.ts";
import { assertSums, type Collected, collect, type SumsAnswer, unanswered } from "../collector/collect.ts";
import { contradict, type Detection, equivocation, wrongSums } from "./detections.ts";
import type { RoundPorts } from "./round-ports.ts";
import { outputCount, wantedOutputs } from "./shape.ts";
import { isAcquitted, type Tested } from "./tested.ts";

export class Tally {
  readonly #threshold: number;
  readonly #judge: RoundPorts["judge"];
  readonly #answers = new Map<number, { answer: SumsAnswer; signed: Uint8Array }>();
  readonly #equivocations = new Map<number, Detection>();

  /** `judge` throws CollectError where totals cannot be what the set's meters have shared. */
  constructor(threshold: number, judge: RoundPorts["judge"] = () => {}) {
    this.#threshold = threshold;
    this.#judge = judge;
  }

  /**
   * Takes sums, and what their aggregator signed. Throws CollectError when they do not have the shape of the set's
   * outputs. Of an aggregator that has said something else about the same output nothing counts any more.
   */
  take(answer: SumsAnswer, content: SetContent, signed: Uint8Array): void {
    assertSums(answer, outputCount(content));
    const { aggregator } = answer;
    const known = this.#answers.get(aggregator);
    if (known !== undefined && contradict(known.answer, answer)) {
      this.#equivocations.set(aggregator, equivocation(aggregator, "sums of one set", [known.signed, signed]));
    }
    this.#answers.set(aggregator, { answer, signed });
  }

  has(aggregator: number): boolean {
    return this.#answers.has(aggregator);
  }

  /** Aggregators whose sums count. */
  get size(): number {
    return this.#counting().length;
  }

  /** All are asked anew; what they have contradicted stays known. */
  clear(): void {
    this.#answers.clear();
  }

  #counting(): SumsAnswer[] {
    return [...this.#answers.values()]
      .map(({ answer }) => answer)
      .filter(({ aggregator }) => !this.#equivocations.has(aggregator));
  }

  /** What is lacking, in words; undefined when every output with cells has sums of t aggregators. */
  lacking(content: SetContent): string | undefined {
    const wanted = wantedOutputs(content);
    const open = unanswered(this.#counting(), wanted, this.#threshold).length;
    if (open === 0) return undefined;
    const what = `${open} of ${countMembers(wanted)} totals have fewer than ${this.#threshold} sums`;
    return `${what}; the aggregators that hold their cells must return`;
  }

  /** Throws CollectError when more sums contradict each other than can be told apart, or totals cannot be. */
  totals(content: SetContent): Collected {
    // Lanes of a vector fill the field.
    const most = content.purpose === "vector" ? FIELD_PRIME : undefined;
    const collected = collect(this.#counting(), outputCount(content), this.#threshold, most);
    this.#judge(content, collected);
    return collected;
  }

  /** Who answered wrongly, by what was collected and by what the set's test has shown. */
  detections(
    content: SetContent,
    corrected: Collected["corrected"],
    tested: Tested | undefined,
    aggregators: number,
  ): Detection[] {
    const system = { aggregators, threshold: this.#threshold };
    const wrong = corrected.map((correction) => {
      const { aggregator } = correction;
      return wrongSums(content, correction, this.#answers.get(aggregator)!.signed, (meters) =>
        tested === undefined ? false : isAcquitted(tested, aggregator, meters, system),
      );
    });
    return [...this.#equivocations.values(), ...wrong];
  }
}
