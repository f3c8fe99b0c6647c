/** What routes are made with: where they look things up. */
import type { Config } from "../../config/index.ts";
import { StorageError } from "../../config/runtime/database.ts";
import type { LogPolicy } from "../../protocol/log/index.ts";
import { openForReading, type UtilityDatabase } from "../store/open.ts";
import type { AccessStore } from "./access/access-store.ts";
import type { PasswordDesk } from "./access/password-desk.ts";
import type { AlertEngine } from "./alerts/engine.ts";
import type { GridClient } from "./grid/grid-client.ts";
import type { LiveHub } from "./live/live-hub.ts";
import type { Dashboard } from "./dashboard/dashboard.ts";
import { Problem } from "./problem.ts";

export interface ApiContext {
  readonly config: Config;
  readonly store: AccessStore;
  readonly passwords: PasswordDesk;
  readonly utility: UtilityReader;
  readonly live: LiveHub;
  readonly alerts: AlertEngine;
  readonly grid: GridClient;
  /** By what this system believes its log. */
  readonly policy: LogPolicy;
  /** Served beside the interface, where it is wanted. */
  readonly dashboard?: Dashboard;
  /** What a simulated fleet shows of one household. */
  readonly showcaseFile?: string | undefined;
  /** Unix seconds of the wall clock: sessions, tokens and audit. */
  readonly now: () => number;
}

/** The utility's database, read beside the running utility; opened when it is there. */
export class UtilityReader {
  readonly place: string;
  #db: UtilityDatabase | undefined;

  constructor(place: string) {
    this.place = place;
  }

  /** Throws a Problem 503 while the utility has not begun, StorageError where the file cannot be read. */
  get db(): UtilityDatabase {
    if (this.#db !== undefined) return this.#db;
    try {
      this.#db = openForReading(this.place);
      return this.#db;
    } catch (error) {
      if (!(error instanceof StorageError) || error.code !== "absent") throw error;
      throw new Problem(503, "not-begun", "the utility has not begun: there is no database yet");
    }
  }

  async close(): Promise<void> {
    await this.#db?.destroy();
    this.#db = undefined;
  }
}
