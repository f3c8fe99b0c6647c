/** Notices that another process has written to the utility's database. */
import Database from "better-sqlite3";
import { existsSync } from "node:fs";

export class ChangeWatch {
  readonly #timer: NodeJS.Timeout;
  readonly #file: string;
  readonly #changed: () => void;
  #db: Database.Database | undefined;
  #version: unknown;

  /** Calls `changed` at most every `milliseconds`. */
  constructor(file: string, changed: () => void, milliseconds: number) {
    this.#file = file;
    this.#changed = changed;
    this.#timer = setInterval(() => this.#look(), milliseconds);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#db?.close();
  }

  #look(): void {
    if (this.#db === undefined) {
      if (!existsSync(this.#file)) return;
      this.#db = new Database(this.#file, { readonly: true });
    }
    const version = this.#db.pragma("data_version", { simple: true });
    if (version === this.#version) return;
    this.#version = version;
    this.#changed();
  }
}
