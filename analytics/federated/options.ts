/** What a campaign of federated learning is asked for: one schema, with defaults, its fields checked against each other. */
import { z } from "zod";
import { MODEL_KINDS, OBJECTIVES } from "../../learning/index.ts";
import { roundId } from "../../protocol/names.ts";

const count = z.int().min(1).max(1_000_000);

export const campaignOptions = z
  .strictObject({
    /** Its name in announcements and in the log. */
    campaign: roundId.default("forecast"),
    kind: z.enum(MODEL_KINDS).default("linear"),
    /** `median` serves households, `energy` sums over them (linear model only). */
    objective: z.enum(OBJECTIVES).default("median"),
    /** Units of the hidden layer of networks. */
    hidden: z.int().min(1).max(1_024).default(16),
    rounds: z.int().min(1).max(10_000).default(30),
    /** Homes that may take part: the most in a set. */
    homes: z.int().min(2).max(1_000_000),
    /** Fewest homes of a set that is opened; noise is divided among these, less the colluders. */
    minMeters: z.int().min(2).max(1_000_000),
    /** Homes of a set that may tell their noise. */
    colluders: z.int().min(0).max(1_000_000).default(0),
    /** Of the whole campaign, for each home; null is without noise. */
    epsilon: z.number().positive().max(1_000).nullable().default(8),
    delta: z.number().positive().max(0.1).default(1e-5),
    mechanism: z.enum(["skellam", "discrete-gaussian"]).default("skellam"),
    /** Greatest Euclidean norm of a home's change of weights. */
    clip: z.number().positive().max(1_000).default(0.05),
    /** Of a coordinate with its sign, at most; fewer where the noise leaves no use for more. */
    bits: z.int().min(2).max(32).default(16),
    /** `norm`: homes prove that their integers are within the bound that honest ones need; it takes far more bytes. */
    bound: z.enum(["none", "norm"]).default("none"),
    /** With a bound: whether the model moves by a sum in which it was not proved of all homes. */
    unproved: z.enum(["take", "skip"]).default("take"),
    /** Coordinates in a field element; as many as fit when left out. */
    lanes: z.int().min(1).max(30).optional(),
    /** Passes over a home's rows in a round. */
    epochs: z.int().min(1).max(1_000).default(1),
    batchSize: z.int().min(1).max(65_536).default(64),
    learningRate: z.number().positive().max(100).default(0.1),
    /** FedProx; 0 is FedAvg. */
    mu: z.number().min(0).max(1_000).default(0),
    /** Rows that a home draws from its history for a round. */
    rows: count.default(256),
    serverLearningRate: z.number().positive().max(100).default(1),
    serverMomentum: z.number().min(0).max(0.999).default(0.7),
    /** The model is the mean over this part of the rounds, the last ones: that costs no privacy and takes noise out. */
    averaged: z.number().min(0).max(1).default(0.4),
    /** Chance of each home to take part in a round. Who took part is known, so it makes nothing more private. */
    rate: z.number().gt(0).max(1).default(1),
    slotSeconds: z.int().positive().default(900),
    timezone: z.string().default("Europe/Berlin"),
    seed: z.int().min(0).max(0x7fff_ffff).default(1),
  })
  .superRefine((options, context) => {
    const check = (holds: boolean, path: string, message: string): void => {
      if (!holds) context.addIssue({ code: "custom", path: [path], message });
    };
    const { minMeters, homes, colluders, kind, objective } = options;
    check(minMeters <= homes, "minMeters", `expected at most the ${homes} homes, got ${minMeters}`);
    check(colluders < minMeters, "colluders", `expected fewer than minMeters (${minMeters}), got ${colluders}`);
    check(kind === "linear" || objective === "median", "objective", "energy is for the linear model");
  });

export type CampaignOptions = z.infer<typeof campaignOptions>;
/** With defaults still to be filled in. */
export type CampaignInput = z.input<typeof campaignOptions>;

/** Fills in defaults. Throws RangeError that names every fault with its field. */
export function campaignOf(input: CampaignInput): CampaignOptions {
  const parsed = campaignOptions.safeParse(input);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  throw new RangeError(faults.join("; "));
}
