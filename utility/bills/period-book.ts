/**
 * Under which tariffs a period is billed: those of the configuration when the first set of its rounds was fixed. The cells that
 * a set adds up are chosen by the bands of a tariff, so all rounds of the period and its bills go by the same one; a
 * tariff that is changed meanwhile counts for periods whose rounds begin later.
 */
import { parseTariffYaml, type Period } from "../../billing/tariffs/index.ts";
import type { Queries } from "../store/rounds-store.ts";
import { TariffBook, type TariffSource } from "./tariff-book.ts";

type Dates = Pick<Period, "from" | "to">;

/** What is kept never changes, so that it is read once for each book of the configuration. */
const kept = new WeakMap<TariffBook, Map<string, TariffBook>>();

/** The tariffs of a period: those that were kept for it, else those of `book`. Throws RangeError where one of them is gone. */
export async function bookOf(db: Queries, book: TariffBook, { from, to }: Dates): Promise<TariffBook> {
  const known = kept.get(book) ?? new Map<string, TariffBook>();
  kept.set(book, known);
  const key = `${from} ${to}`;
  const found = known.get(key);
  if (found !== undefined) return found;
  const row = await db
    .selectFrom("period_tariffs")
    .select(["common", "own"])
    .where("period_start", "=", from)
    .where("period_end", "=", to)
    .executeTakeFirst();
  if (row === undefined) return book;
  const own = Object.entries(JSON.parse(row.own) as Record<string, string>);
  const sources = await sourcesOf(db, book, [row.common, ...own.map(([, id]) => id)]);
  const source = (id: string): TariffSource => {
    const one = sources.get(id);
    if (one === undefined) throw new RangeError(`tariffs: ${id}, by which the period from ${from} is billed, is gone`);
    return one;
  };
  const period = new TariffBook(source(row.common), new Map(own.map(([meter, id]) => [meter, source(id)])));
  known.set(key, period);
  return period;
}

/** Keeps the tariffs of `book` for a period that has none yet. */
export async function keepBook(db: Queries, book: TariffBook, { from, to }: Dates): Promise<void> {
  for (const source of book.all()) await keepTariff(db, source);
  const { common, own } = book.ids();
  await db
    .insertInto("period_tariffs")
    .values({ period_start: from, period_end: to, common, own: JSON.stringify(own) })
    .onConflict((conflict) => conflict.columns(["period_start", "period_end"]).doNothing())
    .execute();
}

/** A bill names its tariff by hash; the text is kept, so that a correction years later can start from it. */
export async function keepTariff(db: Queries, { id, file, yaml }: TariffSource): Promise<void> {
  await db
    .insertInto("tariffs")
    .values({ id, source: file, yaml })
    .onConflict((conflict) => conflict.column("id").doNothing())
    .execute();
}

/** Those of the configuration as they are: what is worked out for a tariff once is found again by it. */
async function sourcesOf(db: Queries, book: TariffBook, ids: readonly string[]): Promise<Map<string, TariffSource>> {
  const sources = new Map(book.all().map((source) => [source.id, source]));
  const others = ids.filter((id) => !sources.has(id));
  if (others.length === 0) return sources;
  const rows = await db
    .selectFrom("tariffs")
    .selectAll()
    .where("id", "in", [...new Set(others)])
    .execute();
  for (const { id, source, yaml } of rows) {
    sources.set(id, { id, file: source, yaml, tariff: parseTariffYaml(yaml, source) });
  }
  return sources;
}
