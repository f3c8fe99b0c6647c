/** What an aggregator that lies does to the sums of its answer. */
import { ELEMENT_BYTES, readElement, reduce, writeElement } from "../../protocol/field.ts";
import { type Answer, RoundDesk } from "../rounds/desk.ts";

type Sums = Extract<Answer, { type: "sums" }>;

/** Lets every answer with sums be altered before it is signed and sent. `told` gets the honest sums, one per output with cells. */
export function alterSums(told: (sums: Sums, honest: readonly bigint[]) => readonly bigint[]): void {
  const handle = Reflect.get<RoundDesk, "handle">(RoundDesk.prototype, "handle");
  Reflect.set(RoundDesk.prototype, "handle", async function (this: RoundDesk, ...given: Parameters<typeof handle>) {
    const answer = await handle.apply(this, given);
    if (answer?.type !== "sums") return answer;
    const count = answer.values.length / ELEMENT_BYTES;
    const honest = Array.from({ length: count }, (_, at) => readElement(answer.values, at * ELEMENT_BYTES));
    const values = new Uint8Array(answer.values.length);
    for (const [at, value] of told(answer, honest).entries()) writeElement(reduce(value), values, at * ELEMENT_BYTES);
    return { ...answer, values };
  });
}
