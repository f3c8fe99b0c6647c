/**
 * An aggregator's answers to a range proof of one set: masked, so that they tell whether every shared bit is a bit and
 * nothing else. Any group of the set's meters may be asked, as bisection does, each under a mask of its own.
 */
import { createHash } from "node:crypto";
import { assertBitmap, isEmptyBitmap, members } from "../../protocol/bitmap.ts";
import { add, type FieldElement } from "../../protocol/field.ts";
import type { SetContent } from "../../protocol/messages/round.ts";
import { bitEntryCount } from "../../protocol/range/bit-entries.ts";
import { weightsOf } from "../../protocol/range/challenge.ts";
import { bitCheck, type BitShares, bitSum } from "../../protocol/range/check.ts";
import { randomShares, type SubsetKeys, zeroShares } from "../../protocol/shamir/prss.ts";
import { visitHeld } from "./held-cells.ts";
import type { Holdings } from "./holdings.ts";

/** What a meter's shares of bits come to under a challenge. Without masks: nothing of it leaves as it is. */
export interface MeterSums {
  /** On a polynomial of degree t - 1 if all its shares are. */
  readonly degree: FieldElement;
  /** On one of degree 2t - 2 that is 0 at 0 if all its bits are bits. */
  readonly check: FieldElement;
}

export const NO_BITS: MeterSums = { degree: 0n, check: 0n };

/** Adds shares of bits to a meter's sums; `place` names them in the set: meter, segment, kind. */
export function addShares(
  sums: MeterSums,
  challenge: Uint8Array,
  place: readonly [number, number, number],
  shares: BitShares,
): MeterSums {
  const weights = (use: "degree" | "bits"): Float64Array =>
    weightsOf(challenge, use, place, shares.bits * bitEntryCount(shares.entries, shares.bits));
  return {
    degree: add(sums.degree, bitSum(shares, weights("degree"))),
    check: add(sums.check, bitCheck(shares, weights("bits"))),
  };
}

/** For each meter of the set its sums; undefined where this aggregator does not hold just what the set says, bit by bit. */
export async function rangeSums(
  set: SetContent,
  challenge: Uint8Array,
  holdings: Holdings,
  pause: () => Promise<void>,
): Promise<(MeterSums | undefined)[]> {
  const sums = set.meters.map((): MeterSums | undefined => NO_BITS);
  const { lacking } = await visitHeld(set, holdings, pause, ({ meter, segment, kind, cells }) => {
    const bits = set.bits?.[kind] ?? 0;
    const sum = sums[meter];
    if (bits === 0 || sum === undefined) return;
    const { present, entries } = holdings.bits(set.meters[meter]!, set.kinds[kind]!, set.segments[segment]!, bits);
    const shares = { entries, bits, mask: cells };
    sums[meter] = contains(present, cells) ? addShares(sum, challenge, [meter, segment, kind], shares) : undefined;
  });
  for (const meter of lacking) sums[meter] = undefined;
  return sums;
}

function contains(all: Uint8Array, some: Uint8Array): boolean {
  return some.every((byte, i) => (byte & ~all[i]!) === 0);
}

export interface RangeOptions {
  readonly keys: SubsetKeys;
  /** Of the set, after its shares were fixed: 32 bytes. */
  readonly challenge: Uint8Array;
  /** Of each meter of the set, in its order; undefined where this aggregator cannot answer. */
  readonly sums: readonly (MeterSums | undefined)[];
}

export class RangeAnswers {
  readonly #options: RangeOptions;

  constructor(options: RangeOptions) {
    this.#options = options;
  }

  /** For each meter a masked combination of its shares: on a polynomial of degree t - 1 if all its shares are. */
  degrees(): (FieldElement | undefined)[] {
    const { keys, challenge, sums } = this.#options;
    const nonce = createHash("sha256").update("wv/1 range degree mask").update(challenge).digest();
    const masks = randomShares(keys, nonce, sums.length);
    return sums.map((sum, meter) => (sum === undefined ? undefined : add(sum.degree, masks[meter]!)));
  }

  /**
   * Of a group of meters together: on a polynomial of degree 2t - 2 that is 0 at 0 if all their bits are bits. Undefined
   * where this aggregator cannot answer for one of them. Throws RangeError unless `group` is a bitmap over the set's
   * meters with a member.
   */
  check(group: Uint8Array): FieldElement | undefined {
    const { keys, challenge, sums } = this.#options;
    assertBitmap("group", group, sums.length);
    if (isEmptyBitmap(group)) throw new RangeError("group: expected a member");
    // The group is in the nonce: two groups under one mask would show the difference of what they hide.
    const nonce = createHash("sha256").update("wv/1 range check mask").update(challenge).update(group).digest();
    let total = zeroShares(keys, nonce, 1)[0]!;
    for (const meter of members(group)) {
      const sum = sums[meter];
      if (sum === undefined) return undefined;
      total = add(total, sum.check);
    }
    return total;
  }
}
