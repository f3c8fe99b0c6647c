/**
 * Slows those who guess passwords, not those who have one. Attempts count by name and network, so that nobody shuts out a name
 * from elsewhere; guesses at one name from many networks share a growing wait, which does not hold for networks from which that
 * name was signed in to before (NIST SP 800-63B, 5.2.2). Names that nobody has are treated alike. What lies in the future is of a
 * clock that was wrong, and counts as not there.
 */
import { guardStorage } from "../../../config/runtime/database.ts";
import type { SqlDatabase } from "../../../config/runtime/sql.ts";
import { wholeNumbers } from "./whole-numbers.ts";

/** So many failures of a name from one network in so many seconds; then that network waits. */
export const NETWORK_FAILURES = 20;
const NETWORK_SECONDS = 900;
/** Failures of a name from strange networks in a day before they wait for each other: 30 s, and twice that for every ten more. */
const STRANGE_FAILURES = 30;
const STRANGE_SECONDS = 86_400;
const FIRST_WAIT_SECONDS = 30;
const LONGEST_WAIT_SECONDS = 3_600;
const FAILURES_A_DOUBLING = 10;
/** A network is strange again after so long without a sign-in; of one name so many are remembered. */
const KNOWN_SECONDS = 90 * 86_400;
const MOST_KNOWN = 50;

export interface Attempt {
  readonly id: number;
  /** The network is one that the name was signed in to from. */
  readonly isKnown: boolean;
}

/** Seconds after a failure from a strange network before the next attempt from one. */
function strangersWait(failures: number): number {
  if (failures < STRANGE_FAILURES) return 0;
  const doublings = Math.floor((failures - STRANGE_FAILURES) / FAILURES_A_DOUBLING);
  return Math.min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** doublings);
}

interface Failures {
  readonly n: number;
  readonly first: number | null;
  readonly last: number | null;
}

export class SignIns {
  readonly #db: SqlDatabase;

  constructor(db: SqlDatabase) {
    this.#db = db;
  }

  /**
   * Whether a password may be tried now, before it is: the attempt counts as failed until `succeeded` says that it was not, so
   * that many at the same moment are not one. `network`: of the address, as `networkOf` has it. Else how long to wait.
   */
  begin(name: string, network: string, now: number): Attempt | { readonly waitSeconds: number } {
    return this.#transaction(() => {
      const own = this.#failures("network = ?", [name, now - NETWORK_SECONDS, now, network]);
      if (own.n >= NETWORK_FAILURES) return { waitSeconds: Math.max(1, own.first! + NETWORK_SECONDS - now) };
      const isKnown = this.#isKnown(name, network, now);
      if (!isKnown) {
        const strange = this.#failures("known = 0", [name, now - STRANGE_SECONDS, now]);
        const waitSeconds = (strange.last ?? 0) + strangersWait(strange.n) - now;
        if (waitSeconds > 0) return { waitSeconds };
      }
      const id = guardStorage(this.#db, () =>
        this.#db
          .prepare<unknown[], number>(
            "INSERT INTO sign_in_failures (name, network, known, at) VALUES (?, ?, ?, ?) RETURNING id",
          )
          .pluck()
          .get(...wholeNumbers([name, network, Number(isKnown), now])),
      );
      return { id: id!, isKnown };
    });
  }

  /** The password was not looked at: nobody has guessed. */
  withdraw({ id }: Attempt): void {
    this.#run("DELETE FROM sign_in_failures WHERE id = ?", [id]);
  }

  /** The password was right: what this network got wrong before is forgotten, and the network is known from now on. */
  succeeded(name: string, network: string, now: number): void {
    this.#transaction(() => {
      this.#run("DELETE FROM sign_in_failures WHERE name = ? AND network = ?", [name, network]);
      this.#run(
        `INSERT INTO known_networks (account, network, at) VALUES (?, ?, ?)
         ON CONFLICT (account, network) DO UPDATE SET at = excluded.at`,
        [name, network, now],
      );
      this.#run(
        `DELETE FROM known_networks WHERE account = ? AND network NOT IN
           (SELECT network FROM known_networks WHERE account = ? ORDER BY at DESC, network LIMIT ?)`,
        [name, name, MOST_KNOWN],
      );
    });
  }

  /** Forgets what counts no more. */
  forget(now: number): void {
    this.#run("DELETE FROM sign_in_failures WHERE at <= ? OR at > ?", [now - STRANGE_SECONDS, now]);
    this.#run("DELETE FROM known_networks WHERE at <= ? OR at > ?", [now - KNOWN_SECONDS, now]);
  }

  #isKnown(name: string, network: string, now: number): boolean {
    const sql = "SELECT 1 FROM known_networks WHERE account = ? AND network = ? AND at > ? AND at <= ?";
    return (
      guardStorage(this.#db, () =>
        this.#db.prepare(sql).get(...wholeNumbers([name, network, now - KNOWN_SECONDS, now])),
      ) !== undefined
    );
  }

  /** Of a name since a time, until now. */
  #failures(
    condition: string,
    values: readonly [name: string, since: number, now: number, ...more: string[]],
  ): Failures {
    const sql = `SELECT count(*) AS n, min(at) AS first, max(at) AS last FROM sign_in_failures
      WHERE name = ? AND at > ? AND at <= ? AND ${condition}`;
    return guardStorage(this.#db, () => this.#db.prepare<unknown[], Failures>(sql).get(...wholeNumbers(values))!);
  }

  #run(sql: string, values: readonly unknown[]): void {
    guardStorage(this.#db, () => this.#db.prepare(sql).run(...wholeNumbers(values)));
  }

  #transaction<T>(work: () => T): T {
    return guardStorage(this.#db, () => this.#db.transaction(work).immediate());
  }
}
