/**
 * The judge of the release rules: exact linear algebra over the cells of tiny feeders. Slow, plain, and written without
 * a look at how the rules are checked.
 */

/**
 * The size of the smallest set of cells of one meter that carries a non-zero combination of the vectors, if it is at
 * most `most`. Cell (meter, slot) is column meter * slots + slot.
 */
export function smallestSingleMeterSupport(
  vectors: readonly (readonly number[])[],
  meters: number,
  slots: number,
  most: number,
): number | undefined {
  const full = rank(vectors);
  for (let size = 1; size <= most; size++) {
    for (let meter = 0; meter < meters; meter++) {
      for (const subset of subsets(slots, size)) {
        const columns = new Set(subset.map((slot) => meter * slots + slot));
        // Some combination vanishes on all other cells, and not on these, iff dropping these lowers the rank.
        const rest = vectors.map((row) => row.filter((_, column) => !columns.has(column)));
        if (rank(rest) < full) return size;
      }
    }
  }
  return undefined;
}

/** The same of one slot: the smallest set of its meters. */
export function smallestSingleSlotSupport(
  vectors: readonly (readonly number[])[],
  meters: number,
  slots: number,
  most: number,
): number | undefined {
  const turned = vectors.map((row) =>
    Array.from({ length: slots * meters }, (_, at) => row[(at % meters) * slots + Math.floor(at / meters)]!),
  );
  return smallestSingleMeterSupport(turned, slots, meters, most);
}

function* subsets(of: number, size: number, from = 0): Generator<number[]> {
  if (size === 0) {
    yield [];
    return;
  }
  for (let first = from; first < of; first++)
    for (const rest of subsets(of, size - 1, first + 1)) yield [first, ...rest];
}

/** The rank over the rationals, by elimination without fractions. */
function rank(rows: readonly (readonly number[])[]): number {
  const matrix = rows.map((row) => row.map(BigInt));
  const columns = matrix[0]?.length ?? 0;
  let found = 0;
  for (let column = 0; column < columns && found < matrix.length; column++) {
    const pivotRow = matrix.findIndex((row, index) => index >= found && row[column] !== 0n);
    if (pivotRow < 0) continue;
    [matrix[found], matrix[pivotRow]] = [matrix[pivotRow]!, matrix[found]!];
    const pivot = matrix[found]!;
    for (let index = found + 1; index < matrix.length; index++) {
      const factor = matrix[index]![column]!;
      if (factor === 0n) continue;
      matrix[index] = matrix[index]!.map((value, at) => value * pivot[column]! - factor * pivot[at]!);
    }
    found++;
  }
  return found;
}
