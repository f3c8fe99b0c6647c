/** The sections on ciphertexts: what meters encrypt and under which parameters, and what analytics does with it. */
import { z } from "zod";
import { type CkksParameters, PARAMETER_SETS } from "../protocol/ckks/parameters.ts";
import { feederId, seriesName } from "../protocol/names.ts";
import { release } from "./schema-releases.ts";
import { flag, seconds, text, whole } from "./schema-fields.ts";

export const SET_NAMES = ["light", "standard", "strong"] as const;
export type SetName = (typeof SET_NAMES)[number];

const parameters = z.strictObject({
  degree: z.union([1024, 2048, 4096, 8192, 16_384, 32_768].map((degree) => z.literal(degree))),
  primeBits: z.array(z.int().min(2).max(60)).min(2).max(32),
  scaleBits: z.int().min(1).max(240),
});

const parameterSet = (name: SetName, description: string) => {
  const { degree, primeBits, scaleBits } = PARAMETER_SETS[name];
  return parameters.default({ degree, primeBits: [...primeBits], scaleBits }).meta({
    description,
    allowed: "`degree`, `primeBits` (the last is the special prime), `scaleBits`",
  });
};

const series = z.strictObject({
  kind: z.enum(["import", "export"]),
  set: z.enum(SET_NAMES),
  /**
   * One number for each slot: the energy, or its square. A slot without a reading is zero and absent, as in all contents.
   * `peak`: the largest energy of the window, in its first slot alone; without a reading there, none.
   * `moments`: for each slot the energy and its square, side by side.
   * `buckets`: for each slot a 1 in the bucket that the energy falls into, else 0; a window takes a slot for each.
   */
  content: z.enum(["energy", "squares", "moments", "peak", "buckets"]),
  /** Lower bounds of all buckets but the first, in Wh per slot, rising; for `buckets` only. */
  levels: z.array(z.int().min(1)).min(1).max(63).optional(),
  /** Largest reading of this series, in Wh; `homomorphic.maxReadingWh` where it is left out. */
  maxReadingWh: z.int().min(1).max(1_000_000_000).optional(),
});
export type SeriesSettings = Readonly<z.infer<typeof series>>;

export const homomorphic = z.strictObject({
  enabled: flag(false, "Meters also encrypt their readings, and analytics computes on the ciphertexts."),
  sets: z
    .array(z.enum(SET_NAMES))
    .min(1)
    .max(SET_NAMES.length)
    .default(["light", "standard"])
    .meta({
      description: "Parameter sets for which keys are dealt at enrolment.",
      allowed: `a list of ${SET_NAMES.join(", ")}`,
    }),
  light: parameterSet("light", "Parameters for sums alone: the smallest ciphertexts."),
  standard: parameterSet("standard", "Parameters for one multiplication: variance, covariance."),
  strong: parameterSet("strong", "Parameters for long products: comparisons. Keys and ciphertexts are large."),
  insecureForTests: flag(
    false,
    "Accepts parameters below 128-bit security. For tests; a production system refuses it.",
  ),
  series: z
    .record(seriesName, series)
    .refine((all) => Object.keys(all).length <= 16, "at most 16 series")
    .default({
      load: { kind: "import", set: "light", content: "energy" },
      "load-products": { kind: "import", set: "standard", content: "energy" },
    })
    .meta({
      description:
        "What a meter encrypts, by name: `energy` of each slot, its `squares`, both side by side (`moments`), the window's `peak` (in its first slot), or one-hot `buckets` with `levels` (Wh). A smaller `maxReadingWh` leaves more room: for variances of larger groups, for finer comparisons.",
      allowed:
        "a map of name to `kind` (import, export), `set`, `content`, `levels` for buckets, and its own `maxReadingWh`",
    }),
  windowDays: whole(1, 31, 1, "Local days in one ciphertext.", { unit: "days" }),
  graceSlots: whole(0, 10_000, 4, "Slots waited after the end of a window before it is computed on.", {
    unit: "slots",
  }),
  statisticalBits: whole(
    10,
    128,
    30,
    "Flooding: all openings of an epoch together are within 2^-bits (statistical distance) of telling nothing of the key.",
    { unit: "bit" },
  ),
  openings: whole(1, 100_000_000, 10_000, "Flooding: openings in the life of one key epoch.", { unit: "openings" }),
  maxMeters: whole(2, 1_000_000, 10_000, "Flooding and range: meters in the largest sum.", { unit: "meters" }),
  maxReadingWh: whole(
    1,
    1_000_000_000,
    25_000,
    "Range: a window with a larger reading is not encrypted, only shared (a series may have its own).",
    {
      unit: "Wh",
    },
  ),
  bytesPerSecond: whole(1_000, 1_000_000_000, 250_000, "What a meter sends on its second connection at most.", {
    unit: "B/s",
  }),
  outboxWindows: whole(1, 1_000, 31, "Windows of a series kept while they cannot be delivered.", { unit: "windows" }),
  resendSeconds: seconds(0.05, 3_600, 10, "Wait for an answer to a ciphertext or digest before it is sent again."),
});

const group = z.union([z.literal("fleet"), z.literal("feeders"), z.array(feederId).min(1).max(1_000)]);
const job = z.strictObject({
  circuit: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, "the name of a circuit"),
  /** All feeders together, each feeder by itself, or these together. */
  group,
  /** One, or as many as the circuit takes, in its order. */
  series: z.union([seriesName, z.array(seriesName).min(1).max(4)]).default("load"),
  /** A job for each so many windows. */
  everyWindows: z.int().min(1).max(1_000).default(1),
  /** What the circuit takes besides: public levels, weights. */
  parameters: z.record(z.string().max(32), z.unknown()).default({}),
});
export type ScheduledJob = Readonly<z.infer<typeof job>>;

export const analytics = z.strictObject({
  workers: whole(1, 64, 1, "Worker threads that compute; each has 25 MB and the evaluation keys in memory.", {
    unit: "threads",
  }),
  maxQueuedJobs: whole(1, 100_000, 256, "Jobs that may wait; more are refused.", { unit: "jobs" }),
  maxRunningJobs: whole(1, 64, 4, "Jobs under way at the same time, computing or waiting for answers.", {
    unit: "jobs",
  }),
  maxInputs: whole(1, 1_000_000, 100_000, "Ciphertexts that one job may take.", { unit: "ciphertexts" }),
  maxMemoryMiB: whole(
    64,
    1_048_576,
    1_024,
    "Memory of the process: above it jobs wait, then threads are renewed, then jobs are refused.",
    {
      unit: "MiB",
    },
  ),
  retrySeconds: seconds(0.05, 3_600, 2, "An unanswered message of a job is repeated after this."),
  answerSeconds: seconds(0.1, 86_400, 60, "Wait for enough aggregators before a job fails."),
  quietSeconds: seconds(
    0,
    86_400,
    10,
    "A window whose grace is over is computed on without the meters that lack when none has sent for this long.",
  ),
  retentionDays: whole(1, 36_500, 400, "Days that ciphertexts are kept.", { unit: "days" }),
  jobs: z
    .array(job)
    .max(1_000)
    .default([
      { circuit: "sum", group: "feeders", series: "load", everyWindows: 1, parameters: {} },
      { circuit: "mean", group: "fleet", series: "load", everyWindows: 1, parameters: {} },
      { circuit: "variance", group: "fleet", series: "load-products", everyWindows: 1, parameters: {} },
    ])
    .meta({
      description: "What is computed on its own, for each window when it is complete.",
      allowed:
        "a list of `circuit`, `group` (fleet, feeders, or a list of feeders), `series` (one, or a list), `everyWindows`, `parameters`",
    }),
  resultsFile: text("analytics_results.json", "File of opened results, in `paths.results`."),
  campaign: z
    .string()
    .default("")
    .meta({ description: "File of a campaign of learning that analytics leads (docs/learning.md); empty for none." }),
  releases: z.array(release).max(100).default([]).meta({
    description: "Noised loads and histograms that analytics asks homes for (docs/learning.md).",
    allowed:
      "a list of `name`, `type` (load, histogram), `epsilon`, `minMeters`, `clipWh` of loads, `of` and `edgesWh` of histograms; and more",
  }),
  announceSeconds: seconds(
    0.05,
    3_600,
    2,
    "The announcement of a release is repeated so often until its result is there.",
  ),
  resultSeconds: seconds(
    0.1,
    86_400,
    120,
    "A release whose result has not come so long after it closed is given up; homes have paid for it.",
  ),
});

/** The parameters of a set, with its name, as keys are made with them. */
export function parametersOf(
  settings: Readonly<Record<SetName, { degree: number; primeBits: readonly number[]; scaleBits: number }>>,
  name: SetName,
): CkksParameters {
  const { degree, primeBits, scaleBits } = settings[name];
  return { name, degree, primeBits, scaleBits };
}
