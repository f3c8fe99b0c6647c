/**
 * One round that analytics has announced: it is announced again and again until its result is there, and the parts of the
 * result are put together. Whoever leads it has written the content down before, so that a kill changes nothing.
 */
import { type RoundContent, roundOf } from "../../../protocol/learning/index.ts";
import { type LearnResult, learnResult, type OpenedPart, sumOfParts } from "../../../protocol/learning/result.ts";

export interface RoundPorts {
  /** Unix seconds; 0 while nobody has told the time. */
  readonly now: () => number;
  /** Seconds. */
  readonly monotonic: () => number;
  /** The payload that announces a content. */
  readonly sign: (content: RoundContent) => Uint8Array;
  /** May be lost: it is repeated. */
  readonly announce: (payload: Uint8Array) => void;
  /** Before a round is announced for the first time by this process. */
  readonly announced?: ((round: string, content: RoundContent) => void) | undefined;
  readonly refused?: ((code: string, detail: string) => void) | undefined;
}

export interface RoundTiming {
  /** Seconds; an announcement is repeated so often. */
  readonly announceSeconds: number;
  /** Seconds after the round has closed until its result is given up. */
  readonly patienceSeconds: number;
}

export type RoundOutcome =
  | ({ readonly sum: number[] } & Pick<OpenedPart, "meters" | "setId" | "spareAnswers" | "settledAt" | "bound">)
  | { readonly status: string; readonly reason: string; readonly settledAt: number };

/** Reads a message of the utility on the topic of results; undefined for what is none. */
export function readResult(payload: Uint8Array): LearnResult | undefined {
  try {
    return learnResult.parse(JSON.parse(Buffer.from(payload).toString()));
  } catch {
    return undefined;
  }
}

export class AnnouncedRound {
  readonly round: string;
  readonly content: RoundContent;
  readonly #payload: Uint8Array;
  readonly #timing: RoundTiming;
  readonly #ports: RoundPorts;
  readonly #parts = new Map<number, OpenedPart>();
  #announcedAt = Number.NEGATIVE_INFINITY;
  /** When this process first saw that the round had closed. */
  #closedAt: number | undefined;

  constructor(content: RoundContent, timing: RoundTiming, ports: RoundPorts) {
    this.content = content;
    this.round = roundOf(content);
    this.#payload = ports.sign(content);
    this.#timing = timing;
    this.#ports = ports;
  }

  /** Call several times a second: announces when it is time. True once the result is to be given up. */
  poll(): boolean {
    const { now, monotonic, announced, announce } = this.#ports;
    const time = monotonic();
    if (this.content.closesAt <= now()) {
      this.#closedAt ??= time;
      if (time - this.#closedAt > this.#timing.patienceSeconds) return true;
    }
    if (time - this.#announcedAt < this.#timing.announceSeconds) return false;
    if (this.#announcedAt < 0) announced?.(this.round, this.content);
    this.#announcedAt = time;
    announce(this.#payload);
    return false;
  }

  /** What came of the round, once a result or the last part of one is there. Other rounds' are passed over. */
  take(result: LearnResult): RoundOutcome | undefined {
    if (result.round !== this.round) return undefined;
    if (!isOpened(result)) {
      const { status, reason, settledAt } = result;
      return { status, reason, settledAt };
    }
    this.#parts.set(result.part, result);
    if (this.#parts.size < result.parts) return undefined;
    const parts = [...this.#parts.values()];
    this.#parts.clear();
    try {
      const { meters, setId, spareAnswers, settledAt, bound } = result;
      return { sum: sumOfParts(parts), meters, setId, spareAnswers, settledAt, bound };
    } catch (error) {
      // Parts of two sendings do not mix; whole ones come with the next announcement.
      this.#ports.refused?.("broken-result", (error as Error).message);
      return undefined;
    }
  }
}

function isOpened(result: LearnResult): result is OpenedPart {
  return "sum" in result;
}
