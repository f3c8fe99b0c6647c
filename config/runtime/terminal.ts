/** What commands print beside their results: tables, and progress that scripts do not have to wade through. */
import { SingleBar } from "cli-progress";
import Table from "cli-table3";

export interface Progress {
  /** `done` of the total, with what is being done. */
  update(done: number, note?: string): void;
  stop(): void;
}

export interface ProgressOptions {
  readonly label: string;
  readonly total: number;
  /** `--json`: nothing is printed. */
  readonly silent?: boolean;
  readonly stream?: NodeJS.WritableStream & { readonly isTTY?: boolean };
  /** Seconds, for the spacing of lines where there is no terminal. */
  readonly now?: () => number;
}

/** Where stderr is no terminal, a line is printed at most this often. */
const LINE_SECONDS = 10;

/** A bar on a terminal, an occasional line elsewhere, both on stderr: stdout belongs to results. */
export function createProgress(options: ProgressOptions): Progress {
  const { label, total, silent = false, stream = process.stderr } = options;
  if (silent) return { update: () => {}, stop: () => {} };
  if (stream.isTTY !== true) return lineProgress(options, stream);
  const bar = new SingleBar({
    stream,
    format: `${label} [{bar}] {percentage}% {value}/{total} {note}`,
    hideCursor: true,
    clearOnComplete: false,
  });
  bar.start(total, 0, { note: "" });
  return { update: (done, note = "") => bar.update(done, { note }), stop: () => bar.stop() };
}

function lineProgress(
  { label, total, now = () => performance.now() / 1000 }: ProgressOptions,
  stream: NodeJS.WritableStream,
): Progress {
  let next = now() + LINE_SECONDS;
  return {
    update: (done, note = "") => {
      if (now() < next) return;
      next = now() + LINE_SECONDS;
      stream.write(`${label}: ${done} of ${total}${note === "" ? "" : `, ${note}`}\n`);
    },
    stop: () => {},
  };
}

export type Cell = string | number | bigint | boolean | undefined;

/** A table for a terminal; columns that hold only numbers stand right. Undefined cells stay empty. */
export function renderTable(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const numeric = head.map((_, i) => rows.length > 0 && rows.every((row) => isNumber(row[i])));
  const table = new Table({
    head: [...head],
    colAligns: numeric.map((right) => (right ? "right" : "left")),
    style: { head: [], border: [], compact: true },
  });
  for (const row of rows) table.push(head.map((_, i) => String(row[i] ?? "")));
  return table.toString();
}

function isNumber(cell: Cell): boolean {
  return typeof cell === "number" || typeof cell === "bigint" || cell === undefined;
}
