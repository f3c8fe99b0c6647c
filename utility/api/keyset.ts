/** Where the next page of a list begins. */
import type { Expression, ExpressionBuilder, ReferenceExpression, SqlBool } from "kysely";

/** The rows behind a key in an order of columns: each with its direction, `>` for rising, and its value in the last row seen. */
export function behind<DB, TB extends keyof DB>(
  eb: ExpressionBuilder<DB, TB>,
  keys: readonly (readonly [ReferenceExpression<DB, TB>, "<" | ">", string | number])[],
): Expression<SqlBool> {
  return eb.or(
    keys.map(([column, direction, value], i) => {
      const before = keys.slice(0, i).map(([earlier, , same]) => eb(earlier, "=", same as never));
      return eb.and([...before, eb(column, direction, value as never)]);
    }),
  );
}
