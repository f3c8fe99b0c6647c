/**
 * Which tariff a meter has, and the masks that a billing round asks for because of it. Late energy of an earlier
 * period joins the band of the same prices where it can (so that a few late slots never stand alone), or has a sum of
 * its own where it has other prices or is large enough by itself.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { bitmapBytes } from "../../protocol/bitmap.ts";
import type { Scheme } from "../../protocol/messages/round.ts";
import { KINDS } from "../../protocol/units.ts";
import { shippedFile } from "../../config/runtime/shipped-file.ts";
import {
  type BillColumn,
  billColumns,
  type Period,
  parseTariffYaml,
  type Tariff,
} from "../../billing/tariffs/index.ts";

export interface TariffSource {
  /** SHA-256 of the file: what a bill refers to. */
  readonly id: string;
  readonly file: string;
  readonly yaml: string;
  readonly tariff: Tariff;
}

/** Reads a tariff file once; throws what reading throws, and TariffError naming the file. */
export async function readTariff(file: string): Promise<TariffSource> {
  const yaml = await readFile(shippedFile(file), "utf8");
  const id = createHash("sha256").update(yaml).digest("hex").slice(0, 32);
  return { id, file, yaml, tariff: parseTariffYaml(yaml, file) };
}

/** The tariffs of all meters. */
export class TariffBook {
  readonly #common: TariffSource;
  readonly #own: ReadonlyMap<string, TariffSource>;

  constructor(common: TariffSource, own: ReadonlyMap<string, TariffSource> = new Map()) {
    this.#common = common;
    this.#own = own;
  }

  static async load(common: string, own: Readonly<Record<string, string>>): Promise<TariffBook> {
    const files = new Map<string, TariffSource>();
    const read = async (file: string): Promise<TariffSource> => {
      const known = files.get(file) ?? (await readTariff(file));
      files.set(file, known);
      return known;
    };
    const sources = new Map<string, TariffSource>();
    for (const [meter, file] of Object.entries(own)) sources.set(meter, await read(file));
    return new TariffBook(await read(common), sources);
  }

  of(meter: string): TariffSource {
    return this.#own.get(meter) ?? this.#common;
  }

  /** The ids of the tariff that most have, and of those that meters have for themselves. */
  ids(): { readonly common: string; readonly own: Readonly<Record<string, string>> } {
    return { common: this.#common.id, own: Object.fromEntries([...this.#own].map(([meter, { id }]) => [meter, id])) };
  }

  all(): TariffSource[] {
    return [...new Map([this.#common, ...this.#own.values()].map((source) => [source.id, source])).values()];
  }
}

/** One sum that a bill asks for, and where its energy goes: position in `periods`, and the column there. */
export interface OutputColumn {
  readonly source: number;
  readonly column: BillColumn;
}

export interface BillingScheme {
  readonly scheme: Scheme;
  /** One for each band of the scheme. */
  readonly outputs: readonly OutputColumn[];
}

/** The largest number of bands in a scheme on the wire. */
const MAX_BANDS = 64;

/**
 * The scheme of a tariff over a bill's periods, the bill's own first. `merge`: late energy joins the own band that has
 * the same prices. Throws TariffError where a tariff is not valid or cuts a slot.
 */
export function schemeOf(
  tariff: Tariff,
  periods: readonly Period[],
  slotSeconds: number,
  merge: boolean,
): BillingScheme {
  const columns = periods.map((period, i) => billColumns(tariff, period.slots, slotSeconds, i > 0));
  const bands: Scheme["bands"] = [];
  const outputs: OutputColumn[] = [];
  const empty = periods.map(({ slots }): Uint8Array => new Uint8Array(bitmapBytes(slots.to - slots.from)));
  columns.forEach((own, source) => {
    for (const column of own) {
      const joined = merge && source > 0 ? outputs.findIndex((output) => samePrices(output, column)) : -1;
      const band = bands[joined];
      if (band !== undefined) {
        band.masks[source] = column.mask;
        continue;
      }
      if (bands.length >= MAX_BANDS) return;
      const masks = [...empty];
      masks[source] = column.mask;
      bands.push({ name: source === 0 ? column.row : `${column.row}/${source}`, kind: KINDS[column.kind], masks });
      outputs.push({ source, column });
    }
  });
  return { scheme: { bands }, outputs };
}

function samePrices({ source, column }: OutputColumn, late: BillColumn): boolean {
  return source === 0 && column.kind === late.kind && column.version === late.version && column.band === late.band;
}
