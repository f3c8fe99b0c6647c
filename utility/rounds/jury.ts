/**
 * Whom tests of shares speak against, over all tests of a round. An aggregator that contradicts the others about more than
 * half of the meters, and not just one or two, is a liar, and not heard again; else a meter may have given it other shares.
 */
import type { SetContent } from "../../protocol/messages/round.ts";
import type { ShareFault } from "../collector/share-test.ts";
import { type Detection, equivocation, inconsistentShares, isMajority, namesOf, wrongProofs } from "./detections.ts";
import { metersWithCells } from "./tested.ts";

/** Who answered, and the answers as they were signed. */
export type Signed = ReadonlyMap<number, { readonly signed: Uint8Array }>;

export interface Heard {
  /** Meters that only liars speak against, with the others that answered for them. */
  readonly proven: readonly { readonly aggregators: readonly number[]; readonly meters: readonly number[] }[];
  /** Faults that no liar explains. */
  readonly open: readonly ShareFault[];
  /** Meters of faults about which nobody can tell who is off, where they are too many to be the cause. */
  readonly hopeless: readonly string[];
}

export class Jury {
  readonly #liars = new Set<number>();
  readonly #detections = new Map<string, Detection>();
  readonly #seen = new Set<number>();
  readonly #off = new Map<number, Set<number>>();

  get detections(): readonly Detection[] {
    return [...this.#detections.values()];
  }

  isLiar(aggregator: number): boolean {
    return this.#liars.has(aggregator);
  }

  /** The meters of a set are under test. */
  see(content: SetContent): void {
    for (const meter of metersWithCells(content)) this.#seen.add(meter);
  }

  /** Two answers of one aggregator to one question that exclude each other. */
  contradicted(aggregator: number, what: string, answers: readonly [Uint8Array, Uint8Array]): void {
    this.#liars.add(aggregator);
    this.#detections.set(`${aggregator} shares`, equivocation(aggregator, what, answers));
  }

  hear(content: SetContent, faults: readonly ShareFault[], answers: Signed): Heard {
    for (const { meter, off } of faults) {
      for (const one of off) this.#off.set(one, (this.#off.get(one) ?? new Set()).add(meter));
    }
    for (const [aggregator, meters] of this.#off) {
      if (isMajority(meters.size, this.#seen.size)) this.#liars.add(aggregator);
    }
    const byLiars = ({ off }: ShareFault): boolean => off.length > 0 && off.every((one) => this.#liars.has(one));
    const proven = faults.filter(byLiars).map(({ meter, off, holders }) => ({
      aggregators: holders.filter((one) => !off.includes(one)),
      meters: [meter],
    }));
    const open = faults.filter((fault) => !byLiars(fault));
    this.#accuse(content, answers);
    const unclear = open.filter(({ off }) => off.length === 0);
    const hopeless = 2 * unclear.length > this.#seen.size ? namesIn(content, unclear) : [];
    return { proven, open, hopeless };
  }

  #accuse(content: SetContent, answers: Signed): void {
    for (const [aggregator, meters] of this.#off) {
      const answer = answers.get(aggregator);
      const name = `${aggregator} shares`;
      if (answer === undefined || this.#detections.get(name)?.verdict === "liar") continue;
      const names = [...meters].sort((a, b) => a - b).map((meter) => content.meters[meter]!);
      const verdict = this.#liars.has(aggregator) ? "liar" : "disputed";
      this.#detections.set(name, inconsistentShares(aggregator, verdict, namesOf(names, content), [answer.signed]));
    }
  }

  /** Checks of bits that are off those of all others, about meters whose shares passed before: `isAcquitted` if all did. */
  offInProof(aggregator: number, content: SetContent, signed: Uint8Array, isAcquitted: boolean): void {
    if (isAcquitted) this.#liars.add(aggregator);
    const verdict = isAcquitted ? "liar" : "disputed";
    this.#detections.set(`${aggregator} proof`, wrongProofs(aggregator, verdict, content, signed));
  }
}

export function namesIn(content: SetContent, faults: readonly { readonly meter: number }[]): string[] {
  return faults.map(({ meter }) => content.meters[meter]!).sort();
}
