/** What an aggregator has endorsed, as plain totals: read from its database without any of the rules that kept them apart. */
import type { SqlDatabase } from "../../config/runtime/sql.ts";
import { ExplainedError } from "../../config/faults.ts";
import { tableNames } from "../../config/runtime/store.ts";
import { members } from "../../protocol/bitmap.ts";
import { decodeCbor } from "../../protocol/cbor.ts";
import type { SetContent } from "../../protocol/messages/round.ts";
import { KINDS, type KindName } from "../../protocol/units.ts";
import { cellOf, type Total } from "./disclosure.ts";

interface LoadRow {
  readonly slot: number;
  readonly meters: Buffer;
}

interface BillRow {
  readonly meter: number;
  readonly set_id: Buffer;
  readonly output: number;
  readonly period_from: number;
  readonly slots: Buffer;
}

const TABLES = ["meters", "sets", "load_cells", "bill_cells"] as const;

/** The first table of an aggregator's database that this one lacks. */
export function missingTable(db: SqlDatabase): string | undefined {
  const names = tableNames(db);
  return TABLES.find((table) => !names.includes(table));
}

/** Throws ReleaseError where sets were endorsed whose cells are all gone. */
export function assertCellsOfSets(db: SqlDatabase): void {
  const sets = { load: 0, billing: 0 };
  for (const content of db.prepare<[], Buffer>("SELECT content FROM sets").pluck().iterate()) {
    // The aggregator has checked it before it endorsed it. A set may well have no cell.
    const { purpose, units } = decodeCbor(content) as Pick<SetContent, "purpose" | "units">;
    if ((purpose === "load" || purpose === "billing") && units.some(([cells]) => cells.some((byte) => byte !== 0)))
      sets[purpose]++;
  }
  for (const [purpose, table] of [
    ["load", "load_cells"],
    ["billing", "bill_cells"],
  ] as const) {
    const count = sets[purpose];
    if (count === 0 || db.prepare(`SELECT 1 FROM ${table} LIMIT 1`).get() !== undefined) continue;
    throw new ReleaseError(
      `sets: ${count} of purpose ${purpose} were endorsed, but ${table} is empty: its rows are gone`,
    );
  }
}

/** A row that cannot be what the aggregator has written. */
export class ReleaseError extends ExplainedError {}

/** Feeders with releases, sorted. */
export function releasedFeeders(db: SqlDatabase): string[] {
  return db
    .prepare<[], string>("SELECT feeder FROM load_cells UNION SELECT feeder FROM bill_cells ORDER BY feeder")
    .pluck()
    .all();
}

/** Names of meters by their numbers in this database. */
export function meterNames(db: SqlDatabase): ReadonlyMap<number, string> {
  const rows = db.prepare<[], { number: number; id: string }>("SELECT number, id FROM meters").all();
  return new Map(rows.map(({ number, id }) => [number, id]));
}

/** All totals of a feeder and kind; a bill whose cells lie in several periods is one. */
export function releasedTotals(db: SqlDatabase, feeder: string, kind: KindName): Total[] {
  const loads = db
    .prepare<[string, number], LoadRow>("SELECT slot, meters FROM load_cells WHERE feeder = ? AND kind = ?")
    .all(feeder, KINDS[kind])
    .map(({ slot, meters }): Total => {
      if (meters.length % 4 !== 0) {
        const row = `load_cells, feeder ${feeder}, kind ${kind}, slot ${slot}`;
        throw new ReleaseError(`${row}: meters: expected whole numbers of 4 bytes, got ${meters.length} bytes`);
      }
      const numbers = Array.from({ length: meters.length / 4 }, (_, i) => meters.readUInt32BE(4 * i));
      return { name: `load ${slot}`, cells: numbers.map((meter) => cellOf(meter, slot)) };
    });
  const bills = new Map<string, { name: string; cells: number[] }>();
  const rows = db
    .prepare<[string, number], BillRow>(
      "SELECT meter, set_id, output, period_from, slots FROM bill_cells WHERE feeder = ? AND kind = ?",
    )
    .iterate(feeder, KINDS[kind]);
  for (const { meter, set_id, output, period_from, slots } of rows) {
    const id = set_id.toString("hex");
    const key = `${id}/${output}`;
    // The name is for people; two sets may share its few bytes.
    const bill = bills.get(key) ?? { name: `bill ${id.slice(0, 16)}/${output}`, cells: [] };
    bills.set(key, bill);
    for (const at of members(slots)) bill.cells.push(cellOf(meter, period_from + at));
  }
  return [...loads, ...bills.values()];
}
