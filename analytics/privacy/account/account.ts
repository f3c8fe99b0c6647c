/**
 * One privacy account for each household: everything noised that is released about it, added up as Renyi divergence over a
 * fixed set of orders, and told as epsilon at delta. Nothing is released that was not paid for before, durably; nothing is
 * paid for twice; what would exceed the budget is refused.
 *
 * The order of things, for whoever releases: `spend` (one transaction: check, make the noise, charge), then release what
 * it returned, then `markReleased`. A crash before the commit has spent nothing and shown nothing. A crash after it leaves the
 * release in `pending`: `spend` under the same name answers with the same bytes and charges nothing, so it can be released
 * again as often as needed. A release that never happens stays paid for: noise that was drawn may have been seen.
 */
import type { Kysely, Transaction } from "kysely";
import { assertAbove, assertDelta } from "../checks.ts";
import { epsilonAt, ORDERS } from "../rdp/accountant.ts";
import { AccountError } from "./errors.ts";
import type { ExactRelease, NoisedKind, NoisedRelease, Spent, Statement } from "./release.ts";
import type { AccountTables } from "./tables.ts";

export interface AccountTerms {
  readonly epsilon: number;
  readonly delta: number;
  readonly orders?: readonly number[];
}

type Tables = Kysely<AccountTables> | Transaction<AccountTables>;

/** SQLite takes 32,766 values in one statement. */
const ROWS = 5_000;
/** Households named in a message. */
const NAMED = 3;

export class PrivacyAccount {
  readonly #db: Kysely<AccountTables>;
  readonly budget: { readonly epsilon: number; readonly delta: number };
  readonly orders: readonly number[];

  private constructor(db: Kysely<AccountTables>, terms: Required<AccountTerms>) {
    this.#db = db;
    this.budget = { epsilon: terms.epsilon, delta: terms.delta };
    this.orders = terms.orders;
  }

  /**
   * The first opening fixes the terms. Throws RangeError for a budget that is none, and AccountError `terms` when the account
   * has others: sums over other orders could not be compared.
   */
  static async open(
    db: Kysely<AccountTables>,
    { epsilon, delta, orders = ORDERS }: AccountTerms,
  ): Promise<PrivacyAccount> {
    assertAbove("epsilon", epsilon, 0);
    assertDelta(delta);
    const value = JSON.stringify({ epsilon, delta, orders });
    await db
      .insertInto("account_meta")
      .values({ key: "terms", value })
      .onConflict((c) => c.doNothing())
      .execute();
    const kept = await db
      .selectFrom("account_meta")
      .select("value")
      .where("key", "=", "terms")
      .executeTakeFirstOrThrow();
    if (kept.value !== value) {
      const was = JSON.parse(kept.value) as Required<AccountTerms>;
      const orderText = was.orders.length === orders.length ? "" : `, ${was.orders.length} orders`;
      throw new AccountError(
        "terms",
        `the account was opened for epsilon ${was.epsilon} at delta ${was.delta}${orderText}, not ${epsilon} at ${delta}`,
      );
    }
    return new PrivacyAccount(db, { epsilon, delta, orders });
  }

  /**
   * Charges every household, or none. Throws AccountError `exhausted`, naming what is left, when it would exceed the budget of
   * any; `conflict` when its name was used for another release. `now` in Unix seconds.
   */
  async spend(release: NoisedRelease, now: number): Promise<Spent> {
    assertRelease(release, this.orders.length);
    const households = [...new Set(release.households)].sort();
    return await this.#db.transaction().execute(async (tables) => {
      const known = await tables.selectFrom("releases").selectAll().where("id", "=", release.id).executeTakeFirst();
      if (known !== undefined) {
        await assertSame(tables, known, release, households);
        const epsilon = this.#largest(await totalsOf(tables, households));
        return { fresh: false, payload: known.payload ?? undefined, released: known.released_at !== null, epsilon };
      }
      const before = await totalsOf(tables, households);
      const after = new Map(households.map((name) => [name, this.#plus(before.get(name), release.rdp)]));
      this.#assertAfforded(release, before, after);
      const payload = release.noised?.();
      await tables
        .insertInto("releases")
        .values({
          id: release.id,
          kind: release.kind,
          mechanism: JSON.stringify(release.mechanism),
          rdp: JSON.stringify(release.rdp),
          payload: payload === undefined ? null : Buffer.from(payload),
          spent_at: Math.floor(now),
          released_at: null,
        })
        .execute();
      await charge(tables, release.id, households);
      for (const [household, rdp] of after) {
        const text = JSON.stringify(rdp);
        await tables
          .insertInto("totals")
          .values({ household, rdp: text })
          .onConflict((c) => c.column("household").doUpdateSet({ rdp: text }))
          .execute();
      }
      return { fresh: true, payload, released: false, epsilon: this.#largest(after) };
    });
  }

  /** What was paid for went out. Throws AccountError `unknown` for what was not paid for. Again: nothing happens. */
  async markReleased(id: string, now: number): Promise<void> {
    const known = await this.#db.selectFrom("releases").select("released_at").where("id", "=", id).executeTakeFirst();
    if (known === undefined) throw new AccountError("unknown", `release ${id} was never paid for`);
    if (known.released_at !== null) return;
    await this.#db
      .updateTable("releases")
      .set({ released_at: Math.floor(now) })
      .where("id", "=", id)
      .execute();
  }

  /** Lists an exact release beside the account, once; it costs nothing because no noise covers it. */
  async recordExact({ id, about, households }: ExactRelease, now: number): Promise<void> {
    await this.#db.transaction().execute(async (tables) => {
      const known = await tables.selectFrom("releases").select("kind").where("id", "=", id).executeTakeFirst();
      if (known?.kind === "exact") return;
      if (known !== undefined) throw new AccountError("conflict", `release ${id} was paid for as ${known.kind}`);
      const at = Math.floor(now);
      await tables
        .insertInto("releases")
        .values({
          id,
          kind: "exact",
          mechanism: JSON.stringify({ about }),
          rdp: null,
          payload: null,
          spent_at: at,
          released_at: at,
        })
        .execute();
      await charge(tables, id, [...new Set(households)]);
    });
  }

  /** Which of these households can pay that much more: whom a round may ask. */
  async canAfford(households: readonly string[], rdp: readonly number[]): Promise<string[]> {
    const totals = await totalsOf(this.#db, households);
    return households.filter((name) => this.#epsilon(this.#plus(totals.get(name), rdp)) <= this.budget.epsilon);
  }

  /** Paid for but not marked as released: what a restart has to finish. Oldest first. */
  async pending(): Promise<{ id: string; payload: Uint8Array | undefined }[]> {
    const rows = await this.#db
      .selectFrom("releases")
      .select(["id", "payload"])
      .where("released_at", "is", null)
      .orderBy("spent_at")
      .orderBy("id")
      .execute();
    return rows.map(({ id, payload }) => ({ id, payload: payload ?? undefined }));
  }

  /** Everything of one household; an account that nothing was charged to is empty. */
  async statement(household: string): Promise<Statement> {
    const rows = await this.#db
      .selectFrom("charges")
      .innerJoin("releases", "releases.id", "charges.release_id")
      .select(["id", "kind", "mechanism", "releases.rdp as rdp", "spent_at", "released_at"])
      .where("household", "=", household)
      .orderBy("spent_at")
      .orderBy("id")
      .execute();
    const total = (await totalsOf(this.#db, [household])).get(household);
    const { epsilon, order } = epsilonAt({ orders: this.orders, rdp: this.#plus(total, []) }, this.budget.delta);
    const entries = rows.flatMap(({ id, kind, mechanism, rdp, spent_at: spentAt, released_at: releasedAt }) =>
      rdp === null
        ? []
        : {
            id,
            kind: kind as NoisedKind,
            mechanism: JSON.parse(mechanism) as Record<string, unknown>,
            epsilon: this.#epsilon(JSON.parse(rdp) as number[]),
            spentAt,
            released: releasedAt !== null,
          },
    );
    const notCovered = rows
      .filter(({ rdp }) => rdp === null)
      .map(({ id, mechanism, spent_at: at }) => ({
        id,
        about: (JSON.parse(mechanism) as { about: string }).about,
        at,
      }));
    return { household, budget: this.budget, epsilon, order, left: this.budget.epsilon - epsilon, entries, notCovered };
  }

  /** Statements of all households, by name: JSON for `--json` and for people who ask for their data. */
  async export(): Promise<{ budget: PrivacyAccount["budget"]; orders: readonly number[]; households: Statement[] }> {
    const names = await this.#db.selectFrom("charges").select("household").distinct().orderBy("household").execute();
    const households: Statement[] = [];
    for (const { household } of names) households.push(await this.statement(household));
    return { budget: this.budget, orders: this.orders, households };
  }

  #plus(total: readonly number[] | undefined, more: readonly number[]): number[] {
    return this.orders.map((_, i) => (total?.[i] ?? 0) + (more[i] ?? 0));
  }

  #epsilon(rdp: readonly number[]): number {
    return epsilonAt({ orders: this.orders, rdp }, this.budget.delta).epsilon;
  }

  #largest(totals: ReadonlyMap<string, readonly number[]>): number {
    return [...totals.values()].reduce((most, rdp) => Math.max(most, this.#epsilon(rdp)), 0);
  }

  #assertAfforded(
    { id }: NoisedRelease,
    before: ReadonlyMap<string, readonly number[]>,
    after: ReadonlyMap<string, readonly number[]>,
  ) {
    const { epsilon: most, delta } = this.budget;
    const poor = [...after].filter(([, rdp]) => this.#epsilon(rdp) > most).map(([name]) => name);
    if (poor.length === 0) return;
    const texts = poor.slice(0, NAMED).map((name) => {
      const spent = this.#epsilon(this.#plus(before.get(name), []));
      return `${name} has ${show(most - spent)} left and would come to ${show(this.#epsilon(after.get(name)!))}`;
    });
    const more = poor.length > NAMED ? `; and ${poor.length - NAMED} more households` : "";
    throw new AccountError(
      "exhausted",
      `release ${id}: exceeds epsilon ${most} at delta ${delta}: ${texts.join("; ")}${more}`,
      poor,
    );
  }
}

function show(epsilon: number): string {
  return epsilon.toFixed(4);
}

function assertRelease({ id, rdp, households }: NoisedRelease, orders: number): void {
  if (id === "") throw new RangeError("id: expected a name, got an empty one");
  if (households.length === 0) throw new RangeError(`households: expected at least one in release ${id}`);
  if (rdp.length !== orders) throw new RangeError(`rdp: expected ${orders} numbers, got ${rdp.length}`);
  const wrong = rdp.find((value) => !(value >= 0 && Number.isFinite(value)));
  if (wrong !== undefined) throw new RangeError(`rdp: expected finite numbers from 0 on, got ${wrong}`);
}

/** The same name must mean the same release, or one payment would cover two. */
async function assertSame(
  tables: Tables,
  known: { readonly kind: string; readonly rdp: string | null },
  release: NoisedRelease,
  households: readonly string[],
): Promise<void> {
  const charged = await tables
    .selectFrom("charges")
    .select("household")
    .where("release_id", "=", release.id)
    .orderBy("household")
    .execute();
  const what =
    known.kind !== release.kind
      ? `as ${known.kind}`
      : known.rdp !== JSON.stringify(release.rdp)
        ? "at another cost"
        : charged.length !== households.length || charged.some(({ household }) => !households.includes(household))
          ? "for other households"
          : undefined;
  if (what !== undefined) throw new AccountError("conflict", `release ${release.id} was paid for before, ${what}`);
}

async function charge(tables: Tables, release: string, households: readonly string[]): Promise<void> {
  for (let from = 0; from < households.length; from += ROWS) {
    const rows = households.slice(from, from + ROWS).map((household) => ({ release_id: release, household }));
    await tables.insertInto("charges").values(rows).execute();
  }
}

async function totalsOf(tables: Tables, households: readonly string[]): Promise<Map<string, number[]>> {
  const totals = new Map<string, number[]>();
  for (let from = 0; from < households.length; from += ROWS) {
    const names = households.slice(from, from + ROWS);
    const rows = await tables.selectFrom("totals").selectAll().where("household", "in", names).execute();
    for (const { household, rdp } of rows) totals.set(household, JSON.parse(rdp) as number[]);
  }
  return totals;
}
