/** Accounts, sessions, API tokens and what was done with them: `<data>/api/api.db`, or the schema `api` on a server. */
import { guardStorage, writeIfFree } from "../../../config/runtime/database.ts";
import type { SqlDatabase } from "../../../config/runtime/sql.ts";
import { migrateStore, openStore } from "../../../config/runtime/store.ts";
import { MIGRATIONS } from "./migrations.ts";
import type { ApiRole } from "./roles.ts";
import { SignIns } from "./sign-ins.ts";
import { AHEAD_SECONDS, ApiTokens, USE_SECONDS } from "./tokens.ts";
import { wholeNumbers } from "./whole-numbers.ts";

export interface Account {
  readonly name: string;
  readonly role: ApiRole;
  /** A customer's meters; nobody else has any. */
  readonly meters: readonly string[];
  readonly disabled: boolean;
  /** Unix seconds. */
  readonly createdAt: number;
}

export interface AuditRow {
  readonly id: number;
  /** Unix seconds. */
  readonly at: number;
  readonly account: string | null;
  readonly address: string;
  readonly action: string;
  readonly outcome: "done" | "refused";
  readonly detail: string;
}

interface RawAccount {
  readonly name: string;
  readonly role: ApiRole;
  readonly password: string;
  readonly disabled: number;
  readonly created_at: number;
}

/** Entries of the audit that go at a time: nobody waits long for the write. */
const PRUNE_SLICE = 1_000;

export class AccessStore {
  readonly signIns: SignIns;
  readonly tokens: ApiTokens;
  readonly #db: SqlDatabase;
  readonly #watchers = new Set<(account: string) => void>();

  private constructor(db: SqlDatabase) {
    this.#db = db;
    this.signIns = new SignIns(db);
    this.tokens = new ApiTokens(db, (account) => this.#told(account, true));
  }

  /** Several processes may have it open: the server, and the command that manages accounts. Throws StorageError. */
  static open(place: string): AccessStore {
    const db = openStore(place, { synchronous: "FULL" });
    migrateStore(db, MIGRATIONS);
    return new AccessStore(db);
  }

  close(): void {
    this.#db.close();
  }

  /** Told of every account whose rights this process has changed or ended. Returns how to stop. */
  watch(watcher: (account: string) => void): () => void {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  accounts(): Account[] {
    return this.#all<RawAccount>("SELECT * FROM accounts ORDER BY name").map((row) => this.#account(row));
  }

  account(name: string): Account | undefined {
    const row = this.#raw(name);
    return row === undefined ? undefined : this.#account(row);
  }

  /** The stored hash of an account that may sign in. */
  passwordOf(name: string): string | undefined {
    const row = this.#raw(name);
    return row?.disabled === 0 ? row.password : undefined;
  }

  /** False where there is one of the name already. */
  addAccount(account: Account, password: string): boolean {
    return this.#transaction(() => {
      const { changes } = this.#run(
        "INSERT INTO accounts (name, role, password, disabled, created_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        [account.name, account.role, password, Number(account.disabled), account.createdAt],
      );
      if (changes > 0) this.#setMeters(account.name, account.meters);
      return changes > 0;
    });
  }

  /**
   * Whatever is changed, its sessions end: they were begun with other rights. Its API tokens are revoked with a new password, another
   * role, and when it is disabled or enabled: whoever made them may be whom the change is to keep out. False where there is no such
   * account.
   */
  changeAccount(
    name: string,
    change: {
      readonly role?: ApiRole | undefined;
      readonly password?: string | undefined;
      readonly disabled?: boolean | undefined;
      readonly meters?: readonly string[] | undefined;
    },
  ): boolean {
    const changed = this.#transaction(() => {
      const row = this.#raw(name);
      if (row === undefined) return false;
      this.#run("UPDATE accounts SET role = ?, password = ?, disabled = ? WHERE name = ?", [
        change.role ?? row.role,
        change.password ?? row.password,
        change.disabled === undefined ? row.disabled : Number(change.disabled),
        name,
      ]);
      if (change.meters !== undefined) this.#setMeters(name, change.meters);
      this.#run("DELETE FROM sessions WHERE account = ?", [name]);
      const isDisabled = row.disabled !== 0;
      const { password, role = row.role, disabled = isDisabled } = change;
      if (password !== undefined || role !== row.role || disabled !== isDisabled) this.tokens.removeAll(name);
      return true;
    });
    return this.#told(name, changed);
  }

  removeAccount(name: string): boolean {
    return this.#told(name, this.#run("DELETE FROM accounts WHERE name = ?", [name]).changes > 0);
  }

  /**
   * Begins a session of an account whose stored hash is still the one that a password was checked against: while it was checked
   * the account may have been changed, disabled or removed. Undefined then: there is no session.
   */
  beginSession(hash: Buffer, name: string, password: string, now: number): Account | undefined {
    return this.#transaction(() => {
      const row = this.#raw(name);
      if (row?.disabled !== 0 || row.password !== password) return undefined;
      this.#run("INSERT INTO sessions (hash, account, created_at, used_at) VALUES (?, ?, ?, ?)", [
        ...[hash, name, now, now],
      ]);
      return this.#account(row);
    });
  }

  endSession(hash: Buffer): void {
    const ended = this.#all<{ account: string }>("DELETE FROM sessions WHERE hash = ? RETURNING account", [hash]);
    for (const { account } of ended) this.#told(account, true);
  }

  /**
   * The account of a session that was used within `idleSeconds` and is not older than `maxSeconds`, nor of a time to come. Asking
   * is a use of it, unless `uses` says otherwise.
   */
  sessionAccount(
    hash: Buffer,
    now: number,
    { idleSeconds, maxSeconds }: { readonly idleSeconds: number; readonly maxSeconds: number },
    uses = true,
  ): Account | undefined {
    const [row] = this.#all<{ account: string; used_at: number }>(
      "SELECT account, used_at FROM sessions WHERE hash = ? AND used_at > ? AND created_at > ? AND used_at <= ? AND created_at <= ?",
      [hash, now - idleSeconds, now - maxSeconds, now + AHEAD_SECONDS, now + AHEAD_SECONDS],
    );
    if (row === undefined) return undefined;
    if (uses && now - row.used_at > USE_SECONDS) {
      // Whoever only reads is answered also while another process holds the database.
      writeIfFree(this.#db, () => this.#run("UPDATE sessions SET used_at = ? WHERE hash = ?", [now, hash]));
    }
    return this.#enabled(row.account);
  }

  /** Forgets sessions and tokens that have ended; another time where another process holds the database. */
  forgetEnded(
    now: number,
    { idleSeconds, maxSeconds }: { readonly idleSeconds: number; readonly maxSeconds: number },
  ): void {
    writeIfFree(this.#db, () => {
      this.#run("DELETE FROM sessions WHERE used_at <= ? OR created_at <= ? OR used_at > ? OR created_at > ?", [
        ...[now - idleSeconds, now - maxSeconds, now + AHEAD_SECONDS, now + AHEAD_SECONDS],
      ]);
      this.tokens.forgetEnded(now);
      this.signIns.forget(now);
    });
  }

  /** As `sessionAccount`, of an API token. */
  tokenAccount(hash: Buffer, now: number, uses = true): Account | undefined {
    const name = this.tokens.accountOf(hash, now, uses);
    return name === undefined ? undefined : this.#enabled(name);
  }

  note(entry: Omit<AuditRow, "id">): void {
    this.#run("INSERT INTO audit (at, account, address, action, outcome, detail) VALUES (?, ?, ?, ?, ?, ?)", [
      entry.at,
      entry.account,
      entry.address,
      entry.action,
      entry.outcome,
      entry.detail,
    ]);
  }

  /**
   * Forgets a slice of the entries from before a time, the oldest first, and writes down up to which: the audit says by itself
   * what it lacks. True: there may be more.
   */
  pruneAudit(before: number, now: number, slice = PRUNE_SLICE): boolean {
    let more = true; // while another process holds the database nothing is known of it
    writeIfFree(this.#db, () => {
      more = this.#transaction(() => this.#pruneSlice(before, now, slice));
    });
    return more;
  }

  #pruneSlice(before: number, now: number, slice: number): boolean {
    const rows = this.#all<{ id: number; at: number }>("SELECT id, at FROM audit ORDER BY id LIMIT ?", [slice]);
    const kept = rows.findIndex(({ at }) => at >= before);
    const old = kept < 0 ? rows : rows.slice(0, kept);
    const last = old.at(-1);
    if (last === undefined) return false;
    this.#run("DELETE FROM audit WHERE id <= ?", [last.id]);
    const detail = `entries up to ${last.id}, from before ${new Date(before * 1_000).toISOString()}`;
    this.note({ at: now, account: null, address: "", action: "prune-audit", outcome: "done", detail });
    return old.length === slice;
  }

  /** Newest first, those before an id. */
  audit(limit: number, before: number | undefined): AuditRow[] {
    return this.#all<AuditRow>("SELECT * FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?", [
      before ?? Number.MAX_SAFE_INTEGER,
      limit,
    ]);
  }

  #told(account: string, changed: boolean): boolean {
    if (changed) for (const watcher of [...this.#watchers]) watcher(account);
    return changed;
  }

  #enabled(name: string): Account | undefined {
    const account = this.account(name);
    return account === undefined || account.disabled ? undefined : account;
  }

  #raw(name: string): RawAccount | undefined {
    return this.#all<RawAccount>("SELECT * FROM accounts WHERE name = ?", [name])[0];
  }

  #account({ name, role, disabled, created_at: createdAt }: RawAccount): Account {
    const meters = this.#all<{ meter_id: string }>(
      "SELECT meter_id FROM account_meters WHERE account = ? ORDER BY meter_id",
      [name],
    ).map(({ meter_id }) => meter_id);
    return { name, role, meters, disabled: disabled !== 0, createdAt };
  }

  #setMeters(name: string, meters: readonly string[]): void {
    this.#run("DELETE FROM account_meters WHERE account = ?", [name]);
    for (const meter of new Set(meters)) {
      this.#run("INSERT INTO account_meters (account, meter_id) VALUES (?, ?)", [name, meter]);
    }
  }

  #run(sql: string, values: readonly unknown[] = []): { changes: number } {
    return guardStorage(this.#db, () => this.#db.prepare(sql).run(...wholeNumbers(values)));
  }

  #all<T>(sql: string, values: readonly unknown[] = []): T[] {
    return guardStorage(this.#db, () => this.#db.prepare<unknown[], T>(sql).all(...wholeNumbers(values)));
  }

  #transaction<T>(work: () => T): T {
    return guardStorage(this.#db, () => this.#db.transaction(work).immediate());
  }
}
