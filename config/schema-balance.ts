/** Feeder balances: what the line loses by the books, and what is worth an alert. */
import { z } from "zod";
import { whole } from "./schema-fields.ts";

const number = (min: number, max: number, byDefault: number, description: string, unit: string) =>
  z.number().min(min).max(max).default(byDefault).meta({ description, unit });

const ohm = z.number().min(0).max(100);
const watts = z.number().min(0).max(1e7);

/** What may differ from feeder to feeder. */
const lineOfFeeder = z.strictObject({
  ohm: ohm.optional(),
  voltageV: z.number().min(1).max(1e6).optional(),
  powerFactor: z.number().min(0.1).max(1).optional(),
  noLoadW: watts.optional(),
});

export const balance = z.strictObject({
  graceSlots: whole(0, 10_000, 4, "Slots waited for late meters before a slot's balance is asked for.", {
    unit: "slots",
  }),
  ohm: number(
    0,
    100,
    0.02,
    "Equivalent resistance of one phase of a feeder; a third of the line's where the load is spread evenly.",
    "ohm",
  ),
  voltageV: number(1, 1e6, 400, "Voltage between two phases.", "V"),
  powerFactor: number(0.1, 1, 0.95, "Power factor of the load.", "1"),
  noLoadW: number(0, 1e7, 0, "Lost whatever the load is, such as in a transformer behind the head.", "W"),
  meterW: number(0, 100, 1.5, "What a meter consumes itself and does not count.", "W"),
  feeders: z
    .record(
      z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/, "a feeder: letters a-z, digits and '-', at most 32"),
      lineOfFeeder,
    )
    .default({})
    .meta({
      description: "Lines that differ.",
      allowed: "by feeder any of `ohm`, `voltageV`, `powerFactor`, `noLoadW`",
    }),
  falseAlarmsPerYear: number(0.001, 1_000, 0.2, "Alerts of an honest feeder that are put up with.", "1/year"),
  learnDays: whole(1, 365, 7, "Days from which what is normal for a feeder is learnt.", { unit: "days" }),
  blockMinutes: whole(1, 1_440, 60, "Balances are judged together over so long; must divide a day.", { unit: "min" }),
  toleranceW: number(0, 1e6, 5, "A change of the loss that is not worth an alert, whatever the load is.", "W"),
  toleranceShare: number(0, 1, 0.003, "The same as a share of the load, on top.", "1"),
  startShare: number(0, 1, 0.02, "What models and meters may be wrong by from the beginning, of the load.", "1"),
});
