/**
 * Keeps a round's record: durable first, then believed. Whoever may be waiting for a person's attention is told when a
 * round begins to wait, goes on again, or fails.
 */
import type { Patience } from "./patience.ts";
import type { RoundRecord } from "./record.ts";
import type { Refusal } from "./refusals.ts";
import type { RoundOutcome, RoundPorts } from "./round-ports.ts";

export class Keeper {
  #record: RoundRecord;
  readonly #aggregators: readonly number[];
  readonly #ports: Pick<RoundPorts, "save" | "finish" | "notify" | "mayAnswer">;
  readonly #patience: Patience;
  readonly #refusals: ReadonlyMap<number, Refusal>;

  constructor(
    record: RoundRecord,
    aggregators: readonly number[],
    ports: Pick<RoundPorts, "save" | "finish" | "notify" | "mayAnswer">,
    patience: Patience,
    refusals: ReadonlyMap<number, Refusal>,
  ) {
    this.#record = record;
    this.#aggregators = aggregators;
    this.#ports = ports;
    this.#patience = patience;
    this.#refusals = refusals;
  }

  get record(): RoundRecord {
    return this.#record;
  }

  async save(record: RoundRecord): Promise<void> {
    const resumed = this.#record.status === "waiting" && record.status !== "waiting";
    await this.#ports.save(record);
    this.#record = record;
    if (resumed) this.#ports.notify(record);
  }

  async finish(record: RoundRecord, outcome: RoundOutcome): Promise<void> {
    const notable = this.#record.status === "waiting" || record.state === "failed";
    await this.#ports.finish(record, outcome);
    this.#record = record;
    if (notable) this.#ports.notify(record);
  }

  /** Too few have answered. Becomes a wait once nobody is left who may answer soon. */
  async waitFor(what: string, got: number, needed: number): Promise<void> {
    if (!this.#patience.enough(() => false)) return;
    const silent = this.#aggregators.filter((one) => !this.#ports.mayAnswer(one));
    const gone = silent.length > 0 ? `; offline: ${silent.map((one) => `a-${one}`).join(", ")}` : "";
    const refused = [...this.#refusals].map(([one, { code, detail }]) => `a-${one} refuses (${code}: ${detail})`);
    const refusals = refused.length > 0 ? `; ${refused.join(", ")}` : "";
    await this.waitBecause(`${got} of the ${needed} ${what} that are needed${gone}${refusals}`);
  }

  async waitBecause(reason: string): Promise<void> {
    if (this.#record.status === "waiting" && this.#record.reason === reason) return;
    await this.save({ ...this.#record, status: "waiting", reason });
    this.#ports.notify(this.#record);
  }
}
