/**
 * From released totals to an invoice: one meter's sums are grouped by the prices they get. Pure; the tariff's spans
 * are worked out once for all meters of a period.
 */
import type { BillColumn, Period, Tariff } from "../tariffs/index.ts";
import { billColumns } from "../tariffs/index.ts";
import { type BillTotals, collectTotals, type PeriodTotals, withLateEnergy } from "../billing/index.ts";

/** One released sum of a meter. */
export interface ReleasedRow {
  /** First date of the period whose slots and prices it has. */
  readonly sourceStart: string;
  readonly row: string;
  readonly energyWh: bigint;
}

interface Template {
  readonly columns: readonly BillColumn[];
  readonly totals: PeriodTotals;
  /** For each column the position of its part. */
  readonly partOf: readonly number[];
}

/** Works out bills of one tariff and period. */
export class BillAssembler {
  readonly #tariff: Tariff;
  readonly #slotSeconds: number;
  readonly #period: Period;
  readonly #own: Template;
  readonly #late = new Map<string, Template>();

  constructor(tariff: Tariff, period: Period, slotSeconds: number) {
    this.#tariff = tariff;
    this.#period = period;
    this.#slotSeconds = slotSeconds;
    this.#own = this.#template(period, false);
  }

  /**
   * The sums of one bill. `latePeriod` finds an earlier period by its first date. Throws RangeError for a sum that no
   * column of the tariff explains.
   */
  totals(rows: readonly ReleasedRow[], latePeriod: (start: string) => Period): BillTotals {
    const own = rows.filter((row) => row.sourceStart === this.#period.from);
    let totals: BillTotals = { own: fill(this.#own, own), late: [] };
    for (const start of [...new Set(rows.map((row) => row.sourceStart))].sort()) {
      if (start === this.#period.from) continue;
      let template = this.#late.get(start);
      if (template === undefined) {
        template = this.#template(latePeriod(start), true);
        this.#late.set(start, template);
      }
      const late = rows.filter((row) => row.sourceStart === start);
      totals = withLateEnergy(totals, fill(template, late));
    }
    return totals;
  }

  #template(period: Period, late: boolean): Template {
    const columns = billColumns(this.#tariff, period.slots, this.#slotSeconds, late);
    const zeros = columns.map(() => 0n);
    const totals = collectTotals(this.#tariff, period, columns, zeros);
    // Parts come in the order of the versions that hold in the period.
    const versions = [...new Set(columns.map(({ version }) => version))].sort((a, b) => a - b);
    return { columns, totals, partOf: columns.map(({ version }) => versions.indexOf(version)) };
  }
}

function fill({ columns, totals, partOf }: Template, rows: readonly ReleasedRow[]): PeriodTotals {
  const energies = columns.map(() => 0n);
  for (const { row, energyWh } of rows) {
    const at = columns.findIndex((column) => column.row === row);
    if (at < 0) throw new RangeError(`rows: the tariff has no row ${row} in the period from ${totals.from}`);
    energies[at] = (energies[at] ?? 0n) + energyWh;
  }
  const parts = totals.parts.map((part, position) => {
    const bandsWh = new Map<string, bigint>();
    const other = { export: 0n, catchup: 0n, catchupExport: 0n };
    columns.forEach((column, i) => {
      if (partOf[i] !== position) return;
      if (column.kind === "import") bandsWh.set(column.band ?? column.row, energies[i] ?? 0n);
      else other[column.kind] = energies[i] ?? 0n;
    });
    return { ...part, bandsWh, exportWh: other.export, catchupWh: other.catchup, catchupExportWh: other.catchupExport };
  });
  return { ...totals, parts };
}
