/** What the meters of a host share when they encrypt: keys, the clock that says when a window is over, and counters. */
import type { Config } from "../../config/index.ts";
import type { Party } from "../../config/keys/index.ts";
import { systemClock } from "../../config/runtime/clock.ts";
import type { SqliteDatabase } from "../../config/runtime/database.ts";
import type { Logger } from "../../config/runtime/logger.ts";
import { Refusals } from "../../config/runtime/refusals.ts";
import { createSimClockFeed, SIM_CLOCK_TOPIC, type SimClockFeed } from "../../config/runtime/sim-clock-feed.ts";
import { bulkTurns } from "../../hardware/agent/bulk/index.ts";
import {
  type CiphertextAgentEvents,
  type CiphertextProcess,
  openCiphertexts,
} from "../../hardware/agent/ciphertexts/index.ts";
import type { Outbox } from "../../hardware/agent/index.ts";
import type { CiphertextProgress } from "./host-messages.ts";

export interface HostCiphertextsOptions {
  readonly config: Config;
  readonly database: SqliteDatabase;
  readonly outbox: Outbox;
  readonly log: Logger;
  readonly monotonic: () => number;
  /** Up to when simulated meters were read, in Unix seconds: so long it has been whatever the clock has said. */
  readonly readUpTo: () => number;
}

export class HostCiphertexts {
  /** Of the host's meters, for their second connections. */
  readonly turns = bulkTurns();
  readonly #options: HostCiphertextsOptions;
  readonly #counters = { made: 0, settled: 0, refused: 0, bytes: 0, milliseconds: 0 };
  #clock: SimClockFeed | undefined;
  #shared: CiphertextProcess | undefined;

  constructor(options: HostCiphertextsOptions) {
    this.#options = options;
  }

  /** What one of the meters subscribes to for all. */
  get subscriptions(): readonly string[] {
    const { homomorphic, simulation } = this.#options.config;
    return homomorphic.enabled && simulation.enabled ? [SIM_CLOCK_TOPIC] : [];
  }

  /** Takes a message if it is a tick of the clock. */
  accept(topic: string, payload: Uint8Array): boolean {
    return this.#clock?.accept(topic, payload) ?? false;
  }

  /** Made with the first meter's keys; undefined where nothing is encrypted. */
  sharedFor(party: Party): CiphertextProcess | undefined {
    if (this.#clock !== undefined) return this.#shared;
    const { config, database, outbox, log, monotonic, readUpTo } = this.#options;
    const refusals = new Refusals({ log, intervalSeconds: config.logging.refusalSeconds });
    const feed = createSimClockFeed({ config, directory: party.directory, refusals });
    const now = (): number => (feed.clock === systemClock ? systemClock.now() : Math.max(feed.clock.now(), readUpTo()));
    this.#clock = feed;
    this.#shared = openCiphertexts({
      ...{ config, party, database, outbox, monotonic, now },
      warn: (message) => log.warn(message),
    });
    return this.#shared;
  }

  events(): CiphertextAgentEvents {
    const { log } = this.#options;
    const counters = this.#counters;
    return {
      ciphertext: (meter, event) => {
        if (event.code === "made") {
          counters.made += 1;
          counters.milliseconds += event.milliseconds ?? 0;
        } else if (event.code === "settled") counters.settled += 1;
        else {
          counters.refused += 1;
          log.warn({ meter, ...event }, "ciphertext");
        }
      },
      refused: (meter, error) => log.warn({ meter, err: error }, "refused"),
    };
  }

  /** Bytes went out on a second connection. */
  bulkSent(bytes: number): void {
    this.#counters.bytes += bytes;
  }

  /** Undefined where nothing is encrypted. `waiting`: of all meters together. */
  progress(waiting: () => number): CiphertextProgress | undefined {
    if (this.#shared === undefined) return undefined;
    return { waiting: waiting(), ...this.#counters, milliseconds: Math.round(this.#counters.milliseconds) };
  }

  /** After the meters are closed. */
  async close(): Promise<void> {
    await this.#shared?.close();
  }
}
