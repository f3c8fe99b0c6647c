/** Learning with others: what a household accepts before its data leave in a noised vector. */
import { z } from "zod";
import { flag, seconds, whole } from "./schema-fields.ts";

const number = (min: number, max: number, byDefault: number, description: string, unit: string) =>
  z.number().min(min).max(max).default(byDefault).meta({ description, unit });

export const learning = z.strictObject({
  enabled: flag(false, "The meter takes part in rounds of learning that analytics announces."),
  epsilon: number(
    0.001,
    1_000,
    8,
    "All rounds together may cost this household so much; what would exceed it is refused.",
    "1",
  ),
  delta: number(1e-15, 0.1, 1e-5, "The chance that epsilon leaves out.", "1"),
  minMeters: whole(2, 1_000_000, 20, "Fewest homes of a round that it takes part in.", { unit: "meters" }),
  colluderShare: number(
    0,
    0.9,
    0.1,
    "Of the fewest homes so many at least must be reckoned as colluders, whose noise hides nobody.",
    "1",
  ),
  minNoise: number(
    0,
    1_000,
    0.5,
    "Least standard deviation of the noise of a sum, in norms of a home's vector; whatever the budget has left.",
    "1",
  ),
  exact: flag(
    false,
    "Takes part in training without noise, too, which no budget covers: two such rounds whose homes differ by one show its update.",
  ),
  trainSeconds: seconds(
    1,
    86_400,
    120,
    "Longest training of a network on this household's readings; what takes longer is given up.",
  ),
  weather: z
    .string()
    .default("")
    .meta({
      description:
        "File of `slot_start,temperature_c` (as forecast the day before) that a home trains with; read again when it changes. " +
        "Empty: it trains without.",
    }),
  resendSeconds: seconds(0.05, 3_600, 10, "Wait for an aggregator's ack before an update is sent again."),
});
