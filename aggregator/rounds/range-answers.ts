/**
 * An aggregator's answers to a range proof of one set: masked, so that they tell whether every shared bit is a bit and
 * nothing else. Any range of the set's meters may be asked, as bisection does, each under a mask of its own.
 */
import { createHash } from "node:crypto";
import { add, type FieldElement } from "../../protocol/field.ts";
import { bitCheck, type BitShares, bitSum } from "../../protocol/range/check.ts";
import { weightsOf } from "../../protocol/range/challenge.ts";
import { bitEntryCount } from "../../protocol/range/bit-entries.ts";
import { randomShares, type SubsetKeys, zeroShares } from "../../protocol/shamir/prss.ts";

export interface RangeOptions {
  readonly keys: SubsetKeys;
  /** Of the set, after its shares were fixed: 32 bytes. */
  readonly challenge: Uint8Array;
  /** Shares of each meter of the set, in its order; undefined where this aggregator does not hold just what the set says. */
  readonly meters: readonly (BitShares | undefined)[];
}

export class RangeAnswers {
  readonly #options: RangeOptions;
  readonly #checks: (FieldElement | undefined)[];

  constructor(options: RangeOptions) {
    this.#options = options;
    const { challenge, meters } = options;
    this.#checks = meters.map((shares, meter) =>
      shares === undefined ? undefined : bitCheck(shares, weightsOf(challenge, "bits", [meter], weightsFor(shares))),
    );
  }

  /** For each meter a masked combination of its shares: on a polynomial of degree t - 1 if all its shares are. */
  degrees(): (FieldElement | undefined)[] {
    const { keys, challenge, meters } = this.#options;
    const masks = randomShares(keys, hash("wv/1 range degree mask", challenge, []), meters.length);
    return meters.map((shares, meter) =>
      shares === undefined
        ? undefined
        : add(bitSum(shares, weightsOf(challenge, "degree", [meter], weightsFor(shares))), masks[meter]!),
    );
  }

  /**
   * Of meters `from` to `to` - 1 together: on a polynomial of degree 2t - 2 that is 0 at 0 if all their bits are bits.
   * Undefined where this aggregator lacks one of them. Throws RangeError unless 0 <= from < to <= the meters of the set.
   */
  check(from: number, to: number): FieldElement | undefined {
    const { keys, challenge, meters } = this.#options;
    if (!Number.isInteger(from) || !Number.isInteger(to) || from < 0 || from >= to || to > meters.length) {
      throw new RangeError(`from, to: expected 0 <= from < to <= ${meters.length}, got ${from} and ${to}`);
    }
    // The range is in the nonce: two ranges under one mask would show the difference of what they hide.
    let sum = zeroShares(keys, hash("wv/1 range check mask", challenge, [from, to]), 1)[0]!;
    for (const check of this.#checks.slice(from, to)) {
      if (check === undefined) return undefined;
      sum = add(sum, check);
    }
    return sum;
  }
}

function weightsFor({ entries, bits }: BitShares): number {
  return bits * bitEntryCount(entries, bits);
}

function hash(label: string, challenge: Uint8Array, numbers: readonly number[]): Buffer {
  const words = Buffer.alloc(4 * numbers.length);
  for (const [index, number] of numbers.entries()) words.writeUInt32BE(number, 4 * index);
  return createHash("sha256").update(label).update(challenge).update(words).digest();
}
