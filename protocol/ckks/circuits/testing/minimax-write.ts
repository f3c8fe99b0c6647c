/** Computes the compositions that circuits use, and writes them as source: minimax-table.ts is its output. */
import { compositeSign, depthOf, separationFor } from "../minimax.ts";
import type { CompositeSign } from "../minimax.ts";

/** Degrees that leave no level unused: 2, 3 and 4 levels. */
const DEGREES = [3, 7, 15];
const DEPTHS = [3, 4, 5, 6, 7, 8];
const ERROR_BITS = [8, 12];

function* splits(depth: number): Generator<number[]> {
  if (depth === 0) yield [];
  for (const degree of DEGREES.filter((one) => depthOf(one) <= depth)) {
    for (const rest of splits(depth - depthOf(degree))) yield [degree, ...rest];
  }
}

/** For every depth and error the degrees with the smallest separation. */
export function computeTable(): (CompositeSign & { bits: number; depth: number })[] {
  return ERROR_BITS.flatMap((bits) =>
    DEPTHS.map((depth) => {
      const tried = [...splits(depth)].map((stages) => {
        const degrees = [...stages, 3];
        return { degrees, separation: separationFor(degrees, 2 ** -bits) };
      });
      const best = tried.reduce((one, other) => (other.separation < one.separation ? other : one));
      return { bits, depth, ...compositeSign(best.degrees, best.separation) };
    }),
  );
}

/** Source text of the table. */
export function tableSource(): string {
  return [
    "/** Written by testing/minimax-write-main.ts, and compared with a new computation by a test. */",
    'import type { CompositeSign } from "./minimax.ts";',
    "",
    "export const COMPOSITES: readonly (CompositeSign & { readonly bits: number; readonly depth: number })[] = ",
    `${JSON.stringify(computeTable())};`,
    "",
  ].join("\n");
}
