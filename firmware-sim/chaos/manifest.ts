/** What a run leaves beside its databases, so that they can be checked by somebody who was not there. */
import { z } from "zod";

export const MANIFEST = "run.json";

export const manifest = z.strictObject({
  version: z.literal(1),
  /** Data folder, relative to the manifest's. */
  data: z.string(),
  /** The readings that were fed: meter, slot_start, energy_wh, feeder, export_wh. */
  truth: z.string(),
  /** What was said in public, a line each. */
  observed: z.string(),
  slotSeconds: z.int().min(1),
  timezone: z.string(),
  aggregators: z.int().min(1),
  threshold: z.int().min(1),
  /** Fewest meters in a released total. */
  minMeters: z.int().min(1),
  /** Text of the tariff of every meter. */
  tariff: z.string(),
  /** Local dates: bills are due for each day from the first to the one before the second. */
  dates: z.strictObject({ from: z.iso.date(), to: z.iso.date() }),
  /** By what the log is believed, as text. */
  policy: z.string(),
  /** Databases of witnesses, relative to the data folder. */
  witnesses: z.array(z.string()),
  /** The run came to its end, and all that was due came. */
  fedAll: z.boolean(),
  settled: z.boolean(),
  /** Processes that could not be started again, and why. */
  failed: z.array(z.string()).readonly(),
});
export type Manifest = z.infer<typeof manifest>;
