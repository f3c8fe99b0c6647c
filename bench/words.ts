/** Figures of benchmarks as people read them: grouped digits, durations with their unit, lists without brackets. */
import { type Cell, renderTable } from "../config/runtime/terminal.ts";

export type Row = readonly [what: string, result: string];

/** `2,412.5`: as many digits after the point as asked for. */
export function figure(value: number, digits = 0): string {
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** `350 ms`, `24.1 s`, `2 min 5 s`. */
export function duration(seconds: number): string {
  if (seconds < 1) return `${figure(seconds * 1_000, seconds < 0.01 ? 1 : 0)} ms`;
  const whole = Math.round(seconds);
  if (whole < 100) return `${figure(seconds, seconds < 10 ? 2 : 1)} s`;
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** `broker 410, a-1 390`. */
export function listed(values: Readonly<Record<string, number>>, show: (value: number) => string = figure): string {
  const parts = Object.entries(values).map(([name, value]) => `${name} ${show(value)}`);
  return parts.length === 0 ? "none" : parts.join(", ");
}

/** A table whose first column names and whose others count: all but the first stand right. */
export function figuresTable(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const widths = head.map((title, at) => Math.max(title.length, ...rows.map((row) => String(row[at] ?? "").length)));
  const right = (cell: Cell, at: number): string =>
    at === 0 ? String(cell ?? "") : String(cell ?? "").padStart(widths[at] ?? 0);
  return renderTable(
    head.map(right),
    rows.map((row) => row.map(right)),
  );
}
