/** A table with a caption for screen readers; columns that a phone has no room for are left out there. */
import type { ReactNode } from "react";

export interface Column<T> {
  readonly head: string;
  readonly cell: (row: T) => ReactNode;
  readonly number?: boolean;
  readonly onlyWide?: boolean;
}

export interface DataTableProps<T> {
  readonly caption: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string;
  readonly inset?: boolean;
  readonly selected?: string | undefined;
}

export function DataTable<T>({ caption, columns, rows, keyOf, inset = false, selected }: DataTableProps<T>): ReactNode {
  const classOf = ({ number = false, onlyWide = false }: Column<T>): string | undefined =>
    [number ? "number" : "", onlyWide ? "only-wide" : ""].filter(Boolean).join(" ") || undefined;
  return (
    <div className={inset ? "table-wrap inset" : "table-wrap"} tabIndex={0} role="region" aria-label={caption}>
      <table>
        <caption className="hidden-visually">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.head} className={classOf(column)} scope="col">
                {column.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => {
            const key = keyOf(row);
            return (
              <tr key={key} aria-current={selected === key ? true : undefined}>
                {columns.map((column) => (
                  <td key={column.head} className={classOf(column)}>
                    {column.cell(row)}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
