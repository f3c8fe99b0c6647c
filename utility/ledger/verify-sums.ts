/** Works out the sums of bills once more, from what rounds released, and holds what is stored and was billed against them. */
import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { type BillTotals, correctTotals, decodeTotals, invoice } from "../../billing/index.ts";
import { localDate, parseTariffYaml, periodOf, type Tariff } from "../../billing/tariffs/index.ts";
import { billSums } from "../bills/bill-sums.ts";
import type { BillHead } from "../bills/customer-bill.ts";
import { chargedBefore, totalsOf } from "../store/bills-store.ts";
import type { Queries } from "../store/rounds-store.ts";
import type { ReleasedTotalsTable } from "../store/tables.ts";

export interface SumsOptions {
  readonly slotSeconds: number;
  readonly tell: (bill: BillHead, what: string) => void;
  /** The index of the entry of a bill's version; undefined where it was not logged. */
  readonly indexOf: (bill: BillHead) => number | undefined;
  /** That of the first version, by meter and first date. */
  readonly firstIndices: ReadonlyMap<string, number>;
}

type Rows = readonly ReleasedTotalsTable[];

export class SumsCheck {
  readonly #db: Queries;
  readonly #options: SumsOptions;
  /** By id; text for what is wrong with one. */
  readonly #tariffs: ReadonlyMap<string, Tariff | string>;

  private constructor(db: Queries, options: SumsOptions, tariffs: ReadonlyMap<string, Tariff | string>) {
    this.#db = db;
    this.#options = options;
    this.#tariffs = tariffs;
  }

  static async open(db: Queries, options: SumsOptions): Promise<SumsCheck> {
    const rows = await db.selectFrom("tariffs").selectAll().execute();
    return new SumsCheck(db, options, new Map(rows.map(({ id, source, yaml }) => [id, readTariff(id, source, yaml)])));
  }

  /** Bills with all their versions, oldest first, each logged in at least one. */
  async check(bills: readonly (readonly BillHead[])[]): Promise<void> {
    const byStart = new Map<string, (readonly BillHead[])[]>();
    for (const versions of bills) {
      const start = versions[0]?.period_start ?? "";
      byStart.set(start, [...(byStart.get(start) ?? []), versions]);
    }
    for (const [start, some] of byStart) {
      const meters = [...new Set(some.map((versions) => versions[0]?.meter_id ?? ""))];
      const rows = await totalsOf(this.#db, meters, start);
      const lateStarts = new Set([...rows.values()].flat().map((row) => row.source_start));
      lateStarts.delete(start);
      const charged = await chargedBefore(this.#db, meters, [...lateStarts], start);
      for (const versions of some) {
        const meter = versions[0]?.meter_id ?? "";
        this.#checkOne(versions, rows.get(meter) ?? [], charged.get(meter) ?? []);
      }
    }
  }

  #checkOne(versions: readonly BillHead[], rows: Rows, chargedRows: Rows): void {
    const { tell, indexOf, firstIndices } = this.#options;
    const issued = versions.filter((bill) => indexOf(bill) !== undefined);
    const last = issued.at(-1);
    if (last === undefined) return;
    if (rows.length !== last.released_rows) {
      tell(last, `released_rows: it says ${last.released_rows}, ${rows.length} sums were released for it`);
      return;
    }
    // A version with fewer rows was replaced when late sums came; corrections of a version keep its rows.
    const chain = issued.filter((bill) => bill.released_rows === last.released_rows);
    const first = indexOf(chain[0] ?? last) ?? 0;
    // What tiers went on from is what bills before this one had charged.
    const charged = chargedRows.filter(
      (row) => (firstIndices.get(`${row.meter_id} ${row.period_start}`) ?? Infinity) < first,
    );
    let known: { readonly sums: BillTotals; readonly tariff: Tariff } | undefined;
    for (const bill of chain) {
      const tariff = this.#tariffs.get(bill.tariff_id);
      if (typeof tariff !== "object") {
        tell(bill, `tariff ${bill.tariff_id}: ${tariff ?? "it is not in the database"}`);
        return;
      }
      try {
        const sums =
          known === undefined
            ? this.#sumsOf(bill, tariff, rows, charged)
            : correctTotals(known.sums, known.tariff, tariff);
        this.#compare(bill, sums, tariff);
        known ??= { sums, tariff }; // corrections start from what rounds released, not from each other
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        tell(bill, `totals: they do not follow from what was released: ${error.message}`);
        return;
      }
    }
  }

  #sumsOf(bill: BillHead, tariff: Tariff, rows: Rows, charged: Rows): BillTotals {
    const settings = { timezone: tariff.timezone, slotSeconds: this.#options.slotSeconds };
    const period = periodOf(localDate(bill.period_start), localDate(bill.period_end), settings);
    return billSums(tariff, period, settings, { rows, charged });
  }

  #compare(bill: BillHead, sums: BillTotals, tariff: Tariff): void {
    if (bill.totals === null || !isDeepStrictEqual(decodeTotals(bill.totals), sums)) {
      this.#options.tell(bill, "totals: not the sums that were released");
    }
    const { amountMicro, energyWh } = invoice(tariff, sums);
    if (BigInt(bill.amount_micro ?? -1) === amountMicro && BigInt(bill.energy_wh ?? -1) === energyWh) return;
    this.#options.tell(bill, "energy and amount: not what its tariff makes of the sums that were released");
  }
}

function readTariff(id: string, source: string, yaml: string): Tariff | string {
  if (createHash("sha256").update(yaml).digest("hex").slice(0, 32) !== id) return "its text is another one";
  try {
    return parseTariffYaml(yaml, source);
  } catch (error) {
    return error instanceof Error ? error.message : "it cannot be read";
  }
}
