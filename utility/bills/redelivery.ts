/**
 * Sends bills again to customers who come online: the broker keeps nothing for those who are away. What the broker took
 * while a meter was away reached nobody, so each bill is repeated at the meter's next hellos, a few times at most. A
 * hello is settled, durably, when its bills are with the broker: a kill repeats them, it loses none.
 */
import type { MeterStatus } from "../../protocol/messages/public.ts";
import type { UtilityDatabase } from "../store/open.ts";
import type { BillRow } from "./courier.ts";

export interface RedeliveryOptions {
  readonly db: UtilityDatabase;
  /** Bills of so many last periods. */
  readonly periods: number;
  /** So often, after the first time. */
  readonly times: number;
  readonly perSecond: number;
  /** Real time in seconds that does not go back. */
  readonly now: () => number;
  /** Unix seconds, for the table. */
  readonly time: () => number;
  /** False when the broker may not have it; the hello then stays open. Undefined: there is no key for this customer. */
  readonly send: (bill: BillRow) => Promise<boolean | undefined>;
}

/** Meters looked up together. */
const AT_ONCE = 256;

export class Redelivery {
  readonly #options: RedeliveryOptions;
  /** Meters that said hello, with the challenge, in the order in which they did. */
  readonly #due = new Map<string, string>();
  readonly #away = new Set<string>();
  /** Bills that went out for a hello that is not settled, because the rate was used up in between. */
  readonly #out = new Set<string>();
  #running: Promise<void> | undefined;
  #allowance: number;
  #filledAt: number;

  constructor(options: RedeliveryOptions) {
    this.#options = options;
    this.#allowance = Math.max(1, options.perSecond);
    this.#filledAt = options.now();
  }

  /** Meters whose hello is not settled. */
  get waiting(): number {
    return this.#due.size;
  }

  noteStatus(meter: string, status: MeterStatus): void {
    if (status.state === "offline") {
      this.#away.add(meter);
      this.#due.delete(meter);
    } else this.#due.set(meter, status.challenge);
  }

  /** Sends what is due as far as the rate allows. Call it now and then; calls that overlap are joined. */
  run(): Promise<void> {
    this.#running ??= this.#settleAll().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #settleAll(): Promise<void> {
    while (this.#due.size > 0) {
      const batch = [...this.#due].slice(0, AT_ONCE);
      const news = await this.#news(batch);
      const bills = await this.#bills(news.map(([meter]) => meter));
      const quiet = batch.filter(([meter]) => !bills.has(meter));
      await this.#settle(quiet);
      for (const [meter, challenge] of batch) {
        const own = bills.get(meter);
        if (own === undefined) continue;
        if (!(await this.#sendAll(own, challenge))) return;
        await this.#settle([[meter, challenge]]);
      }
    }
  }

  /** A hello of the same process start is none, unless the meter was away in between. */
  async #news(batch: readonly (readonly [string, string])[]): Promise<(readonly [string, string])[]> {
    const rows = await this.#options.db
      .selectFrom("meters_seen")
      .select(["meter_id", "challenge"])
      .where(
        "meter_id",
        "in",
        batch.map(([meter]) => meter),
      )
      .execute();
    const known = new Map(rows.map(({ meter_id, challenge }) => [meter_id, challenge]));
    return batch.filter(([meter, challenge]) => this.#away.has(meter) || known.get(meter) !== challenge);
  }

  /** Final bills of the last periods that went out at least once and not yet often enough, oldest first. */
  async #bills(meters: readonly string[]): Promise<Map<string, BillRow[]>> {
    const { db, periods, times } = this.#options;
    const found = new Map<string, BillRow[]>();
    if (meters.length === 0 || periods === 0 || times === 0) return found;
    const last = await db
      .selectFrom("feeder_periods")
      .select("period_start")
      .distinct()
      .orderBy("period_start", "desc")
      .limit(periods)
      .execute();
    const from = last.at(-1)?.period_start;
    if (from === undefined) return found;
    const rows = await db
      .selectFrom("bills")
      .selectAll()
      .where("meter_id", "in", meters)
      .where("period_start", ">=", from)
      .where("status", "=", "final")
      .where("sent", ">", 0)
      .where("sent", "<=", times)
      .orderBy("period_start")
      .execute();
    for (const row of rows) {
      const own = found.get(row.meter_id);
      if (own === undefined) found.set(row.meter_id, [row]);
      else own.push(row);
    }
    return found;
  }

  async #sendAll(bills: readonly BillRow[], challenge: string): Promise<boolean> {
    const keys = bills.map((bill) => [bill.meter_id, challenge, bill.period_start, bill.version].join(" "));
    for (const [i, bill] of bills.entries()) {
      const key = keys[i] ?? "";
      if (this.#out.has(key)) continue;
      if (!this.#take() || (await this.#options.send(bill)) === false) return false;
      this.#out.add(key);
    }
    for (const key of keys) this.#out.delete(key);
    return true;
  }

  /** One bill more within the rate? Unused time counts for at most one second. */
  #take(): boolean {
    const { now, perSecond } = this.#options;
    const at = now();
    this.#allowance = Math.min(Math.max(1, perSecond), this.#allowance + (at - this.#filledAt) * perSecond);
    this.#filledAt = at;
    if (this.#allowance < 1) return false;
    this.#allowance -= 1;
    return true;
  }

  async #settle(hellos: readonly (readonly [string, string])[]): Promise<void> {
    if (hellos.length === 0) return;
    const seen_at = Math.floor(this.#options.time());
    await this.#options.db
      .insertInto("meters_seen")
      .values(hellos.map(([meter_id, challenge]) => ({ meter_id, challenge, seen_at })))
      .onConflict((conflict) =>
        conflict.column("meter_id").doUpdateSet((is) => ({
          challenge: is.ref("excluded.challenge"),
          seen_at: is.ref("excluded.seen_at"),
        })),
      )
      .execute();
    for (const [meter, challenge] of hellos) {
      this.#away.delete(meter);
      // It may have said another hello meanwhile.
      if (this.#due.get(meter) === challenge) this.#due.delete(meter);
    }
  }
}
