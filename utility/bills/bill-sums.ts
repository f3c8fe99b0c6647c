/** The sums of a bill from what rounds released: when it is issued, and once more by whoever checks it. */
import type { BillTotals } from "../../billing/index.ts";
import {
  addToDate,
  localDate,
  type Period,
  periodOf,
  type PeriodSettings,
  type Tariff,
} from "../../billing/tariffs/index.ts";
import type { ReleasedTotalsTable } from "../store/tables.ts";
import { BillAssembler, type ReleasedRow } from "./assemble.ts";

type Rows = readonly ReleasedTotalsTable[];

/**
 * The sums of one meter's bill: `rows` enter it, `charged` are those of earlier bills that tiers of late energy go on from.
 * Throws RangeError for a row that the tariff does not explain, TariffError where no version of it is valid.
 */
export function billSums(
  tariff: Tariff,
  period: Period,
  settings: PeriodSettings,
  { rows, charged }: { readonly rows: Rows; readonly charged: Rows },
): BillTotals {
  return assemblerOf(tariff, period, settings.slotSeconds).totals(
    rows.map(releasedRow),
    (start) => earlierPeriod(settings, rows, start),
    charged.map(releasedRow),
  );
}

/** What a tariff makes of a period is the same for all feeders, whose rounds finish one by one. */
const assemblers = new WeakMap<Tariff, Map<string, BillAssembler>>();
const MAX_PERIODS = 32;

function assemblerOf(tariff: Tariff, period: Period, slotSeconds: number): BillAssembler {
  const known = assemblers.get(tariff) ?? new Map<string, BillAssembler>();
  assemblers.set(tariff, known);
  const key = `${period.startsAt} ${period.endsAt} ${slotSeconds}`;
  let assembler = known.get(key);
  if (assembler === undefined) {
    assembler = new BillAssembler(tariff, period, slotSeconds);
    if (known.size >= MAX_PERIODS) known.clear();
    known.set(key, assembler);
  }
  return assembler;
}

function releasedRow(row: ReleasedTotalsTable): ReleasedRow {
  return { sourceStart: row.source_start, row: row.row, energyWh: BigInt(row.energy_wh) };
}

function earlierPeriod(settings: PeriodSettings, rows: readonly ReleasedTotalsTable[], start: string): Period {
  const to = rows.find((row) => row.source_start === start)?.source_end ?? addToDate(localDate(start), { days: 1 });
  return periodOf(localDate(start), localDate(to), settings);
}
