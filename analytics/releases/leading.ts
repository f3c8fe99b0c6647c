/**
 * What analytics asks of homes: one campaign of learning, and releases of noised loads and histograms. Homes take part in
 * one round at a time, so one is open at a time: a release goes between two rounds of the campaign.
 */
import type { Config } from "../../config/index.ts";
import type { Party } from "../../config/keys/index.ts";
import type { Logger } from "../../config/runtime/logger.ts";
import { type RoundContent, signAnnouncement } from "../../protocol/learning/index.ts";
import { filterOf, topicOf } from "../../protocol/topics.ts";
import { readResult, type RoundPorts } from "../federated/coordinator/announced-round.ts";
import { LedCampaign } from "../federated/coordinator/led-campaign.ts";
import { readPlan } from "../federated/coordinator/plan.ts";
import { signerOf } from "../federated/coordinator/signer.ts";
import { noteClock, notePresence } from "../presence.ts";
import { ReleaseDesk } from "./desk.ts";
import { releasesPlace } from "../../config/storage/place.ts";
import { type Release, ReleaseStore } from "./store.ts";

const POLL_MILLISECONDS = 50;

export interface LeadingOptions {
  readonly config: Config;
  readonly party: Party;
  readonly log: Logger;
}

/** The connection, clock and counters of whichever process does the leading. */
export interface LeadingPorts {
  /** Unix seconds; 0 while nobody has told the time. */
  readonly now: () => number;
  /** What is lost is sent again. */
  readonly send: (topic: string, payload: Uint8Array) => void;
  readonly refuse: (code: string, detail: string) => void;
}

/** What whoever started this process is told of releases, over IPC; of the campaign: `CoordinatorMessage`. */
type ReleaseMessage = {
  readonly type: "announced";
  readonly round: string;
  readonly step: number;
  readonly closesAt: number;
};

export class Leading {
  readonly subscriptions: readonly string[] = [filterOf("learnResult")];
  readonly #options: LeadingOptions;
  readonly #store: ReleaseStore;
  #ports: LeadingPorts | undefined;
  #desk!: ReleaseDesk;
  #campaign: LedCampaign | undefined;
  #timer: NodeJS.Timeout | undefined;
  #reporting: Promise<void> | undefined;
  #stopped = false;

  private constructor(options: LeadingOptions, store: ReleaseStore) {
    this.#options = options;
    this.#store = store;
  }

  /**
   * Throws UsageError for a plan that cannot be led, StorageError `locked` while another process leads.
   */
  static async open(options: LeadingOptions): Promise<Leading> {
    const { config, party, log } = options;
    const store = new ReleaseStore(releasesPlace(config), { alone: true });
    const leading = new Leading(options, store);
    try {
      const signer = signerOf(party);
      const shared: RoundPorts = {
        now: () => leading.#ports?.now() ?? 0,
        monotonic: () => performance.now() / 1_000,
        sign: (content) => signAnnouncement(content, signer),
        announce: (payload) => leading.#ports?.send(topicOf("learnAnnounce", {}), payload),
        refused: (code, detail) => leading.#ports?.refuse(code, detail),
      };
      const { announceSeconds, resultSeconds, releases, campaign } = config.analytics;
      leading.#desk = new ReleaseDesk({
        ...{ store, scheduled: releases, slotSeconds: party.directory.slotSeconds, timezone: config.system.timezone },
        timing: { announceSeconds, patienceSeconds: resultSeconds },
        ports: {
          ...shared,
          announced: (round, content) => leading.#announced(round, content),
          settled: (release) => leading.#settled(release),
        },
      });
      if (campaign !== "") {
        const plan = readPlan(`analytics.campaign ${campaign}`, campaign);
        leading.#campaign = await LedCampaign.open({ config, directory: party.directory, plan, log, ports: shared });
      }
      return leading;
    } catch (error) {
      store.close();
      throw error;
    }
  }

  /** Once there is a connection. */
  start(ports: LeadingPorts): void {
    this.#ports = ports;
    const { party, config } = this.#options;
    notePresence(this.#store.db, process.pid);
    noteClock(this.#store.db, { slotSeconds: party.directory.slotSeconds, timezone: config.system.timezone });
    this.#timer = setInterval(() => this.#poll(), POLL_MILLISECONDS);
  }

  /** Takes a message if it is a result. */
  accept(topic: string, payload: Uint8Array): boolean {
    if (topic !== this.subscriptions[0]) return false;
    if (this.#stopped) return true;
    const result = readResult(payload);
    if (result === undefined) this.#ports?.refuse("malformed-result", "a result is none");
    else {
      this.#desk.take(result);
      this.#campaign?.coordinator.takeResult(result);
    }
    return true;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#campaign?.coordinator.idle();
    await this.#reporting;
    await this.#campaign?.close();
    notePresence(this.#store.db, undefined);
    this.#store.close();
  }

  #poll(): void {
    const coordinator = this.#campaign?.coordinator;
    this.#desk.poll(coordinator?.isBusy !== true);
    if (coordinator === undefined) return;
    coordinator.poll(!this.#desk.isBusy && !this.#desk.wants);
    if (coordinator.isOver) this.#reporting ??= this.#report();
  }

  async #report(): Promise<void> {
    try {
      await this.#campaign?.report();
    } catch (err) {
      // The rounds are in the database: a restart reports again.
      this.#options.log.error({ err }, "the campaign is over, and its model cannot be saved");
    }
  }

  #announced(round: string, { campaign: name, step, closesAt, task }: RoundContent): void {
    this.#options.log.info({ round, name, step, type: task.type, closesAt }, "asks for a release");
    const message: ReleaseMessage = { type: "announced", round, step, closesAt };
    process.send?.(message);
  }

  #settled({ settings, step, state, reason, round }: Release): void {
    const { name } = settings;
    this.#options.log.info(
      { round, name, step, reason },
      state === "opened" ? "a release was opened" : "was not opened",
    );
  }
}
