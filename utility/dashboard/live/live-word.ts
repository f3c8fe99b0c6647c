/** What the badge above every page says of how fresh its values are. Pure. */
import type { Tone } from "../ui/parts.tsx";

export interface LiveWord {
  readonly tone: Tone;
  readonly word: string;
  readonly title: string;
}

/** `broker`: as the server's health has it; undefined while it is not known. */
export function liveWord(stream: "connecting" | "live" | "away", broker: "ok" | "away" | undefined): LiveWord {
  if (stream === "away")
    return { tone: "bad", word: "Not live", title: "The stream of events broke off: reload the page" };
  if (stream === "connecting") {
    return { tone: "warn", word: "Connecting", title: "Values may be old until the stream of events is there" };
  }
  return broker === "away"
    ? { tone: "bad", word: "No broker", title: "The server hears nothing of the system: values are those from before" }
    : { tone: "good", word: "Live", title: "Values change as the system does" };
}

/** Whether a state of the grid is to be called old: it says so itself, or nothing newer could come. */
export function isOld(
  stream: "connecting" | "live" | "away",
  broker: "ok" | "away" | undefined,
  stale: boolean,
): boolean {
  return stale || stream !== "live" || broker === "away";
}
