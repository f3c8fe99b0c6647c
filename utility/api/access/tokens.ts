/** API tokens: whose each is, how long it holds, and when it was last used. */
import { randomUUID } from "node:crypto";
import { guardStorage, writeIfFree } from "../../../config/runtime/database.ts";
import type { SqlDatabase } from "../../../config/runtime/sql.ts";
import { wholeNumbers } from "./whole-numbers.ts";

export interface TokenRow {
  readonly id: string;
  readonly account: string;
  readonly label: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly lastUsed: number | null;
}

/** A use is written down this often at most: not every request is worth a write. */
export const USE_SECONDS = 60;
/** What begins later than this from now was made by a clock that was wrong, and counts as not there. */
export const AHEAD_SECONDS = 60;

export class ApiTokens {
  readonly #db: SqlDatabase;
  readonly #ended: (account: string) => void;

  /** `ended` is told of every account of which a token was revoked. */
  constructor(db: SqlDatabase, ended: (account: string) => void) {
    this.#db = db;
    this.#ended = ended;
  }

  add(
    hash: Buffer,
    { account, label, expiresAt }: Pick<TokenRow, "account" | "label" | "expiresAt">,
    now: number,
  ): TokenRow {
    const id = randomUUID();
    this.#run("INSERT INTO tokens (id, hash, account, label, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)", [
      ...[id, hash, account, label, now, expiresAt],
    ]);
    return { id, account, label, createdAt: now, expiresAt, lastUsed: null };
  }

  /** Of one account, the oldest first. */
  of(account: string): TokenRow[] {
    return this.#all<TokenRow>(
      `SELECT id, account, label, created_at AS createdAt, expires_at AS expiresAt, last_used AS lastUsed FROM tokens
       WHERE account = ? ORDER BY created_at, id`,
      [account],
    );
  }

  /** False where the account has no such token. */
  remove(account: string, id: string): boolean {
    const { changes } = this.#run("DELETE FROM tokens WHERE account = ? AND id = ?", [account, id]);
    if (changes > 0) this.#ended(account);
    return changes > 0;
  }

  /** All of an account; how many there were. */
  removeAll(account: string): number {
    const { changes } = this.#run("DELETE FROM tokens WHERE account = ?", [account]);
    if (changes > 0) this.#ended(account);
    return changes;
  }

  /** Whose a token is, while it holds. Asking is a use of it, unless `uses` says otherwise. */
  accountOf(hash: Buffer, now: number, uses: boolean): string | undefined {
    const [row] = this.#all<{ id: string; account: string; last_used: number | null }>(
      "SELECT id, account, last_used FROM tokens WHERE hash = ? AND expires_at > ? AND created_at <= ?",
      [hash, now, now + AHEAD_SECONDS],
    );
    if (row === undefined) return undefined;
    if (uses && Math.abs(now - (row.last_used ?? 0)) > USE_SECONDS) {
      writeIfFree(this.#db, () => this.#run("UPDATE tokens SET last_used = ? WHERE id = ?", [now, row.id]));
    }
    return row.account;
  }

  forgetEnded(now: number): void {
    this.#run("DELETE FROM tokens WHERE expires_at <= ? OR created_at > ?", [now, now + AHEAD_SECONDS]);
  }

  #run(sql: string, values: readonly unknown[]): { changes: number } {
    return guardStorage(this.#db, () => this.#db.prepare(sql).run(...wholeNumbers(values)));
  }

  #all<T>(sql: string, values: readonly unknown[]): T[] {
    return guardStorage(this.#db, () => this.#db.prepare<unknown[], T>(sql).all(...wholeNumbers(values)));
  }
}
