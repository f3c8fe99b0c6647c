/**
 * A table with a caption for screen readers. A phone has no room for many columns: there each row becomes a few lines, its first cell
 * above the others, each with its column's name. Roles are written out, since a row that is laid out as lines loses its own.
 */
import type { ReactNode } from "react";

export interface Column<T> {
  readonly head: string;
  readonly cell: (row: T) => ReactNode;
  readonly number?: boolean;
}

export interface DataTableProps<T> {
  readonly caption: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string;
  readonly inset?: boolean;
}

/** So many columns fit beside each other on a phone. */
const NARROW_COLUMNS = 3;

export function DataTable<T>({ caption, columns, rows, keyOf, inset = false }: DataTableProps<T>): ReactNode {
  const stacked = columns.length > NARROW_COLUMNS;
  const classOf = ({ number = false }: Column<T>): string | undefined => (number ? "number" : undefined);
  return (
    <div
      className={`table-wrap${inset ? " inset" : ""}${stacked ? " stacked" : ""}`}
      tabIndex={0}
      role="region"
      aria-label={caption}
    >
      <table role="table">
        <caption className="hidden-visually">{caption}</caption>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map((column) => (
              <th key={column.head} className={classOf(column)} scope="col" role="columnheader">
                {column.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map((row) => (
            <tr key={keyOf(row)} role="row">
              {columns.map((column) => (
                <td key={column.head} className={classOf(column)} data-head={column.head} role="cell">
                  <div className="cell">{column.cell(row)}</div>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
