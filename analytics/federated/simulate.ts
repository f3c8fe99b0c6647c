/**
 * A campaign inside one process, over homes that are data: rounds with drop-outs, the schemes that it is compared with, and
 * what the model is worth on days and homes that it has not seen.
 */
import { type Backend, localUpdate, modelOf, type TrainingTask, weightsText } from "../../learning/index.ts";
import { seededBytes } from "../../protocol/ckks/ring/sample.ts";
import { elementsOf, normBound, roundContent, type RoundContent } from "../../protocol/learning/index.ts";
import { DiscreteGaussian, RandomBits, rationalAtLeast } from "../../protocol/noise/index.ts";
import { calibrateGaussian } from "../privacy/calibrate.ts";
import { Campaign, type HistoryEntry } from "./campaign.ts";
import { type Score, score, validationError } from "./evaluate.ts";
import { homeNoise, type NoiseSource } from "../../protocol/learning/index.ts";
import type { Population, SimulatedHome } from "./homes.ts";
import type { CampaignInput } from "./options.ts";
import { type DropOuts, openSum, present } from "./rounds.ts";
import { startOf } from "./start.ts";

/**
 * Who adds noise. `distributed`: each home its part, as the protocol has it (none where epsilon is null). `central`: one that
 * all trust with their updates. `local`: each home enough for itself alone.
 */
export const MODES = ["distributed", "central", "local"] as const;
export type Mode = (typeof MODES)[number];

export interface SimulationOptions {
  readonly campaign: CampaignInput;
  readonly mode: Mode;
  readonly dropOuts: DropOuts;
  /** Validates after every so many rounds; 0 is never. */
  readonly validateEvery: number;
  /** Homes that fine-tune the model for themselves afterwards; 0 is none. */
  readonly personalised: number;
}

export interface Environment {
  readonly backend: () => Promise<Backend>;
  readonly onRound?: ((done: number, of: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface SimulationResult {
  readonly parameters: number;
  readonly history: readonly HistoryEntry[];
  /** Rounds whose set was too small to be opened. */
  readonly unopened: number;
  /** Of the whole campaign for each home; null without noise. */
  readonly epsilon: number | null;
  /** Of the noise in each coordinate of the mean update, over the clip. */
  readonly noiseOverClip: number;
  readonly bits: number;
  readonly lanes: number;
  /** What a home sends in a round at n = 3, t = 2, and what its update is as float32. */
  readonly uploadBytes: number;
  readonly plainBytes: number;
  /** Days that nobody trained on: of homes that took part, of homes that never did, of the sum over all homes. */
  readonly homes: Score;
  readonly unseen: Score | undefined;
  readonly feeder: Score;
  readonly personalised: { readonly homes: number; readonly globalWh: number; readonly ownWh: number } | undefined;
}

const ELEMENT_BITS = 61;
const SEED_BYTES = 32;

/** What a home sends in a round to three aggregators of which two open: a seed to one, packed values to the others. */
function uploadBytes(vector: RoundContent["vector"]): number {
  return SEED_BYTES + 2 * Math.ceil((elementsOf(vector) * ELEMENT_BITS) / 8);
}

/** Runs a campaign over the first `campaign.homes` of the population. Throws RangeError for options that cannot be. */
export async function simulate(
  population: Population,
  options: SimulationOptions,
  { backend, onRound, signal }: Environment,
): Promise<SimulationResult> {
  const { mode, dropOuts, validateEvery } = options;
  const { homes: count, seed = 1, epsilon = 8, kind = "linear", hidden = 16 } = options.campaign;
  if (population.homes.length < count) {
    throw new RangeError(`homes: expected at most the ${population.homes.length} there are, got ${count}`);
  }
  const homes = population.homes.slice(0, count);
  const start = await startOf({ kind, hidden, seed }, backend);
  const isOwn = mode === "distributed";
  const campaign = new Campaign({ ...options.campaign, epsilon: isOwn ? epsilon : null }, start);
  const bits = new RandomBits(seededBytes(new Uint8Array(32).fill(seed % 251), `simulation ${seed} ${mode}`));
  const trainer = kind === "linear" ? undefined : await backend();
  const noise = homeNoise(campaign.encoding, bits);
  const added = isOwn || epsilon === null ? undefined : otherNoise(campaign, mode, epsilon, bits);
  const { rounds, rate, minMeters } = campaign.options;
  let content = campaign.content(0);
  const valid = roundContent.safeParse(content);
  if (!valid.success) throw new RangeError(`campaign: ${valid.error.message}`);
  while (!campaign.isOver) {
    content = campaign.content(0);
    const there = present(homes, rate, dropOuts, bits);
    if (there.length < minMeters) campaign.skip();
    else {
      const opened = await openSum(content, there, { bits, noise, backend: trainer, signal });
      if (added === undefined) campaign.apply(opened);
      else campaign.move(meanWith(added, opened, content), opened.homes);
    }
    if (validateEvery > 0 && (campaign.step % validateEvery === 0 || campaign.step === rounds)) {
      const maeWh = await withModel(content, campaign.model, trainer, (model) => validationError(homes, model));
      campaign.validated("homes", maeWh);
    }
    onRound?.(campaign.step, rounds);
  }
  const { vector } = campaign.encoding;
  const scores = await withModel(content, campaign.model, trainer, (model) => ({
    homes: score(homes, (rows) => model.predict(rows)),
    unseen: population.unseen.length === 0 ? undefined : score(population.unseen, (rows) => model.predict(rows)),
    feeder: score([population.feeder], (rows) => model.predict(rows)),
  }));
  return {
    parameters: vector.length,
    history: campaign.history,
    unopened: campaign.history.filter((round) => round.homes === 0).length,
    epsilon: isOwn ? (campaign.history.at(-1)?.epsilon ?? null) : epsilon,
    noiseOverClip: deviation(campaign, homes.length, added) / (vector.scale * vector.clip),
    bits: vector.bits,
    lanes: vector.lanes,
    uploadBytes: uploadBytes(vector),
    plainBytes: 4 * vector.length,
    ...scores,
    personalised: await personalise(homes.slice(0, options.personalised), content, campaign.model, trainer),
  };
}

interface AddedNoise {
  readonly mode: Mode;
  /** Of one draw. */
  readonly variance: number;
  readonly source: NoiseSource;
}

/** Noise for the sum by a trusted party, or for each home's own numbers. */
function otherNoise(campaign: Campaign, mode: Mode, epsilon: number, bits: RandomBits): AddedNoise {
  const { rounds, delta, homes } = campaign.options;
  const multiplier = calibrateGaussian({ epsilon, delta, rounds, rate: 1 });
  const one = (multiplier * normBound(campaign.encoding)) ** 2;
  // Many independent discrete Gaussians this wide are one of their added variance, but for less than 1e-30.
  const variance = mode === "local" ? one * homes : one;
  return { mode, variance, source: new DiscreteGaussian(rationalAtLeast("variance", variance), bits) };
}

function meanWith(
  { source }: AddedNoise,
  { sum, homes }: { sum: number[]; homes: number },
  { vector }: RoundContent,
): Float64Array {
  return Float64Array.from(sum, (value) => (value + source.draw()) / (vector.scale * homes));
}

/** Of the mean update's noise, in integers, with all homes there. */
function deviation({ encoding }: Campaign, homes: number, added: AddedNoise | undefined): number {
  const { noise, minMeters } = encoding;
  const variance = added?.variance ?? (noise.variance * homes) / (minMeters - noise.colluders);
  return Math.sqrt(variance) / homes;
}

type Task = Extract<RoundContent["task"], { type: "train" }>;

function taskWith({ task }: RoundContent, weights: Float32Array): Task {
  if (task.type !== "train") throw new RangeError(`task: expected train, got ${task.type}`);
  return { ...task, model: { ...task.model, weights: weightsText(weights) } };
}

async function withModel<T>(
  content: RoundContent,
  weights: Float32Array,
  backend: Backend | undefined,
  use: (model: Awaited<ReturnType<typeof modelOf>>) => T,
): Promise<T> {
  const model = modelOf(taskWith(content, weights), { backend });
  try {
    return use(model);
  } finally {
    model.dispose();
  }
}

/** Found on validation days: longer or faster, homes learn their own few weeks by heart. */
const FINE_TUNING = { epochs: 4, learningRate: 0.01, mu: 0.5 } as const;

async function personalise(
  homes: readonly SimulatedHome[],
  content: RoundContent,
  weights: Float32Array,
  backend: Backend | undefined,
): Promise<SimulationResult["personalised"]> {
  if (homes.length === 0) return undefined;
  const global = taskWith(content, weights);
  const task: TrainingTask = { ...global, ...FINE_TUNING };
  const forecasts: Float32Array[] = [];
  for (const home of homes) {
    const update = await localUpdate(task, home.train, { backend });
    const own = weights.map((weight, i) => weight + (update?.[i] ?? 0));
    forecasts.push(await withModel(content, own, backend, (model) => model.predict(home.test.rows)));
  }
  const shared = await withModel(content, weights, backend, (model) => score(homes, (rows) => model.predict(rows)));
  return { homes: homes.length, globalWh: shared.maeWh, ownWh: score(homes, (_, home) => forecasts[home]!).maeWh };
}
