/**
 * Leads a campaign, round after round: writes a round down, announces it again and again until its result is there, and
 * moves the model by the sum that was opened. It sees sums over homes, and no update. Clock, connection and store are given.
 */
import type { Campaign, HistoryEntry, OpenedSum } from "../campaign.ts";
import { AnnouncedRound, readResult, type RoundPorts } from "./announced-round.ts";
import type { LearnResult } from "../../../protocol/learning/result.ts";
import type { CampaignState } from "./campaign-store.ts";
import type { CoordinatorPlan } from "./plan.ts";

export interface RoundEvent {
  readonly entry: HistoryEntry;
  /** Why nothing was opened. */
  readonly reason: string | undefined;
}

export interface CoordinatorPorts extends RoundPorts {
  /** Durable when it returns. */
  readonly save: (state: CampaignState) => void;
  /** What the model of now is worth, where that can be measured; in Wh per slot. */
  readonly validate?: ((campaign: Campaign) => Promise<number>) | undefined;
  readonly settled?: (event: RoundEvent) => void;
}

type RoundTiming = Pick<CoordinatorPlan, "roundSeconds" | "announceSeconds" | "patienceSeconds">;

export class Coordinator {
  readonly campaign: Campaign;
  readonly #ports: CoordinatorPorts;
  readonly #plan: RoundTiming;
  #pending: AnnouncedRound | undefined;
  /** A round is being settled: nothing else is begun. */
  #settling: Promise<void> | undefined;

  constructor(state: CampaignState, plan: RoundTiming, ports: CoordinatorPorts) {
    this.campaign = state.campaign;
    this.#plan = plan;
    this.#ports = ports;
    if (state.pending !== undefined) this.#pending = new AnnouncedRound(state.pending, plan, ports);
  }

  /** A round of it is announced, or being settled. */
  get isBusy(): boolean {
    return this.#pending !== undefined || this.#settling !== undefined;
  }

  get isOver(): boolean {
    return this.campaign.isOver && !this.isBusy;
  }

  /** Waits for what is being settled. */
  async idle(): Promise<void> {
    await this.#settling;
  }

  /** Call several times a second. `mayBegin` false: what is under way goes on, and no other round is begun. */
  poll(mayBegin = true): void {
    const { now, save } = this.#ports;
    if (this.#settling !== undefined || now() === 0) return;
    if (this.#pending === undefined) {
      if (this.campaign.isOver || !mayBegin) return;
      const content = this.campaign.content(Math.ceil(now()) + this.#plan.roundSeconds);
      save({ campaign: this.campaign, pending: content });
      this.#pending = new AnnouncedRound(content, this.#plan, this.#ports);
    }
    const { round } = this.#pending;
    if (this.#pending.poll()) this.#settle(round, () => this.campaign.skip(round), "no result came");
  }

  /** A message of the utility on the topic of results. Others' campaigns and rounds of before are passed over. */
  take(payload: Uint8Array): void {
    const result = readResult(payload);
    if (result === undefined) this.#ports.refused?.("malformed-result", "a result is none");
    else this.takeResult(result);
  }

  /** The same, read already. */
  takeResult(result: LearnResult): void {
    const outcome = this.#settling === undefined ? this.#pending?.take(result) : undefined;
    if (outcome === undefined) return;
    const { round } = result;
    if ("sum" in outcome) this.#apply({ round, homes: outcome.meters, sum: outcome.sum, bound: outcome.bound });
    else this.#settle(round, () => this.campaign.skip(round), `${outcome.status}: ${outcome.reason}`);
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
