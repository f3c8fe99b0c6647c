/** The grid in operation: which grid, whose loads, where samples come from, and what a proposal weighs. */
import { z } from "zod";
import { feederId } from "../protocol/names.ts";
import { flag, seconds, text, whole } from "./schema-fields.ts";

const number = (min: number, max: number, byDefault: number, description: string, unit: string) =>
  z.number().min(min).max(max).default(byDefault).meta({ description, unit });
const rate = (description: string) => number(0, 1, 0, description, "1");
const fileName = (description: string) => z.string().max(4_096).default("").meta({ description });

const share = z.strictObject({
  bus: z.int().min(1),
  /** In any unit: only the ratio to the feeder's other weights counts. */
  weight: z.number().positive(),
  powerFactor: z.number().positive().max(1).optional(),
});

const event = z.strictObject({
  type: z.enum(["sag", "swell", "overload", "outage", "theft", "dead-sensor"]),
  /** Id of the bus, of an outage of the branch; none for sags and swells. */
  element: z.int().min(1).optional(),
  fromScan: z.int().min(0),
  scans: z.int().min(1),
  /** Factor of loads (sag, overload), p.u. of the reference (swell), share that is not metered (theft). */
  size: z.number().min(0).max(100).default(1),
});

const plant = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("pv"),
    peakKw: z.number().positive().max(1e7),
    tiltDeg: z.number().min(0).max(90).default(30),
    /** From north over east. */
    azimuthDeg: z.number().min(0).max(360).default(180),
  }),
  z.strictObject({
    kind: z.literal("wind"),
    ratedKw: z.number().positive().max(1e7),
    hubM: z.number().min(1).max(300).default(100),
  }),
]);

export const grid = z.strictObject({
  enabled: flag(false, "Analytics operates a grid: states, proposals, forecasts, maintenance (docs/grid.md)."),
  case: text("case33bw", "The grid: a case that comes with the project, or a MATPOWER file."),
  shares: z.record(feederId, z.array(share).min(1).max(1_500)).default({}).meta({
    description:
      "How a feeder's load spreads over buses. Feeders left out share the buses that are left, by the case's loads.",
    allowed: "by feeder a list of `bus`, `weight`, `powerFactor`",
  }),
  loadFactor: number(
    1e-6,
    1e9,
    1,
    "Released loads are multiplied by this, where metered homes stand for more; states say so.",
    "1",
  ),
  staleSlots: whole(1, 10_000, 8, "A released load older than this is called stale.", { unit: "slots" }),
  scada: z.enum(["simulated", "csv", "mqtt"]).default("simulated").meta({
    description: "Where samples come from; simulated ones are marked in every state.",
  }),
  scadaFile: fileName("Scans to replay, as `npm run grid -- scada` writes them; for `csv`."),
  scadaUrl: z
    .string()
    .regex(/^$|^mqtts?:\/\/[^/@]+/, "an address that begins with mqtt:// or mqtts://")
    .refine((url) => !/^\w+:\/\/[^/]*@/.test(url), "an address without user and password: they would be in every log")
    .default("")
    .meta({ description: "Broker of the control room's sensors, such as `mqtts://scada:8883`; for `mqtt`." }),
  scadaPrefix: text("scada", "Samples come on `<prefix>/<kind>/<element>`; for `mqtt`."),
  sampleSkewSeconds: seconds(
    1,
    86_400,
    60,
    "A sample over MQTT whose time is further off the system's clock, ahead or behind, is refused and counted.",
  ),
  scanSeconds: seconds(0.2, 3_600, 5, "From scan to scan, by the wall clock; a new load or breaker does not wait."),
  ambientC: number(-60, 60, 20, "Ambient temperature where nothing measures it.", "degC"),
  seed: whole(0, 4_294_967_295, 1, "Of simulated samples."),
  badRate: rate("Chance of a simulated sample to be grossly wrong."),
  lostRate: rate("Chance of a simulated sample to be lost."),
  events: z.array(event).max(1_000).default([]).meta({
    description: "What goes wrong in a simulated grid.",
    allowed:
      "a list of `type` (sag, swell, overload, outage, theft, dead-sensor), `element`, `fromScan`, `scans`, `size`",
  }),
  vMinPu: number(0, 1.5, 0, "Least voltage of every bus; 0 takes the case's own band.", "p.u."),
  vMaxPu: number(0, 1.5, 0, "Largest voltage of every bus; 0 takes the case's own band.", "p.u."),
  riskWeight: number(0, 1e6, 0, "What a unit of risk is worth to proposals (docs/optimiser.md).", "kW"),
  violationWeight: number(0, 1e9, 1_000, "What a unit of violated limits costs proposals.", "kW"),
  optimiseSeconds: seconds(
    0,
    86_400,
    300,
    "From proposal to proposal for the switches; 0 for none but those asked for.",
  ),
  mostTrees: whole(
    0,
    10_000_000,
    100_000,
    "Up to so many configurations a proposal is held against the certified optimum.",
  ),
  requestSeconds: seconds(0.5, 3_600, 20, "Longest that a request may take, the wait for its turn included."),
  maxRequests: whole(1, 1_000, 16, "Requests under way or waiting; more are refused.", { unit: "requests" }),
  requestsPerAccount: whole(
    1,
    1_000,
    6,
    "Of one account of the HTTP interface; of those that take long one is under way at a time.",
    { unit: "requests" },
  ),
  retentionDays: whole(1, 36_500, 400, "Days that losses, proposals and feeder loads are kept.", { unit: "days" }),
  latitudeDeg: number(-90, 90, 52.5, "Where the grid is: north above 0.", "deg"),
  longitudeDeg: number(-180, 180, 13.4, "East above 0.", "deg"),
  plants: z.array(plant).max(1_000).default([]).meta({
    description: "Sun and wind of the grid, for its mix of a day (docs/renewables.md).",
    allowed: "a list of `kind: pv` with `peakKw`, `tiltDeg`, `azimuthDeg`, or `kind: wind` with `ratedKw`, `hubM`",
  }),
  histories: fileName(
    "Histories of the grid's assets (docs/maintenance.md), named `branch-1`, `bus-2` and so on. Empty: simulated, and marked so.",
  ),
  hazardModel: fileName("Model that `npm run maintenance -- fit` wrote. Empty: one is trained on simulated assets."),
});
