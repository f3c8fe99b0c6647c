/** What is written to, and compared with, the times of these tables. */

/**
 * Times are whole seconds in these tables: a time between two is compared as the one before, which comes to the same for what is
 * later than it, or not. PostgreSQL takes no other for a whole number.
 */
export function wholeNumbers(values: readonly unknown[]): unknown[] {
  return values.map((value) => (typeof value === "number" ? Math.floor(value) : value));
}
