/**
 * Leads a campaign, round after round: writes a round down, announces it again and again until its result is there, and
 * moves the model by the sum that was opened. It sees sums over homes, and no update. Clock, connection and store are given.
 */
import type { RoundContent } from "../../../protocol/learning/index.ts";
import { roundOf } from "../../../protocol/learning/index.ts";
import { learnResult, type LearnResult, type OpenedPart, sumOfParts } from "../../../protocol/learning/result.ts";
import type { Campaign, HistoryEntry, OpenedSum } from "../campaign.ts";
import type { CampaignState } from "./campaign-store.ts";
import type { CoordinatorPlan } from "./plan.ts";

export interface RoundEvent {
  readonly entry: HistoryEntry;
  /** Why nothing was opened. */
  readonly reason: string | undefined;
}

export interface CoordinatorPorts {
  /** Unix seconds; 0 while nobody has told the time. */
  readonly now: () => number;
  /** Seconds. */
  readonly monotonic: () => number;
  /** Durable when it returns. */
  readonly save: (state: CampaignState) => void;
  /** The payload that announces a content. */
  readonly sign: (content: RoundContent) => Uint8Array;
  /** May be lost: it is repeated. */
  readonly announce: (payload: Uint8Array) => void;
  /** What the model of now is worth, where that can be measured; in Wh per slot. */
  readonly validate?: ((campaign: Campaign) => Promise<number>) | undefined;
  readonly announced?: (round: string, content: RoundContent) => void;
  readonly settled?: (event: RoundEvent) => void;
  readonly refused?: (code: string, detail: string) => void;
}

type RoundTiming = Pick<CoordinatorPlan, "roundSeconds" | "announceSeconds" | "patienceSeconds">;

export class Coordinator {
  readonly campaign: Campaign;
  readonly #ports: CoordinatorPorts;
  readonly #plan: RoundTiming;
  #pending: { readonly content: RoundContent; readonly round: string; readonly payload: Uint8Array } | undefined;
  #parts = new Map<number, OpenedPart>();
  #announcedAt = Number.NEGATIVE_INFINITY;
  /** When this process first saw that the round had closed. */
  #closedAt: number | undefined;
  /** A round is being settled: nothing else is begun. */
  #settling: Promise<void> | undefined;

  constructor(state: CampaignState, plan: RoundTiming, ports: CoordinatorPorts) {
    this.campaign = state.campaign;
    this.#plan = plan;
    this.#ports = ports;
    if (state.pending !== undefined) this.#take(state.pending);
  }

  get isOver(): boolean {
    return this.campaign.isOver && this.#pending === undefined && this.#settling === undefined;
  }

  /** Waits for what is being settled. */
  async idle(): Promise<void> {
    await this.#settling;
  }

  /** Call several times a second. */
  poll(): void {
    const { now, monotonic, save } = this.#ports;
    if (this.#settling !== undefined || now() === 0) return;
    if (this.#pending === undefined) {
      if (this.campaign.isOver) return;
      const content = this.campaign.content(Math.ceil(now()) + this.#plan.roundSeconds);
      save({ campaign: this.campaign, pending: content });
      this.#take(content);
    }
    const { round, content, payload } = this.#pending!;
    const time = monotonic();
    if (content.closesAt <= now()) {
      this.#closedAt ??= time;
      if (time - this.#closedAt > this.#plan.patienceSeconds) {
        this.#settle(round, () => this.campaign.skip(round), "no result came");
        return;
      }
    }
    if (time - this.#announcedAt < this.#plan.announceSeconds) return;
    if (this.#announcedAt < 0) this.#ports.announced?.(round, content);
    this.#announcedAt = time;
    this.#ports.announce(payload);
  }

  /** A message of the utility on the topic of results. Others' campaigns and rounds of before are passed over. */
  take(payload: Uint8Array): void {
    let result: LearnResult;
    try {
      result = learnResult.parse(JSON.parse(Buffer.from(payload).toString()));
    } catch {
      this.#ports.refused?.("malformed-result", "a result is none");
      return;
    }
    const { round } = result;
    if (round !== this.#pending?.round || this.#settling !== undefined) return;
    if (!isOpened(result)) {
      this.#settle(round, () => this.campaign.skip(round), `${result.status}: ${result.reason}`);
      return;
    }
    this.#parts.set(result.part, result);
    if (this.#parts.size < result.parts) return;
    const parts = [...this.#parts.values()];
    this.#parts.clear();
    let sum: number[];
    try {
      sum = sumOfParts(parts);
    } catch (error) {
      // Parts of two sendings do not mix; whole ones come with the next announcement.
      this.#ports.refused?.("broken-result", (error as Error).message);
      return;
    }
    this.#apply({ round, homes: result.meters, sum, bound: result.bound });
  }

  #apply(opened: OpenedSum & { readonly round: string }): void {
    const { round } = opened;
    try {
      const entry = this.campaign.apply(opened);
      this.#settle(round, () => entry);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#settle(round, () => this.campaign.skip(round), error.message);
    }
  }

  #take(content: RoundContent): void {
    this.#pending = { content, round: roundOf(content), payload: this.#ports.sign(content) };
    this.#announcedAt = Number.NEGATIVE_INFINITY;
    this.#closedAt = undefined;
    this.#parts.clear();
  }

  #settle(round: string, move: () => HistoryEntry, reason?: string): void {
    const { validate, save, settled } = this.#ports;
    move();
    this.#settling = (async () => {
      if (reason === undefined && validate !== undefined) {
        this.campaign.validated("homes", await validate(this.campaign));
      }
      // Killed before this, the same result is asked for again, and moves the model of before in the same way.
      save({ campaign: this.campaign, pending: undefined });
      this.#pending = undefined;
      settled?.({ entry: this.campaign.history.at(-1)!, reason });
    })().finally(() => {
      this.#settling = undefined;
    });
    this.#settling.catch((error: unknown) => {
      this.#ports.refused?.("failed", `round ${round}: ${(error as Error).message}`);
      process.nextTick(() => {
        throw error;
      });
    });
  }
}

function isOpened(result: LearnResult): result is OpenedPart {
  return "sum" in result;
}
