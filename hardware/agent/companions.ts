/** All that shares a meter's ordinary connection, as one. */
import type { AgentCompanion, CompanionPost } from "./agent-options.ts";

export class Companions implements CompanionPost, Required<Omit<AgentCompanion, "post">> {
  readonly #all: AgentCompanion[] = [];

  add(companion: AgentCompanion): void {
    this.#all.push(companion);
  }

  waitsFor(aggregator: number): boolean {
    return this.#all.some(({ post }) => post.waitsFor(aggregator));
  }

  doubts(aggregator: number): boolean {
    // Each is asked: one that doubts does so once.
    return this.#all.filter(({ post }) => post.doubts(aggregator)).length > 0;
  }

  connected(): void {
    for (const { post } of this.#all) post.connected();
  }

  opened(): void {
    for (const { post } of this.#all) post.opened();
  }

  acknowledged(...ack: Parameters<AgentCompanion["acknowledged"]>): void {
    for (const one of this.#all) one.acknowledged(...ack);
  }

  late(...slots: Parameters<Required<AgentCompanion>["late"]>): void {
    for (const one of this.#all) one.late?.(...slots);
  }
}
