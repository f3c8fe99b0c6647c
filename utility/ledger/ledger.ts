/**
 * Writes the log: entries, their tiles, what they commit to, and the signed head, all in the transaction in which the
 * thing that is logged becomes final. A kill leaves both or neither.
 */
import { randomBytes } from "node:crypto";
import {
  commit,
  encodeEntry,
  type EntryContent,
  leafHash,
  NOTE_TYPE,
  type NoteKey,
  noteKey,
  type NoteSigner,
  SALT_BYTES,
  signCheckpoint,
} from "../../protocol/log/index.ts";
import { rawPublicKey } from "../../protocol/keys/index.ts";
import { INSERT_ROWS } from "../store/open.ts";
import type { Queries } from "../store/rounds-store.ts";
import { appendLeaves, EMPTY_ROOT } from "./tree.ts";

type Committed = Extract<EntryContent, { commitment: Uint8Array }>;
type WithoutCommitment<T> = T extends unknown ? Omit<T, "commitment"> : never;

/** An entry that anyone may read; or one that commits to `content`, which is about `subject`, named once in the log. */
export type NewEntry =
  | { readonly entry: Exclude<EntryContent, Committed> }
  | { readonly entry: WithoutCommitment<Committed>; readonly content: Uint8Array; readonly subject: string };

export interface LedgerOptions {
  /** Ed25519 private key and origin of the log. */
  readonly signer: NoteSigner;
  /** Fresh random bytes; for tests. */
  readonly random?: (bytes: number) => Uint8Array;
}

export interface LedgerHead {
  readonly size: number;
  readonly root: Uint8Array;
  /** The signed note; undefined for the empty log. */
  readonly checkpoint: string | undefined;
}

export class Ledger {
  readonly key: NoteKey;
  readonly #signer: NoteSigner;
  readonly #random: (bytes: number) => Uint8Array;

  constructor({ signer, random = randomBytes }: LedgerOptions) {
    this.#signer = signer;
    this.#random = random;
    this.key = noteKey(signer.name, NOTE_TYPE.signature, rawPublicKey(signer.signKey));
  }

  /**
   * Adds entries as of `time` (Unix seconds) in the caller's transaction, and returns the index of the first. Throws
   * RangeError for what is no entry.
   */
  async append(db: Queries, time: number, added: readonly NewEntry[]): Promise<number> {
    const { size } = await readHead(db);
    if (added.length === 0) return size;
    const at = Math.floor(time);
    const kept: { idx: number; subject: string; salt: Uint8Array; content: Uint8Array }[] = [];
    // One call for all salts: a call for each took a third of the time.
    const salts = this.#random(SALT_BYTES * added.length);
    const rows = added.map((one, i) => {
      const idx = size + i;
      if (!("content" in one)) return { idx, type: one.entry.type, entry: encodeEntry(at, one.entry) };
      const { entry, content, subject } = one;
      const salt = salts.subarray(i * SALT_BYTES, (i + 1) * SALT_BYTES);
      kept.push({ idx, subject, salt, content });
      return { idx, type: entry.type, entry: encodeEntry(at, { ...entry, commitment: commit(salt, content) }) };
    });
    for (let from = 0; from < rows.length; from += INSERT_ROWS) {
      await db
        .insertInto("ledger_entries")
        .values(rows.slice(from, from + INSERT_ROWS))
        .execute();
    }
    for (let from = 0; from < kept.length; from += INSERT_ROWS) {
      await db
        .insertInto("ledger_private")
        .values(kept.slice(from, from + INSERT_ROWS))
        .execute();
    }
    const leaves = rows.map(({ entry }) => leafHash(entry));
    await this.#sign(db, size + rows.length, await appendLeaves(db, size, leaves));
    return size;
  }

  async #sign(db: Queries, size: number, root: Uint8Array): Promise<void> {
    const head = { size, root, checkpoint: signCheckpoint({ size, root }, this.#signer) };
    await db
      .insertInto("ledger_head")
      .values({ id: 1, ...head })
      .onConflict((conflict) => conflict.column("id").doUpdateSet(head))
      .execute();
  }
}

/** The log as it is now. */
export async function readHead(db: Queries): Promise<LedgerHead> {
  const row = await db.selectFrom("ledger_head").selectAll().where("id", "=", 1).executeTakeFirst();
  if (row === undefined) return { size: 0, root: EMPTY_ROOT, checkpoint: undefined };
  return { size: row.size, root: Uint8Array.from(row.root), checkpoint: row.checkpoint };
}
