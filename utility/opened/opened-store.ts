/**
 * What came to be opened, and what came out, in the database. Ciphertexts and parts are kept until their job is settled
 * and no longer; results are never replaced.
 */
import { sql } from "kysely";
import { decodeCbor, encodeCbor } from "../../protocol/cbor.ts";
import { packNumbers } from "../../protocol/messages/ckks.ts";
import { jobEntry } from "../ledger/entries.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { INSERT_ROWS, type UtilityDatabase } from "../store/open.ts";
import type { HeResultRow, HeResultsTable, HeValuesTable } from "../store/opened-tables.ts";

/** What waits to be opened, of analytics and of each aggregator. */
export interface WaitingLimits {
  readonly messages: number;
  readonly bytes: number;
}

/** What a job still lacks is asked for again by analytics, so that the oldest of very many may give way. */
const WAITING: WaitingLimits = { messages: 4_096, bytes: 256 * 2 ** 20 };

export interface StoredOutput {
  readonly job: string;
  readonly transcript: Uint8Array;
  readonly active: readonly number[];
  readonly c0: readonly Uint8Array[];
}

export interface StoredPartial {
  readonly job: string;
  readonly aggregator: number;
  /** Hash of the one that it opened. */
  readonly transcript: Uint8Array;
  readonly active: readonly number[];
  /** With a value, for each slot of time. */
  readonly meters: readonly number[];
  readonly outputs: readonly Uint8Array[];
}

export type HeResult = Omit<HeResultsTable, "published" | "opened">;
export type HeValue = Omit<HeValuesTable, "job">;
/** Whether something was new, was here before, or contradicts what was. */
export type Kept = "new" | "known" | "other-active-set" | "conflict";

export class OpenedStore {
  readonly #db: UtilityDatabase;
  readonly #now: () => number;
  readonly #limits: WaitingLimits;
  readonly #ledger: Ledger;

  /** `now` gives Unix seconds. */
  constructor(db: UtilityDatabase, now: () => number, ledger: Ledger, limits = WAITING) {
    this.#db = db;
    this.#now = now;
    this.#ledger = ledger;
    this.#limits = limits;
  }

  /** The first output of a job stands. */
  async keepOutput({ job, transcript, active, c0 }: StoredOutput): Promise<Kept> {
    const known = await this.output(job);
    if (known !== undefined) {
      if (known.active.join() !== active.join()) return "other-active-set";
      return sameAll(known.c0, c0) ? "known" : "conflict";
    }
    const row = { job, transcript, active: JSON.stringify(active), c0: encodeCbor([...c0]) };
    const received_at = Math.floor(this.#now());
    await this.#db.transaction().execute(async (transaction) => {
      await transaction
        .insertInto("he_outputs")
        .values({ ...row, received_at })
        .execute();
      const waiting = await transaction
        .selectFrom("he_outputs")
        .select(["job", sql<number>`length(transcript) + length(c0)`.as("bytes")])
        .where("settled", "=", 0)
        .orderBy("received_at", "desc")
        .execute();
      const surplus = this.#surplus(job, waiting);
      if (surplus.length > 0) await transaction.deleteFrom("he_outputs").where("job", "in", surplus).execute();
    });
    return "new";
  }

  /** The first part of an aggregator stands, as the aggregator gives the same one again. */
  async keepPartial({ job, aggregator, transcript, active, meters, outputs }: StoredPartial): Promise<Kept> {
    const known = (await this.partials(job)).find((one) => one.aggregator === aggregator);
    if (known !== undefined) {
      if (known.active.join() !== active.join()) return "other-active-set";
      const same = known.meters.join() === meters.join();
      return same && sameAll([known.transcript, ...known.outputs], [transcript, ...outputs]) ? "known" : "conflict";
    }
    const row = {
      job,
      aggregator,
      transcript_hash: transcript,
      active: JSON.stringify(active),
      meters: JSON.stringify(meters),
      outputs: encodeCbor([...outputs]),
    };
    const received_at = Math.floor(this.#now());
    await this.#db.transaction().execute(async (transaction) => {
      await transaction
        .insertInto("he_partials")
        .values({ ...row, received_at })
        .execute();
      const waiting = await transaction
        .selectFrom("he_partials")
        .select(["job", sql<number>`length(outputs)`.as("bytes")])
        .where("aggregator", "=", aggregator)
        .orderBy("received_at", "desc")
        .execute();
      const surplus = this.#surplus(job, waiting);
      if (surplus.length === 0) return;
      await transaction
        .deleteFrom("he_partials")
        .where("aggregator", "=", aggregator)
        .where("job", "in", surplus)
        .execute();
    });
    return "new";
  }

  /** Jobs, given newest first, for which there is no room beside the one that just came. */
  #surplus(newest: string, waiting: readonly { readonly job: string; readonly bytes: number }[]): string[] {
    const surplus: string[] = [];
    let [messages, bytes] = [1, waiting.find(({ job }) => job === newest)?.bytes ?? 0];
    for (const other of waiting) {
      if (other.job === newest) continue;
      messages += 1;
      bytes += other.bytes;
      if (messages > this.#limits.messages || bytes > this.#limits.bytes) surplus.push(other.job);
    }
    return surplus;
  }

  async dropPartial(job: string, aggregator: number): Promise<void> {
    await this.#db.deleteFrom("he_partials").where("job", "=", job).where("aggregator", "=", aggregator).execute();
  }

  /** An output that is not settled. */
  async output(job: string): Promise<StoredOutput | undefined> {
    const row = await this.#db
      .selectFrom("he_outputs")
      .selectAll()
      .where("job", "=", job)
      .where("settled", "=", 0)
      .executeTakeFirst();
    if (row?.c0 === undefined || row.c0 === null) return undefined;
    const active = JSON.parse(row.active) as number[];
    return { job, transcript: row.transcript, active, c0: decodeCbor(row.c0) as Uint8Array[] };
  }

  async partials(job: string): Promise<StoredPartial[]> {
    const rows = await this.#db
      .selectFrom("he_partials")
      .selectAll()
      .where("job", "=", job)
      .orderBy("aggregator")
      .execute();
    return rows.map(({ aggregator, transcript_hash: transcript, active, meters, outputs }) => ({
      ...{ job, aggregator, transcript, active: JSON.parse(active) as number[] },
      meters: JSON.parse(meters) as number[],
      outputs: decodeCbor(outputs) as Uint8Array[],
    }));
  }

  /** Jobs that wait, oldest first: what a restart goes on with. */
  async waiting(): Promise<string[]> {
    const rows = await this.#db
      .selectFrom("he_outputs")
      .select("job")
      .where("settled", "=", 0)
      .orderBy("received_at")
      .execute();
    return rows.map(({ job }) => job);
  }

  async transcript(job: string): Promise<Uint8Array | undefined> {
    const row = await this.#db.selectFrom("he_outputs").select("transcript").where("job", "=", job).executeTakeFirst();
    return row?.transcript;
  }

  async result(job: string): Promise<HeResultRow | undefined> {
    return await this.#db.selectFrom("he_results").selectAll().where("job", "=", job).executeTakeFirst();
  }

  async values(job: string): Promise<HeValue[]> {
    return await this.#db
      .selectFrom("he_values")
      .select(["name", "position", "slot_start", "value", "unit", "error_bound"])
      .where("job", "=", job)
      .orderBy("name")
      .orderBy("position")
      .execute();
  }

  /** Result, values, their entry in the log and the end of the ciphertexts, all at once; does nothing for a settled job. */
  async settle(
    result: HeResult,
    values: readonly HeValue[],
    slots: readonly Float64Array[] | undefined,
  ): Promise<boolean> {
    const { job } = result;
    const opened = slots === undefined ? null : encodeCbor(slots.map(packNumbers));
    return await this.#db.transaction().execute(async (transaction) => {
      const { numInsertedOrUpdatedRows } = await transaction
        .insertInto("he_results")
        .values({ ...result, opened, published: 0 })
        .onConflict((conflict) => conflict.column("job").doNothing())
        .executeTakeFirstOrThrow();
      if (numInsertedOrUpdatedRows === 0n) return false;
      for (let from = 0; from < values.length; from += INSERT_ROWS) {
        const rows = values.slice(from, from + INSERT_ROWS).map((value) => ({ job, ...value }));
        await transaction.insertInto("he_values").values(rows).execute();
      }
      const { transcript } = await transaction
        .updateTable("he_outputs")
        .set({ settled: 1, c0: null })
        .where("job", "=", job)
        .returning("transcript")
        .executeTakeFirstOrThrow();
      await this.#ledger.append(transaction, this.#now(), [jobEntry(result, values, transcript)]);
      await transaction.deleteFrom("he_partials").where("job", "=", job).execute();
      return true;
    });
  }

  async unpublished(limit: number): Promise<HeResultRow[]> {
    return await this.#db
      .selectFrom("he_results")
      .selectAll()
      .where("published", "=", 0)
      .where("status", "=", "final")
      .orderBy("opened_at")
      .limit(limit)
      .execute();
  }

  async markPublished(job: string): Promise<void> {
    await this.#db.updateTable("he_results").set({ published: 1 }).where("job", "=", job).execute();
  }
}

function sameAll(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  return a.length === b.length && a.every((bytes, i) => Buffer.compare(bytes, b[i]!) === 0);
}
