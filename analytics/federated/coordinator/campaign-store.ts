/**
 * Where a campaign stands, durable: the model after its last round, and the round that was announced, in one transaction. A
 * round is written down before anybody hears of it, so that a coordinator which was killed announces the same bytes again.
 */
import { z } from "zod";
import { guardStorage, migrate, openDatabase, type SqliteDatabase } from "../../../config/runtime/database.ts";
import { type RoundContent, roundContent } from "../../../protocol/learning/index.ts";
import { Campaign } from "../campaign.ts";

export interface CampaignState {
  readonly campaign: Campaign;
  /** The round under way. */
  readonly pending: RoundContent | undefined;
}

const MIGRATIONS = ["CREATE TABLE campaigns (name TEXT PRIMARY KEY, model TEXT NOT NULL, pending TEXT) STRICT"];

export class CampaignStore {
  readonly #db: SqliteDatabase;
  readonly #put;
  readonly #get;

  /** Throws StorageError, `locked` while another coordinator has it. */
  constructor(file: string) {
    this.#db = openDatabase(file, { synchronous: "FULL", alone: true });
    migrate(this.#db, MIGRATIONS);
    this.#get = this.#db.prepare<[string], { model: string; pending: string | null }>(
      "SELECT model, pending FROM campaigns WHERE name = ?",
    );
    this.#put = this.#db.prepare<[string, string, string | null]>(
      `INSERT INTO campaigns (name, model, pending) VALUES (?, ?, ?)
       ON CONFLICT (name) DO UPDATE SET model = excluded.model, pending = excluded.pending`,
    );
  }

  /** Undefined for a campaign that was never saved. Throws RangeError for one that cannot be resumed. */
  load(name: string): CampaignState | undefined {
    const row = guardStorage(this.#db, () => this.#get.get(name));
    if (row === undefined) return undefined;
    const campaign = Campaign.resume(JSON.parse(row.model));
    if (row.pending === null) return { campaign, pending: undefined };
    const pending = roundContent.safeParse(JSON.parse(row.pending));
    if (pending.success) return { campaign, pending: pending.data };
    throw new RangeError(`campaign ${name}: its round: ${z.prettifyError(pending.error).replaceAll(/\s+/g, " ")}`);
  }

  /** Durable when it returns. */
  save({ campaign, pending }: CampaignState): void {
    const model = JSON.stringify(campaign);
    guardStorage(this.#db, () =>
      this.#put.run(campaign.options.campaign, model, pending === undefined ? null : JSON.stringify(pending)),
    );
  }

  close(): void {
    this.#db.close();
  }
}
