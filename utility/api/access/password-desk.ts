/**
 * Before passwords are checked, those who want it wait in two lines of few places: from addresses where the name was signed in
 * before, and from others. The lines take turns, so that no flood of strangers keeps the known ones out. Whoever has gone is not
 * served, and loses no thread's time.
 */
import { Problem } from "../problem.ts";
import { type Derive, hashPassword, verifyPassword } from "./passwords.ts";

export interface DeskOptions {
  readonly derive: Derive;
  /** Derivations at a time. */
  readonly passwordThreads: number;
  /** Places in each line. */
  readonly passwordsWaiting: number;
}

export interface Asker {
  readonly line: "known" | "strange";
  /** Aborted when the asker is gone. */
  readonly signal?: AbortSignal;
}

/** Seconds before another attempt is worth it. */
const RETRY_SECONDS = 2;

export class PasswordDesk {
  readonly #options: DeskOptions;
  readonly #lines: Record<Asker["line"], (() => void)[]> = { known: [], strange: [] };
  #underWay = 0;
  #last: Asker["line"] = "strange";

  constructor(options: DeskOptions) {
    this.#options = options;
  }

  /**
   * The stored hash that the password matches, if it does; `stored` is asked for it when it is the asker's turn. Throws a Problem
   * 503 where the line is full, or the asker has gone: then the password was not looked at.
   */
  async match(password: string, stored: () => string | undefined, asker: Asker): Promise<string | undefined> {
    return this.#served(asker, async () => {
      const hash = stored();
      return (await verifyPassword(password, hash, this.#options.derive)) ? hash : undefined;
    });
  }

  /** As `match`. */
  async hash(password: string, asker: Asker): Promise<string> {
    return this.#served(asker, () => hashPassword(password, this.#options.derive));
  }

  async #served<T>(asker: Asker, work: () => Promise<T>): Promise<T> {
    await this.#turn(asker);
    try {
      return await work();
    } finally {
      const other = this.#last === "known" ? "strange" : "known";
      const line = this.#lines[other].length > 0 ? other : this.#last;
      const next = this.#lines[line].shift();
      this.#last = line;
      if (next === undefined) this.#underWay -= 1;
      else next();
    }
  }

  async #turn({ line, signal }: Asker): Promise<void> {
    const gone = (): Problem => new Problem(503, "sign-in-given-up", "whoever asked has gone");
    if (signal?.aborted === true) throw gone();
    if (this.#underWay < this.#options.passwordThreads) {
      this.#underWay += 1;
      return;
    }
    const waiting = this.#lines[line];
    if (waiting.length >= this.#options.passwordsWaiting) {
      const detail = `${waiting.length} passwords wait to be checked already: try again`;
      throw new Problem(503, "sign-in-busy", detail, { retryAfter: RETRY_SECONDS });
    }
    await new Promise<void>((resolve, reject) => {
      const leave = (): void => {
        waiting.splice(waiting.indexOf(turn), 1);
        reject(gone());
      };
      const turn = (): void => {
        signal?.removeEventListener("abort", leave);
        resolve();
      };
      signal?.addEventListener("abort", leave, { once: true });
      waiting.push(turn);
    });
  }
}
