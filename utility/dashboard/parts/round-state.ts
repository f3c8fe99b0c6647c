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

/** What a round is about: a span of time, or the vectors of all homes, which are of no time and have an id for a feeder. */
export function roundAbout({
  purpose,
  feeder,
  from,
  to,
  openedAt,
}: Pick<Item<"listRounds">, "purpose" | "feeder" | "from" | "to" | "openedAt">): {
  readonly of: string;
  readonly from: number;
  readonly to: number | undefined;
  /** It is when it was asked. */
  readonly asked: boolean;
} {
  return purpose === "vector"
    ? { of: feeder.slice(0, 8), from: openedAt, to: undefined, asked: true }
    : { of: feeder, from, to, asked: false };
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
