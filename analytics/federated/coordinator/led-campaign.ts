/** A campaign that analytics leads, in a process of its own or beside its other work: its database, its rounds, its report. */
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../../../config/index.ts";
import { makeFolder } from "../../../config/runtime/folders.ts";
import type { Logger } from "../../../config/runtime/logger.ts";
import { UsageError } from "../../../config/runtime/role-command.ts";
import { ReadingsError } from "../../../billing/readings-file.ts";
import { type Backend, openBackend, saveModel, WeatherError } from "../../../learning/index.ts";
import type { Directory } from "../../../protocol/keys/index.ts";
import { Campaign, type HistoryEntry } from "../campaign.ts";
import { startOf } from "../start.ts";
import type { RoundPorts } from "./announced-round.ts";
import { type CampaignState, CampaignStore } from "./campaign-store.ts";
import { Coordinator } from "./coordinator.ts";
import { forecasterOf, Judge, type Verdict } from "./judge.ts";
import type { CoordinatorPlan } from "./plan.ts";

/** The user's faults. */
const USAGE = [ReadingsError, WeatherError, RangeError];

/** What whoever started this process is told, over IPC. */
export type CoordinatorMessage =
  | { readonly type: "campaign"; readonly rounds: number; readonly history: readonly HistoryEntry[] }
  | { readonly type: "announced"; readonly round: string; readonly step: number; readonly closesAt: number }
  | { readonly type: "settled"; readonly entry: HistoryEntry; readonly reason?: string | undefined }
  | { readonly type: "done"; readonly file: string };

/** The file at the end of a campaign: all of it is free of any home's data but sums with their noise, and averages. */
export interface CampaignReport {
  readonly campaign: string;
  readonly model: string;
  readonly parameters: number;
  readonly options: Campaign["options"];
  readonly noise: Campaign["encoding"]["noise"];
  readonly bound: Campaign["encoding"]["bound"];
  readonly minMeters: number;
  readonly epsilon: number | null;
  readonly history: readonly HistoryEntry[];
  readonly verdict: Verdict | undefined;
}

export interface LedCampaignOptions {
  readonly config: Config;
  /** Of this system: how many aggregators there are, and how many a proof takes. */
  readonly directory: Pick<Directory, "n" | "t">;
  readonly plan: CoordinatorPlan;
  readonly log: Logger;
  /** `announced` is this campaign's own. */
  readonly ports: Omit<RoundPorts, "announced">;
}

export class LedCampaign {
  readonly coordinator: Coordinator;
  readonly #folder: string;
  readonly #store: CampaignStore;
  readonly #judge: Judge | undefined;
  readonly #backend: () => Promise<Backend>;
  readonly #log: Logger;

  private constructor(
    { plan, log, ports }: LedCampaignOptions,
    folder: string,
    store: CampaignStore,
    state: CampaignState,
    judge: Judge | undefined,
    backend: () => Promise<Backend>,
  ) {
    this.#folder = folder;
    this.#store = store;
    this.#judge = judge;
    this.#backend = backend;
    this.#log = log;
    this.coordinator = new Coordinator(state, plan, {
      ...ports,
      save: (saved) => store.save(saved),
      validate: judge && ((campaign) => judge.validate(campaign)),
      announced: (round, { step, closesAt }) => {
        log.info({ round, step, closesAt }, "announces a round");
        tell({ type: "announced", round, step, closesAt });
      },
      settled: ({ entry, reason }) => {
        log.info({ ...entry, reason }, reason === undefined ? "moved the model" : "nothing was opened");
        tell({ type: "settled", entry, reason });
      },
    });
    const { campaign } = this.coordinator;
    tell({ type: "campaign", rounds: campaign.options.rounds, history: campaign.history });
  }

  /** Throws UsageError for readings or options that cannot be, StorageError `locked` while another process leads it. */
  static async open(options: LedCampaignOptions): Promise<LedCampaign> {
    const { config, plan } = options;
    const folder = join(config.paths.data, "learning");
    const { n, t } = options.directory;
    if (plan.campaign.bound !== "none" && n < 2 * t - 1) {
      throw new UsageError(
        `campaign.bound: a proof takes ${2 * t - 1} aggregators for a threshold of ${t}, there are ${n}`,
      );
    }
    makeFolder(folder, { mode: 0o700 });
    let opened: Promise<Backend> | undefined;
    const backend = (): Promise<Backend> => (opened ??= openBackend());
    const judge = await Judge.open(plan, backend).catch(usage);
    const store = new CampaignStore(join(folder, "coordinator.db"));
    try {
      return new LedCampaign(options, folder, store, await stateOf(store, plan, backend), judge, backend);
    } catch (error) {
      store.close();
      throw error;
    }
  }

  /** Once the campaign is over: saves the model, and returns the file that says what became of it. */
  async report(): Promise<string> {
    const file = await report(this.#folder, this.coordinator.campaign, this.#judge, this.#backend);
    this.#log.info({ file }, "the campaign is over");
    tell({ type: "done", file });
    return file;
  }

  /** Waits for what is being settled. */
  async close(): Promise<void> {
    await this.coordinator.idle();
    this.#store.close();
  }
}

function tell(message: CoordinatorMessage): void {
  process.send?.(message);
}

function usage(error: unknown): never {
  throw USAGE.some((kind) => error instanceof kind) ? new UsageError((error as Error).message) : error;
}

async function stateOf(
  store: CampaignStore,
  { campaign }: CoordinatorPlan,
  backend: () => Promise<Backend>,
): Promise<CampaignState> {
  const known = store.load(campaign.campaign);
  if (known === undefined) {
    try {
      return { campaign: new Campaign(campaign, await startOf(campaign, backend)), pending: undefined };
    } catch (error) {
      return usage(error);
    }
  }
  if (JSON.stringify(known.campaign.options) === JSON.stringify(campaign)) return known;
  const changed = Object.entries(campaign).filter(
    ([name, value]) => known.campaign.options[name as keyof typeof campaign] !== value,
  );
  throw new UsageError(
    `campaign ${campaign.campaign} was begun with another ${changed.map(([name]) => name).join(", ") || "order of options"}: ` +
      "use another data folder, or another name",
  );
}

async function report(
  folder: string,
  campaign: Campaign,
  judge: Judge | undefined,
  backend: () => Promise<Backend>,
): Promise<string> {
  const { options, encoding, history } = campaign;
  const { slotSeconds, timezone } = options;
  const verdict = await judge?.verdict(campaign);
  const target = join(folder, "model");
  const model = await forecasterOf(campaign, backend);
  try {
    // Of the days that each home has trained on nobody is told.
    const about = {
      slotSeconds,
      timezone,
      target: `${options.homes} homes, federated`,
      trainedFrom: "",
      trainedTo: "",
    };
    await saveModel(await backend(), model, target, about);
  } finally {
    model.dispose();
  }
  const made: CampaignReport = {
    campaign: options.campaign,
    model: target,
    parameters: encoding.vector.length,
    options,
    noise: encoding.noise,
    bound: encoding.bound,
    minMeters: encoding.minMeters,
    epsilon: history.at(-1)?.epsilon ?? null,
    history,
    verdict,
  };
  const file = join(folder, "campaign.json");
  writeFileSync(`${file}.next`, `${JSON.stringify(made, null, 2)}\n`);
  renameSync(`${file}.next`, file);
  return file;
}
