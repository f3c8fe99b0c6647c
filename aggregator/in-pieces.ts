/** Long work on a database that others write to as well. */
import type { SqlDatabase } from "../config/runtime/sql.ts";

const AT_A_TIME = 1_000;
/** Far less than a server allows a transaction in which nothing is said. */
const PIECE_MILLISECONDS = 250;

/**
 * Does something for each item, some hundred in a transaction: who else writes waits for the end of each. `now` in
 * milliseconds: however long one item takes, a transaction does not.
 */
export function inPieces<T>(
  db: SqlDatabase,
  items: readonly T[],
  work: (item: T) => void,
  now: () => number = () => performance.now(),
): void {
  let at = 0;
  const piece = db.transaction(() => {
    const [began, end] = [now(), Math.min(items.length, at + AT_A_TIME)];
    do work(items[at++]!);
    while (at < end && now() - began < PIECE_MILLISECONDS);
  });
  while (at < items.length) piece.immediate();
}
