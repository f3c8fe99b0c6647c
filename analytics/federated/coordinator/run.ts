/** The coordinator as a process: analytics' keys, a connection, a database; at the end a model and what it is worth. */
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openParty } from "../../../config/keys/index.ts";
import { makeFolder } from "../../../config/runtime/folders.ts";
import { connectLink } from "../../../config/runtime/link.ts";
import { Refusals } from "../../../config/runtime/refusals.ts";
import { EXIT, type RoleContext, UsageError } from "../../../config/runtime/role-command.ts";
import { announceReady } from "../../../config/runtime/role-report.ts";
import { createSimClockFeed } from "../../../config/runtime/sim-clock-feed.ts";
import { ReadingsError } from "../../../billing/readings-file.ts";
import { type Backend, openBackend, saveModel, WeatherError } from "../../../learning/index.ts";
import { signAnnouncement } from "../../../protocol/learning/index.ts";
import { filterOf, topicOf } from "../../../protocol/topics.ts";
import { Campaign, type HistoryEntry } from "../campaign.ts";
import { startOf } from "../start.ts";
import { type CampaignState, CampaignStore } from "./campaign-store.ts";
import { Coordinator } from "./coordinator.ts";
import { forecasterOf, Judge, type Verdict } from "./judge.ts";
import { type CoordinatorPlan, readPlan } from "./plan.ts";

const POLL_MILLISECONDS = 50;

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
  readonly minMeters: number;
  readonly epsilon: number | null;
  readonly history: readonly HistoryEntry[];
  readonly verdict: Verdict | undefined;
}

export async function runCoordinator(context: RoleContext): Promise<number> {
  const { config, log, signal, options } = context;
  const plan = readPlan(String(options["plan"]));
  const folder = join(config.paths.data, "learning");
  makeFolder(folder, { mode: 0o700 });
  let opened: Promise<Backend> | undefined;
  const backend = (): Promise<Backend> => (opened ??= openBackend());
  const judge = await Judge.open(plan, backend).catch(usage);
  const store = new CampaignStore(join(folder, "coordinator.db"));
  const state = await stateOf(store, plan, backend);
  const party = openParty(join(config.paths.data, "keys", "analytics"));
  const { signKey } = party;
  if (signKey === undefined) throw new UsageError("keys/analytics: the signing key is missing");
  const signer = { id: party.id, signKey };
  const refusals = new Refusals({ log, intervalSeconds: config.logging.refusalSeconds });
  const feed = createSimClockFeed({ config, directory: party.directory, refusals });
  const result = filterOf("learnResult");
  const link = await connectLink({
    ...{ party, log, signal, settings: config.link, alone: true },
    host: config.broker.host,
    port: config.broker.tlsPort,
    subscriptions: [result, ...feed.subscriptions],
    onMessage: (topic, payload) => {
      if (!feed.accept(topic, payload) && topic === result) coordinator.take(payload);
    },
  });
  const coordinator: Coordinator = new Coordinator(state, plan, {
    now: () => feed.clock.now(),
    monotonic: () => performance.now() / 1_000,
    save: (saved) => store.save(saved),
    sign: (content) => signAnnouncement(content, signer),
    announce: (payload) => link.send(topicOf("learnAnnounce", {}), payload),
    validate: judge && ((campaign) => judge.validate(campaign)),
    announced: (round, { step, closesAt }) => {
      log.info({ round, step, closesAt }, "announces a round");
      tell({ type: "announced", round, step, closesAt });
    },
    settled: ({ entry, reason }) => {
      log.info({ ...entry, reason }, reason === undefined ? "moved the model" : "nothing was opened");
      tell({ type: "settled", entry, reason });
    },
    refused: (code, detail) => refusals.count(code, detail),
  });
  announceReady({ id: party.id });
  const { campaign } = coordinator;
  tell({ type: "campaign", rounds: campaign.options.rounds, history: campaign.history });
  await untilOver(coordinator, signal);
  await coordinator.idle();
  await link.close();
  store.close();
  refusals.flush();
  if (!coordinator.isOver) return EXIT.interrupted;
  const file = await report(folder, campaign, judge, backend);
  log.info({ file }, "the campaign is over");
  tell({ type: "done", file });
  // Whoever watches over this process would start it again.
  if (process.send !== undefined && !signal.aborted) {
    await new Promise((wake) => signal.addEventListener("abort", wake, { once: true }));
  } else if (process.send === undefined) process.stdout.write(`${file}\n`);
  return EXIT.ok;
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

async function untilOver(coordinator: Coordinator, signal: AbortSignal): Promise<void> {
  while (!coordinator.isOver && !signal.aborted) {
    coordinator.poll();
    await new Promise((wake) => setTimeout(wake, POLL_MILLISECONDS));
  }
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
