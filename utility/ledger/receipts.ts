/** Makes receipts: a bill's text and salt from the database, and the proof that a believed checkpoint covers it. */
import { formatProof, formatReceipt } from "../../protocol/log/index.ts";
import type { BillsTable } from "../store/tables.ts";
import type { UtilityDatabase } from "../store/open.ts";
import type { Checkpoints } from "./checkpoints.ts";
import { billSubject } from "./entries.ts";
import { TreeReader } from "./tree.ts";

type Believed = NonNullable<Awaited<ReturnType<Checkpoints["believed"]>>>;
type BillKey = Pick<BillsTable, "meter_id" | "period_start" | "period_end" | "version" | "tariff_id">;

/** The receipt's text; `waiting` for witnesses, or `gone`: the bill was erased, or never was in the log. */
export type ReceiptOrNot = { readonly text: string } | "waiting" | "gone";

export class Receipts {
  readonly #db: UtilityDatabase;
  readonly #checkpoints: Checkpoints;
  readonly #tree: TreeReader;
  readonly #tariffs = new Map<string, string>();
  #believed: Believed | undefined;

  constructor(db: UtilityDatabase, checkpoints: Checkpoints) {
    this.#db = db;
    this.#checkpoints = checkpoints;
    this.#tree = new TreeReader(db);
  }

  async of(bill: BillKey): Promise<ReceiptOrNot> {
    const kept = await this.#db
      .selectFrom("ledger_private")
      .innerJoin("ledger_entries", "ledger_entries.idx", "ledger_private.idx")
      .select(["ledger_private.idx", "salt", "content", "entry"])
      .where("subject", "=", billSubject(bill))
      .executeTakeFirst();
    if (kept === undefined || kept.salt === null || kept.content === null) return "gone";
    const tariff = await this.#tariff(bill.tariff_id);
    if (tariff === undefined) return "gone";
    const { idx: index, salt, content, entry } = kept;
    const believed = await this.#covering(index);
    if (believed === undefined) return "waiting";
    const hashes = await this.#tree.inclusion(index, believed.size);
    const proof = formatProof({ index, hashes, checkpoint: believed.checkpoint });
    return { text: formatReceipt({ bill: Buffer.from(content).toString("utf8"), tariff, salt, entry, proof }) };
  }

  /** A checkpoint that covers an entry. The last one is good for many receipts. */
  async #covering(index: number): Promise<Believed | undefined> {
    if (this.#believed === undefined || index >= this.#believed.size) {
      this.#believed = await this.#checkpoints.believed();
    }
    return this.#believed !== undefined && index < this.#believed.size ? this.#believed : undefined;
  }

  async #tariff(id: string): Promise<string | undefined> {
    const known = this.#tariffs.get(id);
    if (known !== undefined) return known;
    const row = await this.#db.selectFrom("tariffs").select("yaml").where("id", "=", id).executeTakeFirst();
    if (row !== undefined) this.#tariffs.set(id, row.yaml);
    return row?.yaml;
  }
}
