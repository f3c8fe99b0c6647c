/** Noised loads and histograms that analytics asks for: what of, how often, and what each may cost a home. */
import { z } from "zod";
import { roundId } from "../protocol/names.ts";

/** Values of one release: its JSON is one message. */
const MOST_VALUES = 4_096;

const common = {
  /** Its name in announcements, in the log, in the database and in the topic of its results. */
  name: roundId,
  kind: z.enum(["import", "export"]).default("import"),
  /** Days of one release, each of 86,400 seconds from a local midnight on. */
  days: z.int().min(1).max(31).default(1),
  /** A release for each so many local days; as many as it has days where it is left out. */
  everyDays: z.int().min(1).max(366).optional(),
  /** Wait after the end of its days, for the last readings. */
  waitSeconds: z.int().min(0).max(31_622_400).default(3_600),
  /** From the announcement until it closes: homes send within it. */
  roundSeconds: z.int().min(1).max(604_800).default(600),
  /** What each release costs a home that takes part, at `delta`. */
  epsilon: z.number().min(0.05).max(100),
  delta: z.number().positive().max(0.1).default(1e-5),
  /** Fewest and most homes of a sum. */
  minMeters: z.int().min(2).max(1_000_000),
  maxMeters: z.int().min(2).max(1_000_000).default(100_000),
  /** Homes of a sum that may tell their noise; a tenth of the fewest where it is left out. */
  colluders: z.int().min(0).max(1_000_000).optional(),
  mechanism: z.enum(["skellam", "discrete-gaussian"]).default("skellam"),
  /** Of a home's value with its sign, at most; fewer where the noise leaves no use for more. */
  bits: z.int().min(2).max(32).default(16),
};

const load = z.strictObject({
  type: z.literal("load"),
  ...common,
  /** Greatest Euclidean norm of a home's energies, in Wh; larger ones are made smaller, all slots alike. */
  clipWh: z.number().positive().max(1e9),
});

const histogram = z.strictObject({
  type: z.literal("histogram"),
  ...common,
  of: z.enum(["slot-energy", "day-energy"]).default("day-energy"),
  /** Between buckets, in Wh, rising. */
  edgesWh: z
    .array(z.int().min(1))
    .min(1)
    .max(1_024)
    .refine((edges) => edges.every((edge, i) => i === 0 || edge > edges[i - 1]!), "expected edges that rise"),
  /** Greatest Euclidean norm of a home's counts; where it is left out no home is beyond it. */
  clip: z.number().min(1).max(1e9).optional(),
});

export const release = z
  .discriminatedUnion("type", [load, histogram])
  .superRefine(({ minMeters, maxMeters, colluders = 0 }, context) => {
    const check = (holds: boolean, path: string, message: string): void => {
      if (!holds) context.addIssue({ code: "custom", path: [path], message });
    };
    check(maxMeters >= minMeters, "maxMeters", `expected at least minMeters (${minMeters}), got ${maxMeters}`);
    check(colluders < minMeters, "colluders", `expected fewer than minMeters (${minMeters}), got ${colluders}`);
  });
/** One kind of release, with all its defaults but those that depend on others. */
export type ReleaseSettings =
  | Readonly<z.infer<typeof load>>
  | (Readonly<Omit<z.infer<typeof histogram>, "edgesWh">> & { readonly edgesWh: readonly number[] });

/** Undefined for releases that can be. */
export function releaseFault(releases: readonly ReleaseSettings[], slotSeconds: number): string | undefined {
  const seen = new Set<string>();
  for (const one of releases) {
    if (seen.has(one.name)) return `two releases are called ${one.name}`;
    seen.add(one.name);
    const slots = (one.days * 86_400) / slotSeconds;
    if (one.type === "load" && slots > MOST_VALUES) return `${one.name} has ${slots} slots, at most ${MOST_VALUES} fit`;
  }
  return undefined;
}
