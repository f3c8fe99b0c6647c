/** How a round ended, in a word for people. */
import type { Item } from "../api/client.ts";
import type { Tone } from "../ui/parts.tsx";

type Stated = Pick<Item<"listRounds">, "status" | "sets" | "reason">;

export interface RoundWord {
  readonly tone: Tone;
  readonly word: string;
  /** More of it, where there is more to say. */
  readonly why: string | undefined;
}

export function roundWord({ status, sets, reason }: Stated): RoundWord {
  const why = reason === "" ? undefined : reason;
  // It ended as it should, but no set was ever fixed: nothing came out that could be final.
  if (status === "final" && sets === 0) {
    return { tone: "plain", word: "empty", why: why ?? "No set of meters came about: there was nothing to add up" };
  }
  if (status === "final") return { tone: "good", word: status, why };
  return { tone: status === "open" || status === "waiting" ? "info" : "bad", word: status, why };
}
