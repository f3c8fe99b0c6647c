/** A fake aggregator's part in range proofs. Masks and weights are hashes: what is decoded does not depend on their making. */
import { createHash } from "node:crypto";
import { addMember, emptyBitmap, members } from "../../protocol/bitmap.ts";
import { FIELD_PRIME } from "../../protocol/field.ts";
import type { RangeMessage, RevealMessage, SetContent } from "../../protocol/messages/round.ts";
import { commitSeed } from "../../protocol/range/challenge.ts";
import type { Cell } from "./cell.ts";

/** The aggregator whose part it is, with its shares and its lies. */
interface Owner {
  readonly index: number;
  readonly threshold: number;
  readonly reveals: string;
  readonly rangeLie: (meters: readonly string[]) => bigint;
  bitCells(content: SetContent, meter: number): { cell: Cell; bits: number }[] | undefined;
  bitShareOf(cell: Cell, bit: number): bigint;
}

interface Test {
  readonly setId: Uint8Array;
  readonly salt: Uint8Array;
}

const hashOf = (...parts: (Uint8Array | string)[]): Buffer => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
};

export class RangeFakes {
  readonly #owner: Owner;
  readonly #sets = new Map<string, SetContent>();

  readonly #known = new Map<string, (readonly [bigint, bigint] | undefined)[]>();

  constructor(owner: Owner) {
    this.#owner = owner;
  }

  #seed({ setId, salt }: Test): Uint8Array {
    return hashOf("seed", setId, salt, String(this.#owner.index));
  }

  commit(content: SetContent, test: Test): Uint8Array<ArrayBuffer> {
    this.#sets.set(Buffer.from(test.setId).toString("hex"), content);
    return Uint8Array.from(commitSeed(test.setId, { aggregator: this.#owner.index, bytes: this.#seed(test) }));
  }

  reveal({ setId, salt }: RevealMessage) {
    const seed = this.#owner.reveals === "another" ? hashOf("another") : this.#seed({ setId, salt });
    return { setId, salt, seed: Uint8Array.from(seed) };
  }

  answer({ setId, salt, seeds, step, groups }: RangeMessage) {
    const { index, threshold, rangeLie } = this.#owner;
    const content = this.#sets.get(Buffer.from(setId).toString("hex"))!;
    const challenge = hashOf(setId, ...seeds.map(([, seed]) => seed));
    const drawn = (what: string): bigint => hashOf(challenge, what).readBigUInt64BE() % FIELD_PRIME;
    const masked = (name: string, powers: readonly number[]): bigint =>
      powers.reduce((sum, power) => sum + drawn(`${name} ${power}`) * BigInt(index) ** BigInt(power), 0n);
    const sums = this.#sums(content, challenge, drawn);
    const powers = Array.from({ length: 2 * threshold - 1 }, (_, power) => power);
    const degrees = sums.map((sum, meter) =>
      sum === undefined ? undefined : (sum[0] + masked(`degree ${meter}`, powers.slice(0, threshold))) % FIELD_PRIME,
    );
    const checks = groups.map((group) => {
      const names = [...members(group)].map((meter) => content.meters[meter]!);
      let sum = rangeLie(names) + masked(Buffer.from(group).toString("hex"), powers.slice(1));
      for (const meter of members(group)) {
        const own = sums[meter];
        if (own === undefined) return undefined;
        sum += own[1];
      }
      return sum % FIELD_PRIME;
    });
    return { setId, salt, step, ...packed(groups.length === 0 ? degrees : checks) };
  }

  /** Of each meter the weighted sums of f and of f (f - 1), for its points f of bits. */
  #sums(
    content: SetContent,
    challenge: Buffer,
    drawn: (what: string) => bigint,
  ): (readonly [bigint, bigint] | undefined)[] {
    const name = challenge.toString("hex");
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const sums = content.meters.map((_, meter) =>
      this.#owner.bitCells(content, meter)?.reduce<readonly [bigint, bigint]>(
        ([degree, check], { cell, bits }) => {
          const weight = drawn(`${meter} ${cell.kind} ${cell.slot}`);
          for (let bit = 0; bit < bits; bit++) {
            const share = this.#owner.bitShareOf(cell, bit);
            const own = weight * BigInt(bit * bit + 1);
            degree += own * share;
            check += own * ((share * (share + FIELD_PRIME - 1n)) % FIELD_PRIME);
          }
          return [degree % FIELD_PRIME, check % FIELD_PRIME];
        },
        [0n, 0n],
      ),
    );
    this.#known.set(name, sums);
    return sums;
  }
}

/** Values as they go on the wire: which there are, then 8 bytes each. */
export function packed(values: readonly (bigint | undefined)[]) {
  const have = emptyBitmap(values.length);
  const bytes: Buffer[] = [];
  for (const [index, value] of values.entries()) {
    if (value === undefined) continue;
    addMember(have, index);
    const one = Buffer.alloc(8);
    one.writeBigUInt64BE(value);
    bytes.push(one);
  }
  return { have: Uint8Array.from(have), values: Uint8Array.from(Buffer.concat(bytes)) };
}
