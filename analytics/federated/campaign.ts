/**
 * A campaign of federated learning, without its surroundings: it says what the next round asks of homes, and takes what was
 * opened of it, a sum over homes. It sees no update. Whoever runs it announces, collects, and keeps the state.
 */
import { z } from "zod";
import { type Objective, FEATURES, weightsText } from "../../learning/index.ts";
import { reach, type RoundContent } from "../../protocol/learning/index.ts";
import { campaignOf, type CampaignInput, campaignOptions, type CampaignOptions } from "./options.ts";
import { type Encoding, epsilonSpent, planRounds } from "./round-plan.ts";

/** A model to begin with. */
export interface Start {
  /** As tfjs writes a layers model; for the linear model what it is in those terms. */
  readonly topology: Readonly<Record<string, unknown>>;
  readonly weights: ArrayLike<number>;
}

const entry = z.strictObject({
  step: z.int().min(0),
  /** Id of the round, where it had one. */
  round: z.string().optional(),
  /** Homes in the set; 0 when it was not opened. */
  homes: z.int().min(0),
  /** Euclidean norms: of the mean update, noise and all, and of what the model moved by. */
  updateNorm: z.number(),
  movedNorm: z.number(),
  /** Of all rounds announced so far, as homes charge it; null without noise. */
  epsilon: z.number().nullable(),
  /** Of a round with a bound: homes in the set that are proved to be within it, those that are not, and those beyond it. */
  bound: z.strictObject({ proved: z.int().min(0), unproved: z.int().min(0), leftOut: z.int().min(0) }).optional(),
  /** Mean absolute error wherever it was measured, with its unit. */
  validation: z.strictObject({ of: z.string(), maeWh: z.number() }).optional(),
});
/** What became of one round. */
export type HistoryEntry = z.infer<typeof entry>;

const state = z.strictObject({
  v: z.literal(1),
  options: campaignOptions,
  topology: z.record(z.string(), z.unknown()),
  /** Doubles, little endian, base64: a resumed run goes on with the same bits. */
  weights: z.base64(),
  velocity: z.base64(),
  sum: z.base64(),
  summed: z.int().min(0),
  history: z.array(entry),
});

/** What a round opened. */
export interface OpenedSum {
  readonly round?: string | undefined;
  /** Homes in the agreed set. */
  readonly homes: number;
  /** Integers, as they come out of the lanes. */
  readonly sum: ArrayLike<number>;
  readonly bound?: HistoryEntry["bound"];
}

const MEAN_POWER_W = 500;
const SECONDS_OF_HOUR = 3_600;

export class Campaign {
  readonly options: CampaignOptions;
  readonly encoding: Encoding;
  private readonly topology: Readonly<Record<string, unknown>>;
  private readonly current: Float64Array;
  private readonly velocity: Float64Array;
  private readonly sum: Float64Array;
  private summed = 0;
  private readonly past: HistoryEntry[] = [];

  /** Throws RangeError for options that cannot be, naming each. */
  constructor(input: CampaignInput, { topology, weights }: Start) {
    this.options = campaignOf(input);
    this.encoding = planRounds(this.options, weights.length);
    this.topology = topology;
    this.current = Float64Array.from(weights);
    this.velocity = new Float64Array(weights.length);
    this.sum = new Float64Array(weights.length);
  }

  /** Goes on where `toJSON` was called. Throws RangeError for what it is not. */
  static resume(json: unknown): Campaign {
    const parsed = state.safeParse(json);
    if (!parsed.success) throw new RangeError(`campaign: ${z.prettifyError(parsed.error).replaceAll(/\s+/g, " ")}`);
    const { options, topology, summed, history } = parsed.data;
    const campaign = new Campaign(options, { topology, weights: doublesOf(parsed.data.weights) });
    for (const name of ["velocity", "sum"] as const) {
      const values = doublesOf(parsed.data[name]);
      if (values.length !== campaign.current.length) {
        throw new RangeError(`campaign: expected ${campaign.current.length} numbers in ${name}, got ${values.length}`);
      }
      campaign[name].set(values);
    }
    campaign.summed = summed;
    campaign.past.push(...history);
    return campaign;
  }

  toJSON(): z.infer<typeof state> {
    const { options, topology, summed, past } = this;
    const [weights, velocity, sum] = [this.current, this.velocity, this.sum].map(textOf) as [string, string, string];
    return { v: 1, options, topology, weights, velocity, sum, summed, history: [...past] };
  }

  /** The round to come, from 0 on. */
  get step(): number {
    return this.past.length;
  }

  get isOver(): boolean {
    return this.step >= this.options.rounds;
  }

  get history(): readonly HistoryEntry[] {
    return this.past;
  }

  /** Weights that the next round starts from. */
  get weights(): Float32Array {
    return Float32Array.from(this.current);
  }

  /** Weights of the model so far: the mean over the last rounds, or those of the moment before these. */
  get model(): Float32Array {
    return this.summed === 0 ? this.weights : Float32Array.from(this.sum, (value) => value / this.summed);
  }

  /** The next round's content; `closesAt` in Unix seconds. Throws RangeError when the campaign is over. */
  content(closesAt: number): RoundContent {
    const { options, step } = this;
    if (this.isOver) throw new RangeError(`step: the campaign has ${options.rounds} rounds, and they are over`);
    const { epochs, batchSize, learningRate, mu, rows, rate, kind, objective, slotSeconds, timezone } = options;
    const unitWh = (MEAN_POWER_W * slotSeconds) / SECONDS_OF_HOUR;
    const features = { kind, objective: objective satisfies Objective, names: [...FEATURES], slotSeconds, timezone };
    return {
      v: 1,
      campaign: options.campaign,
      step,
      task: {
        type: "train",
        model: { topology: this.topology as JsonObject, weights: weightsText(this.current) },
        features: { ...features, rows, unitWh, rate },
        ...{ epochs, batchSize, learningRate, mu },
        seed: (options.seed * 65_537 + step) % 2 ** 32,
      },
      closesAt,
      ...this.encoding,
    };
  }

  /**
   * Takes what the round opened. Throws RangeError for a set or a coordinate that no honest round has, and for homes without
   * a proof where the campaign skips those: the model stays as it was, and so does the round.
   */
  apply({ round, homes, sum, bound }: OpenedSum): HistoryEntry {
    const { minMeters, maxMeters, vector } = this.encoding;
    if (!(Number.isInteger(homes) && homes >= minMeters && homes <= maxMeters)) {
      throw new RangeError(`homes: expected a set of ${minMeters} to ${maxMeters}, got ${homes}`);
    }
    if (sum.length !== vector.length)
      throw new RangeError(`sum: expected ${vector.length} integers, got ${sum.length}`);
    if (this.options.unproved === "skip" && bound !== undefined && bound.unproved > 0) {
      throw new RangeError(`bound: not proved of ${bound.unproved} of ${homes} homes`);
    }
    const most = reach(this.encoding, homes);
    for (let i = 0; i < sum.length; i += 1) {
      if (Number.isInteger(sum[i]) && Math.abs(sum[i]!) <= most) continue;
      throw new RangeError(`sum[${i}]: expected an integer within ${most} for ${homes} homes, got ${sum[i]}`);
    }
    return this.move(
      Float64Array.from(sum, (value) => value / (vector.scale * homes)),
      homes,
      { round, bound },
    );
  }

  /** A mean update that came another way than as a sum of the protocol: other schemes, to compare with. */
  move(mean: Float64Array, homes: number, about: Pick<OpenedSum, "round" | "bound"> = {}): HistoryEntry {
    if (this.isOver) throw new RangeError(`step: the campaign has ${this.options.rounds} rounds, and they are over`);
    const { serverMomentum, serverLearningRate, rounds, averaged } = this.options;
    for (const [i, value] of mean.entries()) {
      this.velocity[i] = serverMomentum * this.velocity[i]! + value;
      this.current[i]! += serverLearningRate * this.velocity[i];
    }
    if (this.step >= Math.round(rounds * (1 - averaged))) {
      for (const [i, value] of this.current.entries()) this.sum[i]! += value;
      this.summed += 1;
    }
    return this.note(homes, norm(mean), serverLearningRate * norm(this.velocity), about);
  }

  /** A round that was announced and not opened: too few homes, or no agreement. Homes have paid for it all the same. */
  skip(round?: string): HistoryEntry {
    if (this.isOver) throw new RangeError(`step: the campaign has ${this.options.rounds} rounds, and they are over`);
    return this.note(0, 0, 0, { round });
  }

  /** What a model of the last round was worth, measured by whoever has something to measure it on. */
  validated(of: string, maeWh: number): void {
    const last = this.past.pop();
    if (last === undefined) throw new RangeError("validation: no round is over yet");
    this.past.push({ ...last, validation: { of, maeWh } });
  }

  private note(
    homes: number,
    updateNorm: number,
    movedNorm: number,
    { round, bound }: Pick<OpenedSum, "round" | "bound">,
  ): HistoryEntry {
    const epsilon = epsilonSpent(this.encoding, this.step + 1, this.options.delta) ?? null;
    const about = { ...(round === undefined ? {} : { round }), ...(bound === undefined ? {} : { bound }) };
    const added = { step: this.step, ...about, homes, updateNorm, movedNorm, epsilon };
    this.past.push(added);
    return added;
  }
}

type JsonObject = Extract<RoundContent["task"], { type: "train" }>["model"]["topology"];

function norm(values: Float64Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}

function textOf(values: Float64Array): string {
  const view = new DataView(new ArrayBuffer(8 * values.length));
  for (const [i, value] of values.entries()) view.setFloat64(8 * i, value, true);
  return Buffer.from(view.buffer).toString("base64");
}

function doublesOf(text: string): Float64Array {
  const bytes = Buffer.from(text, "base64");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Float64Array.from({ length: Math.floor(bytes.length / 8) }, (_, i) => view.getFloat64(8 * i, true));
}
