/** Runs a sampler for every outcome of its uniform draws, and adds up how likely each result is. */
import { RandomBits } from "../bits.ts";

/** One for all: an error made for each open path would cost more than the path. */
const UNDECIDED = new Error("the path ends here");

/** Draws that follow a given path, and note how many choices each step had. */
class Scripted extends RandomBits {
  readonly #path: readonly number[];
  readonly choices: number[] = [];

  constructor(path: readonly number[]) {
    super(() => new Uint8Array(4));
    this.#path = path;
  }

  override below(bound: number): number {
    if (bound === 1) return 0;
    this.choices.push(bound);
    const choice = this.#path[this.choices.length - 1];
    if (choice === undefined) throw UNDECIDED;
    return choice;
  }

  override bit(): number {
    return this.below(2);
  }

  override bigBelow(bound: bigint): bigint {
    return BigInt(this.below(Number(bound)));
  }
}

/** Probability of each result, and of the paths that are less likely than `least` and were not followed to their end. */
export function enumerate<T>(
  sampler: (bits: RandomBits) => T,
  least: number,
): { readonly found: Map<T, number>; readonly open: number } {
  const found = new Map<T, number>();
  let open = 0;
  const paths: { path: readonly number[]; probability: number }[] = [{ path: [], probability: 1 }];
  for (let next = paths.pop(); next !== undefined; next = paths.pop()) {
    const { path, probability } = next;
    const bits = new Scripted(path);
    try {
      const result = sampler(bits);
      found.set(result, (found.get(result) ?? 0) + probability);
    } catch (error) {
      if (error !== UNDECIDED) throw error;
      const choices = bits.choices.at(-1)!;
      if (probability < least) open += probability;
      else {
        for (let choice = 0; choice < choices; choice++) {
          paths.push({ path: [...path, choice], probability: probability / choices });
        }
      }
    }
  }
  return { found, open };
}
