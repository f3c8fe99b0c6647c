/** Notices that another process has written to the utility's database. */
import { existsSync } from "node:fs";
import { openDatabase, type SqliteDatabase } from "../../../config/runtime/database.ts";

export class ChangeWatch {
  readonly #timer: NodeJS.Timeout;
  readonly #file: string;
  readonly #changed: () => void;
  #db: SqliteDatabase | undefined;
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
      this.#db = openDatabase(this.#file, { synchronous: "NORMAL", readonly: true });
    }
    const version = this.#db.pragma("data_version", { simple: true });
    if (version === this.#version) return;
    this.#version = version;
    this.#changed();
  }
}
