/** How far the homes of a process are with each round. */
import type { LearningEvent } from "../../hardware/agent/learning/index.ts";
import type { Silence } from "./drop-outs.ts";
import type { HomesMessage } from "./messages.ts";

const NO_FAULT = new Set(["made", "settled", "not-ready", "closed"]);
/** Announcements of a round of before may still be under way when the next one begins. */
const ROUNDS = 8;

interface Round {
  readonly finished: Set<string>;
  readonly refused: Record<string, number>;
}

export class Progress {
  readonly #rounds = new Map<string, Round>();
  readonly #changed = new Set<string>();

  told(home: string, { round, code, who }: LearningEvent, silence: Silence | undefined): void {
    const { finished, refused } = this.#change(round);
    if (!NO_FAULT.has(code)) refused[code] = (refused[code] ?? 0) + 1;
    // One aggregator's answer is not the end of it; and who is cut off is never answered by all.
    if (who === undefined && (code !== "made" || silence === "cut")) finished.add(home);
  }

  /** This home will do nothing in the round. */
  finished(home: string, round: string): void {
    if (this.#rounds.get(round)?.finished.has(home) !== true) this.#change(round).finished.add(home);
  }

  /** Of every round that something has changed in since. */
  messages(): HomesMessage[] {
    const rounds = [...this.#changed];
    this.#changed.clear();
    return rounds.map((round) => {
      const { finished, refused } = this.#rounds.get(round)!;
      return { type: "homes", round, finished: finished.size, refused: { ...refused } };
    });
  }

  #change(name: string): Round {
    const known = this.#rounds.get(name);
    const round = known ?? { finished: new Set<string>(), refused: {} };
    if (known === undefined) this.#rounds.set(name, round);
    this.#changed.add(name);
    for (const oldest of this.#rounds.keys()) {
      if (this.#rounds.size <= ROUNDS) break;
      this.#rounds.delete(oldest);
      this.#changed.delete(oldest);
    }
    return round;
  }
}
