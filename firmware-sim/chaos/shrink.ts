/**
 * Finds a shortest list of things that still fails: delta debugging (ddmin; Zeller and Hildebrandt, Simplifying and
 * Isolating Failure-Inducing Input, 2002). The result fails, and none of its elements can be left out alone.
 */

export interface ShrinkOptions<T> {
  readonly items: readonly T[];
  /** Does a run with these alone fail in the same way? Asked once for each list. */
  readonly fails: (items: readonly T[]) => Promise<boolean>;
  /** Told after each run: the shortest list that is known to fail, and how many runs there were. */
  readonly onStep?: (shortest: readonly T[], runs: number) => void;
  /** Gives up after so many runs, with the shortest list so far. */
  readonly mostRuns?: number;
}

export interface Shrunk<T> {
  readonly items: readonly T[];
  readonly runs: number;
  /** False where it was given up: a shorter one may exist that fails. */
  readonly isMinimal: boolean;
}

/** `items` must be known to fail. */
export async function shrink<T>(options: ShrinkOptions<T>): Promise<Shrunk<T>> {
  const { items, fails, onStep, mostRuns = Number.POSITIVE_INFINITY } = options;
  const known = new Map<string, boolean>();
  let runs = 0;
  const budget = { isSpent: false };
  let shortest = items.map((_, index) => index);
  const test = async (indices: readonly number[]): Promise<boolean> => {
    const key = indices.join();
    const before = known.get(key);
    if (before !== undefined) return before;
    if (runs >= mostRuns) {
      budget.isSpent = true;
      return false;
    }
    runs += 1;
    const failed = await fails(indices.map((index) => items[index]!));
    known.set(key, failed);
    if (failed) shortest = [...indices];
    onStep?.(
      shortest.map((index) => items[index]!),
      runs,
    );
    return failed;
  };
  // Nothing at all first: a failure that no event is needed for is the shortest of all.
  if (shortest.length > 0 && (await test([]))) shortest = [];
  let parts = 2;
  while (shortest.length >= 2 && !budget.isSpent) {
    const chunks = partsOf(shortest, parts);
    const [found] = await firstOf(chunks, test);
    if (found !== undefined) {
      parts = 2;
      continue;
    }
    const all = shortest;
    const rests = parts === 2 ? [] : chunks.map((chunk) => all.filter((index) => !chunk.includes(index)));
    const [rest] = await firstOf(rests, test);
    if (rest !== undefined) {
      parts = Math.max(parts - 1, 2);
      continue;
    }
    if (parts >= shortest.length) break;
    parts = Math.min(shortest.length, parts * 2);
  }
  return { items: shortest.map((index) => items[index]!), runs, isMinimal: !budget.isSpent };
}

async function firstOf(
  lists: readonly (readonly number[])[],
  test: (list: readonly number[]) => Promise<boolean>,
): Promise<readonly (readonly number[])[]> {
  for (const list of lists) if (await test(list)) return [list];
  return [];
}

/** As even parts as possible, in order. */
function partsOf(list: readonly number[], count: number): number[][] {
  return Array.from({ length: count }, (_, part) =>
    list.slice(Math.floor((part * list.length) / count), Math.floor(((part + 1) * list.length) / count)),
  );
}
