/**
 * Updates of learning rounds in the meter's durable memory: the noised vector before any share of it leaves, in one
 * transaction with its charge, and who has answered. The same database as the readings; one can serve many meters.
 */
import type { Database } from "better-sqlite3";
import { elementsToBytes } from "../../../protocol/field-words.ts";
import type { RoundCost } from "../../../protocol/learning/index.ts";
import type { Outbox } from "../outbox.ts";
import type { PrivacyGuard, Refusal } from "./privacy-guard.ts";

/** What an aggregator said of an update, or that the round closed before it had answered. */
export type UpdateAnswer = "stored" | "duplicate" | "conflict" | "closed" | "refused";

export interface NewUpdate {
  readonly round: string;
  readonly campaign: string;
  readonly step: number;
  /** `train`, `load` or `histogram`. */
  readonly task: string;
  /** Unix seconds. */
  readonly closesAt: number;
  readonly elements: BigUint64Array;
  /** Bits of the aggregators that have to answer. */
  readonly waiting: number;
}

export interface UpdateRow extends Omit<NewUpdate, "elements" | "task"> {
  /** By `a-<i>`, or `meter` itself. */
  readonly answers: Readonly<Record<string, UpdateAnswer>>;
}

interface StoredRow {
  round: string;
  campaign: string;
  step: number;
  closes_at: number;
  waiting: number;
  answers: string;
}

const COLUMNS = "round, campaign, step, closes_at, waiting, answers";
const ELEMENT_BYTES = 8;

export class UpdateStore {
  readonly #db: Database;
  readonly #outbox: Outbox;
  readonly #statements;

  /** `db` is the outbox's database. */
  constructor(db: Database, outbox: Outbox) {
    this.#db = db;
    this.#outbox = outbox;
    this.#statements = {
      add: db.prepare<[number, string, string, number, string, number, Uint8Array, number]>(
        `INSERT INTO updates (meter, round, campaign, step, task, closes_at, vector, waiting) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      ),
      has: db.prepare<[number, string], { id: number }>("SELECT id FROM updates WHERE meter = ? AND round = ?"),
      waiting: db.prepare<[number], StoredRow>(
        `SELECT ${COLUMNS} FROM updates WHERE meter = ? AND waiting <> 0 ORDER BY id`,
      ),
      records: db.prepare<[number], StoredRow>(`SELECT ${COLUMNS} FROM updates WHERE meter = ? ORDER BY id`),
      vector: db.prepare<[number, string], { vector: Buffer | null }>(
        "SELECT vector FROM updates WHERE meter = ? AND round = ?",
      ),
      // What nobody waits for any more keeps its record, not its vector.
      answer: db.prepare<{ meter: number; round: string; waiting: number; answers: string }>(
        `UPDATE updates SET waiting = :waiting, answers = :answers,
           vector = CASE :waiting WHEN 0 THEN NULL ELSE vector END
         WHERE meter = :meter AND round = :round`,
      ),
    };
  }

  /** Is there a vector of this round, or was there one? */
  has(number: number, round: string): boolean {
    return this.#statements.has.get(number, round) !== undefined;
  }

  /**
   * Charges a round and makes its vector durable, both or neither, at once. A round that was charged for another vector,
   * which is gone, is refused: two vectors would show more than one.
   */
  take(number: number, update: NewUpdate, guard: PrivacyGuard, cost: RoundCost): "stored" | Refusal {
    const { round, campaign, step, task, closesAt, elements, waiting } = update;
    return this.#db.transaction(() => {
      const charged = guard.charge(round, cost);
      if (charged === "already") return { code: "charged-before", detail: "its vector is gone" };
      if (charged !== "charged") return charged;
      this.#statements.add.run(number, round, campaign, step, task, closesAt, elementsToBytes(elements), waiting);
      return "stored";
    })();
  }

  /** Those that some aggregator has to answer, the oldest first. */
  waiting(number: number): UpdateRow[] {
    return this.#statements.waiting.all(number).map(rowOf);
  }

  records(number: number): UpdateRow[] {
    return this.#statements.records.all(number).map(rowOf);
  }

  /** The noised elements of a round; undefined once nobody waits for them. */
  elements(number: number, round: string): BigUint64Array | undefined {
    const bytes = this.#statements.vector.get(number, round)?.vector ?? undefined;
    return (
      bytes && BigUint64Array.from({ length: bytes.length / ELEMENT_BYTES }, (_, i) => bytes.readBigUInt64BE(8 * i))
    );
  }

  rememberAnswers(number: number, { round, waiting, answers }: UpdateRow): void {
    const row = { meter: number, round, waiting, answers: JSON.stringify(answers) };
    this.#outbox.defer(() => this.#statements.answer.run(row));
  }
}

function rowOf({ closes_at: closesAt, answers, ...row }: StoredRow): UpdateRow {
  return { ...row, closesAt, answers: JSON.parse(answers) as UpdateRow["answers"] };
}
