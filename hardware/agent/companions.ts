/** All that shares a meter's ordinary connection, as one. */
import type { AgentCompanion } from "./agent-options.ts";

export class Companions implements AgentCompanion {
  readonly #all: AgentCompanion[] = [];

  add(companion: AgentCompanion): void {
    this.#all.push(companion);
  }

  waitsFor(aggregator: number): boolean {
    return this.#all.some((one) => one.waitsFor(aggregator));
  }

  doubts(aggregator: number): boolean {
    // Each is asked: one that doubts does so once.
    return this.#all.filter((one) => one.doubts(aggregator)).length > 0;
  }

  connected(): void {
    for (const one of this.#all) one.connected();
  }

  opened(): void {
    for (const one of this.#all) one.opened();
  }

  acknowledged(...ack: Parameters<AgentCompanion["acknowledged"]>): void {
    for (const one of this.#all) one.acknowledged(...ack);
  }

  late(...slots: Parameters<AgentCompanion["late"]>): void {
    for (const one of this.#all) one.late(...slots);
  }
}
