/**
 * Checkpoints that leave the house: the head is kept before anyone sees it, cosignatures are added as they come, and a
 * receipt is made with the newest one that enough witnesses have seen.
 */
import {
  formatNote,
  type LogPolicy,
  openCheckpoint,
  type OpenedCheckpoint,
  parseNote,
  parseSignature,
  verifyNote,
} from "../../protocol/log/index.ts";
import type { UtilityDatabase } from "../store/open.ts";
import { readHead } from "./ledger.ts";

export interface KeptCheckpoint {
  readonly size: number;
  /** The signed note with the cosignatures that have come. */
  readonly checkpoint: string;
}

export class Checkpoints {
  readonly #db: UtilityDatabase;
  readonly #policy: LogPolicy;
  readonly #keeps: boolean;

  /** `keeps: false` for who only reads the database. */
  constructor(db: UtilityDatabase, policy: LogPolicy, { keeps = true }: { readonly keeps?: boolean } = {}) {
    this.#db = db;
    this.#policy = policy;
    this.#keeps = keeps;
  }

  /** The head, kept from now on; undefined for the empty log. */
  async take(): Promise<KeptCheckpoint | undefined> {
    const { size, checkpoint } = await readHead(this.#db);
    if (checkpoint === undefined) return undefined;
    await this.#db
      .insertInto("ledger_checkpoints")
      .values({ size, checkpoint, cosignatures: 0, published: 0 })
      .onConflict((conflict) => conflict.column("size").doNothing())
      .execute();
    const kept = await this.#db
      .selectFrom("ledger_checkpoints")
      .select("checkpoint")
      .where("size", "=", size)
      .executeTakeFirstOrThrow();
    return { size, checkpoint: kept.checkpoint };
  }

  /**
   * Adds signature lines that a witness answered with, as far as they are by witnesses of the policy and not there yet.
   * Returns how many witnesses have now seen this checkpoint. Throws LogError for what does not hold.
   */
  async cosign(size: number, lines: string): Promise<number> {
    const { log, witnesses } = this.#policy;
    return await this.#db.transaction().execute(async (transaction) => {
      const row = await transaction
        .selectFrom("ledger_checkpoints")
        .select(["checkpoint", "cosignatures"])
        .where("size", "=", size)
        .executeTakeFirstOrThrow();
      const { text, signatures } = parseNote(row.checkpoint);
      const known = verifyNote({ text, signatures }, witnesses).map(({ key }) => key);
      const added = lines
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => parseSignature(line))
        .filter((signature) => {
          const by = verifyNote({ text, signatures: [signature] }, witnesses)[0]?.key;
          if (by === undefined || known.includes(by)) return false;
          known.push(by);
          return true;
        });
      const checkpoint = formatNote({ text, signatures: [...signatures, ...added] });
      openCheckpoint(checkpoint, { log, witnesses, quorum: 0 });
      if (added.length > 0) {
        await transaction
          .updateTable("ledger_checkpoints")
          .set({ checkpoint, cosignatures: known.length, published: 0 })
          .where("size", "=", size)
          .execute();
      }
      return known.length;
    });
  }

  /** The newest checkpoint that the policy accepts; undefined where there is none yet. */
  async believed(): Promise<(KeptCheckpoint & { readonly opened: OpenedCheckpoint }) | undefined> {
    const { quorum } = this.#policy;
    if (quorum === 0) {
      const { size, checkpoint } = this.#keeps
        ? { checkpoint: undefined, size: 0, ...(await this.take()) }
        : await readHead(this.#db);
      return checkpoint === undefined ? undefined : this.#opened({ size, checkpoint });
    }
    const row = await this.#db
      .selectFrom("ledger_checkpoints")
      .select(["size", "checkpoint"])
      .where("cosignatures", ">=", quorum)
      .orderBy("size", "desc")
      .limit(1)
      .executeTakeFirst();
    return row === undefined ? undefined : this.#opened(row);
  }

  #opened(kept: KeptCheckpoint): KeptCheckpoint & { readonly opened: OpenedCheckpoint } {
    return { ...kept, opened: openCheckpoint(kept.checkpoint, this.#policy) };
  }
}
