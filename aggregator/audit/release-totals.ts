/** What an aggregator has endorsed, as plain totals: read from its database without any of the rules that kept them apart. */
import type { Database } from "better-sqlite3";
import { members } from "../../protocol/bitmap.ts";
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

/** Feeders with releases, sorted. */
export function releasedFeeders(db: Database): string[] {
  return db
    .prepare<[], string>("SELECT feeder FROM load_cells UNION SELECT feeder FROM bill_cells ORDER BY feeder")
    .pluck()
    .all();
}

/** Names of meters by their numbers in this database. */
export function meterNames(db: Database): ReadonlyMap<number, string> {
  const rows = db.prepare<[], { number: number; id: string }>("SELECT number, id FROM meters").all();
  return new Map(rows.map(({ number, id }) => [number, id]));
}

/** All totals of a feeder and kind; a bill whose cells lie in several periods is one. */
export function releasedTotals(db: Database, feeder: string, kind: KindName): Total[] {
  const loads = db
    .prepare<[string, number], LoadRow>("SELECT slot, meters FROM load_cells WHERE feeder = ? AND kind = ?")
    .all(feeder, KINDS[kind])
    .map(({ slot, meters }): Total => {
      const numbers = Array.from({ length: meters.length / 4 }, (_, i) => meters.readUInt32BE(4 * i));
      return { name: `load ${slot}`, cells: numbers.map((meter) => cellOf(meter, slot)) };
    });
  const bills = new Map<string, number[]>();
  const rows = db
    .prepare<[string, number], BillRow>(
      "SELECT meter, set_id, output, period_from, slots FROM bill_cells WHERE feeder = ? AND kind = ?",
    )
    .iterate(feeder, KINDS[kind]);
  for (const { meter, set_id, output, period_from, slots } of rows) {
    const name = `bill ${set_id.toString("hex").slice(0, 16)}/${output}`;
    const cells = bills.get(name) ?? [];
    bills.set(name, cells);
    for (const at of members(slots)) cells.push(cellOf(meter, period_from + at));
  }
  return [...loads, ...[...bills].map(([name, cells]): Total => ({ name, cells }))];
}
