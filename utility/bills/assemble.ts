/**
 * From released totals to an invoice: one meter's sums are grouped by the prices they get. Pure; the tariff's spans
 * are worked out once for all meters of a period.
 */
import type { BillColumn, Period, Tariff } from "../../billing/tariffs/index.ts";
import { billColumns } from "../../billing/tariffs/index.ts";
import { type BillTotals, collectTotals, type PeriodTotals, withLateEnergy } from "../../billing/index.ts";

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
  /** For each column its row's name on a bill of this very period. */
  readonly ownRows: readonly string[];
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
   * The sums of one bill. `latePeriod` finds an earlier period by its first date; `billed` are the sums of earlier
   * periods that earlier bills charged, from which tiers go on. Throws RangeError for a sum that no column of the
   * tariff explains.
   */
  totals(
    rows: readonly ReleasedRow[],
    latePeriod: (start: string) => Period,
    billed: readonly ReleasedRow[] = [],
  ): BillTotals {
    const own = rows.filter((row) => row.sourceStart === this.#period.from);
    let totals: BillTotals = { own: fill(this.#own, own), late: [] };
    for (const start of [...new Set(rows.map((row) => row.sourceStart))].sort()) {
      if (start === this.#period.from) continue;
      let template = this.#late.get(start);
      if (template === undefined) {
        template = this.#template(latePeriod(start), true);
        this.#late.set(start, template);
      }
      const ofPeriod = (row: ReleasedRow): boolean => row.sourceStart === start;
      const late = fill(template, rows.filter(ofPeriod));
      totals = withLateEnergy(totals, goOn(template, late, billed.filter(ofPeriod)));
    }
    return totals;
  }

  #template(period: Period, late: boolean): Template {
    const columns = billColumns(this.#tariff, period.slots, this.#slotSeconds, late);
    const zeros = columns.map(() => 0n);
    const totals = collectTotals(this.#tariff, period, columns, zeros);
    // Parts come in the order of the versions that hold in the period.
    const versions = [...new Set(columns.map(({ version }) => version))].sort((a, b) => a - b);
    const own = late ? billColumns(this.#tariff, period.slots, this.#slotSeconds) : columns;
    return {
      columns,
      totals,
      partOf: columns.map(({ version }) => versions.indexOf(version)),
      ownRows: own.map(({ row }) => row),
    };
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

/** Notes what earlier bills charged in each band, where they charged any: the tariff of then may have had other rows. */
function goOn(
  { columns, partOf, ownRows }: Template,
  late: PeriodTotals,
  billed: readonly ReleasedRow[],
): PeriodTotals {
  const parts = late.parts.map((part, position) => {
    const billedBandsWh = new Map<string, bigint>();
    for (const { row, energyWh } of billed) {
      const at = columns.findIndex((column, i) => column.row === row || ownRows[i] === row);
      const column = columns[at];
      if (column?.band === undefined || partOf[at] !== position) continue;
      billedBandsWh.set(column.band, (billedBandsWh.get(column.band) ?? 0n) + energyWh);
    }
    return billedBandsWh.size === 0 ? part : { ...part, billedBandsWh };
  });
  return { ...late, parts };
}
