/**
 * Every parameter of the system: type, range, unit, default and what it is for. Nothing tunable is written in code.
 * Two levels, section and field; what several fields must agree on stands in `checks.ts`.
 */
import { z } from "zod";
import { MAX_BITS } from "../protocol/range/bit-entries.ts";
import { analytics, homomorphic } from "./schema-ckks.ts";
import { alerts } from "./schema-alerts.ts";
import { api } from "./schema-api.ts";
import { aggregator } from "./schema-aggregator.ts";
import { balance } from "./schema-balance.ts";
import { broker, link } from "./schema-broker.ts";
import { learning } from "./schema-learning.ts";
import { grid } from "./schema-grid.ts";
import { log, witness } from "./schema-log.ts";
import { storage } from "./schema-storage.ts";
import { flag, seconds, text, whole } from "./schema-fields.ts";
import { gateway, homeAssistant } from "./schema-gateway.ts";

const perYear = (description: string) =>
  z.number().min(0).max(100_000).default(0).meta({ description, unit: "1/year" });

const DAY_SLOTS_MAX = 2_976; // 31 days of quarter hours: the longest share message that the wire allows
const FILE_NAME = z.string().min(1);
const METER_NAME = z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/, "a meter: letters a-z, digits and '-', at most 32");

const system = z.strictObject({
  aggregators: whole(2, 7, 3, "Aggregators (n) that each hold one share of every reading."),
  threshold: whole(2, 7, 2, "Aggregators (t) whose sums are enough for a total; fewer than t learn nothing."),
  quorum: whole(
    0,
    7,
    0,
    "Aggregators (q) that must endorse a set before anyone answers for it; 0 takes the smallest: a majority of n, at least t. " +
      "With c colluding aggregators more than (n + c) / 2 is needed.",
  ),
  slotSeconds: whole(1, 86_400, 900, "Length of a slot; must divide a day.", { unit: "s" }),
  timezone: text("Europe/Berlin", "Time zone of tariffs, billing days and simulated households (IANA name)."),
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/, "a currency: three capital letters of ISO 4217")
    .default("EUR")
    .meta({ description: "Currency of the tariffs." }),
  production: flag(false, "Refuses everything that only a simulation may do, and release minimums below the defaults."),
});

const release = z.strictObject({
  minMeters: whole(2, 100_000, 5, "Fewest meters in a released feeder load (k).", { unit: "meters" }),
  minSlots: whole(1, 100_000, 96, "Fewest slots in anything released of a single meter (s).", { unit: "slots" }),
});

const paths = z.strictObject({
  data: text("./data", "Folder of databases and keys (`<data>/keys/<party>`, `<data>/<party>/`)."),
  results: text("./results", "Folder of result files."),
  logs: text("./logs", "Folder of `system.log` and `performance.json`."),
});

const meter = z.strictObject({
  role: z.enum(["customer", "head"]).default("customer").meta({
    description: "What it measures: a customer, or all that flows into its feeder. Fixed at enrolment (`--head`).",
  }),
  maxSlotsPerMessage: whole(1, DAY_SLOTS_MAX, 96, "Most slots packed into one share message.", { unit: "slots" }),
  batchSlots: whole(1, DAY_SLOTS_MAX, 1, "New slots collected before they are sent.", { unit: "slots" }),
  outboxSlots: whole(1, 1_000_000, 2_976, "Slots kept while they cannot be delivered; beyond it the oldest is a gap.", {
    unit: "slots",
  }),
  resendSeconds: seconds(0.05, 3_600, 2, "Wait for an aggregator's ack before a message is sent again."),
  maxInFlight: whole(1, 16_384, 256, "Messages of one meter waiting for an ack.", { unit: "messages" }),
  historyDays: whole(1, 3_650, 400, "Days that readings stay on the meter (for resends and bill checks).", {
    unit: "days",
  }),
  boundaryTolerance: z
    .number()
    .min(0)
    .max(0.5)
    .default(0.05)
    .meta({ description: "How far from a slot boundary a register sample may lie, as a part of the slot." }),
  maxIntervalWh: whole(1, 1_000_000_000, 100_000, "Most energy that one slot can hold; more is a register fault.", {
    unit: "Wh",
  }),
  registerModulus: whole(1_000, 1_000_000_000_000, 1_000_000_000, "The register wraps to 0 at this value.", {
    unit: "Wh",
  }),
});

const bits = z.int().min(1).max(MAX_BITS).optional();
const sharing = z.strictObject({
  bits: z
    .strictObject({ import: bits, export: bits, catchup: bits, catchupExport: bits })
    .default({})
    .meta({
      description:
        "Kinds whose readings are shared bit by bit, with how many bits, so that aggregators can prove that no meter sends more " +
        "or less. The same for meters, aggregators and utility; change it when outboxes are empty.",
      allowed: `a map from import, export, catchup, catchupExport to 1 to ${MAX_BITS}`,
    }),
});

const rounds = z.strictObject({
  loadEverySlots: whole(1, 10_000, 4, "A feeder load is asked for every so many slots.", { unit: "slots" }),
  graceSlots: whole(0, 10_000, 1, "Slots waited after the last slot of a feeder load for late meters.", {
    unit: "slots",
  }),
  retrySeconds: seconds(0.05, 3_600, 1, "An unanswered request of a round is repeated after this."),
  answerSeconds: seconds(0, 3_600, 5, "Wait for one more aggregator that is online when t have answered."),
  maxOpenRounds: whole(1, 100_000, 64, "Rounds open at the same time.", { unit: "rounds" }),
});

const billing = z.strictObject({
  period: z.enum(["day", "month", "whole"]).default("month").meta({
    description: "What one bill covers; `whole` is the whole run. A day is too short for most release rules.",
  }),
  tariff: text("config/tariffs/time-of-use.yaml", "Tariff file of every meter without one of its own."),
  tariffs: z
    .record(METER_NAME, FILE_NAME)
    .default({})
    .meta({ description: "Tariff file per meter, for those that differ." }),
  graceSlots: whole(0, 10_000, 2, "Slots waited after the end of a period for late meters.", { unit: "slots" }),
  resendPeriods: whole(0, 1_200, 3, "A customer who comes online gets the bills of so many last periods again.", {
    unit: "periods",
  }),
  resendTimes: whole(0, 100, 3, "At most so often; a bill is issued once, but may be sent to nobody."),
  resendsPerSecond: seconds(0.01, 10_000, 50, "Bills sent again in a second, for all customers together."),
});

/** Of a simulation, be it of a file of readings. */
export const MOST_DAYS = 3_660;

const simulation = z.strictObject({
  enabled: flag(false, "Simulated time: the parties follow the signed clock of the simulator."),
  meters: whole(1, 1_000_000, 50, "Simulated meters.", { unit: "meters" }),
  emulated: whole(
    0,
    10_000,
    0,
    "Of them, so many are the firmware's own binary on an emulated ATmega328P, behind the gateway's relay.",
    { unit: "meters" },
  ),
  feeders: whole(1, 100_000, 5, "Feeders over which they are spread.", { unit: "feeders" }),
  heads: flag(false, "Simulates a meter at the head of each feeder, with losses and errors; feeders get balances."),
  theft: z
    .string()
    .default("")
    .meta({
      description:
        "Simulated theft, with commas between several: kind:meter[:share][@day], where kind is bypass, scale, stop or " +
        "reset; such as `bypass:m-003:0.5@10`.",
    }),
  days: whole(1, MOST_DAYS, 1, "Simulated days.", { unit: "days" }),
  start: z.iso.date().default("2025-01-15").meta({ description: "First local day of the simulation." }),
  seed: whole(0, 4_294_967_295, 1, "Seed of everything random in the simulation; the same seed gives the same run."),
  speed: z
    .union([z.literal("max"), z.number().positive().max(1_000_000)])
    .default("max")
    .meta({ description: "Simulated seconds per second, or `max`: as fast as slots are acknowledged." }),
  hosts: whole(1, 64, 1, "Processes that share the simulated meters.", { unit: "processes" }),
  workers: whole(1, 32, 1, "Processes that a fleet starts for each aggregator; more than one need storage.url.", {
    unit: "processes",
  }),
  patienceSeconds: seconds(0.1, 3_600, 20, "Wait for slots that are not acknowledged before time goes on regardless."),
  broker: z.enum(["embedded", "mosquitto", "nats"]).default("embedded").meta({
    description: "Broker that a simulated fleet starts for itself; `nats` is a cluster of three nodes.",
  }),
  network: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,31}$/, "the name of a network condition")
    .default("perfect")
    .meta({ description: "Network condition of the simulated meters, by name." }),
  rebootsPerYear: perYear("Restarts of a simulated device without loss of supply: what it has in RAM is lost."),
  brownOutsPerYear: perYear("Times that the supply of a simulated device fails; registers count on meanwhile."),
  brownOutSeconds: seconds(1, 86_400, 30, "Mean length of such a failure; slots whose boundary it hides are gaps."),
});

const logging = z.strictObject({
  level: z
    .enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"])
    .default("info")
    .meta({ description: "Least severe entries that are written." }),
  performance: flag(true, "Writes measurements to `performance.json` (JSON lines)."),
  refusalSeconds: seconds(0, 86_400, 10, "Refusals are counted always, and logged once per code in this time."),
});

const roles = z.strictObject({
  stillSeconds: seconds(
    0,
    86_400,
    300,
    "A running role that answers nothing and computes nothing for so long is ended, for whoever started it to start it again; 0: never.",
  ),
});

const metrics = z.strictObject({
  enabled: flag(false, "Each running role answers /metrics, /live and /ready."),
  listen: text(
    "127.0.0.1",
    "Address on which a role answers; there is no sign-in, so only where a network is trusted.",
  ),
  basePort: whole(
    0,
    65_000,
    9_600,
    "Broker here, utility + 1, analytics + 2, API + 3, witness + 4, gateway + 5, meter + 6, aggregator i + 10 + i, its worker w + 10 w more; 0 takes free ports.",
  ),
});

/** The whole configuration. Sections and fields left out take their defaults. */
export const configSchema = z.strictObject({
  system: system.prefault({}).meta({ description: "What all parties must agree on; fixed at enrolment." }),
  release: release.prefault({}).meta({ description: "Release rules that every aggregator enforces by itself." }),
  paths: paths.prefault({}).meta({ description: "Folders, relative to the working directory." }),
  storage: storage.prefault({}).meta({ description: "Databases." }),
  broker: broker.prefault({}).meta({ description: "The embedded broker and how to reach it." }),
  link: link.prefault({}).meta({ description: "The connection of a party to the broker." }),
  meter: meter.prefault({}).meta({ description: "The agent at the customer." }),
  sharing: sharing.prefault({}).meta({ description: "What readings are shared as." }),
  aggregator: aggregator.prefault({}).meta({ description: "Intake and share store." }),
  rounds: rounds.prefault({}).meta({ description: "How the utility asks for totals." }),
  billing: billing.prefault({}).meta({ description: "Bills." }),
  balance: balance.prefault({}).meta({ description: "Feeders with a meter at their head: losses and theft." }),
  homomorphic: homomorphic.prefault({}).meta({ description: "What meters encrypt for computing on ciphertexts." }),
  analytics: analytics.prefault({}).meta({ description: "The server that computes on ciphertexts." }),
  grid: grid.prefault({}).meta({ description: "The grid in operation." }),
  gateway: gateway.prefault({}).meta({ description: "Real meters and devices on serial ports." }),
  homeAssistant: homeAssistant.prefault({}).meta({ description: "What Home Assistant is shown." }),
  learning: learning.prefault({}).meta({ description: "What a household accepts before it learns with others." }),
  api: api.prefault({}).meta({ description: "The HTTP interface and the dashboard." }),
  alerts: alerts.prefault({}).meta({ description: "Alerts of the HTTP interface (docs/alerts.md)." }),
  log: log.prefault({}).meta({ description: "The log of everything that becomes final, and its witnesses." }),
  witness: witness.prefault({}).meta({ description: "A witness as a process of its own." }),
  simulation: simulation.prefault({}).meta({ description: "The simulated fleet." }),
  logging: logging.prefault({}).meta({ description: "Logs." }),
  roles: roles.prefault({}).meta({ description: "The process of each role." }),
  metrics: metrics.prefault({}).meta({ description: "Figures and health of each role over HTTP (docs/metrics.md)." }),
});

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;

/** The effective configuration: complete, checked, never changed. `system.quorum` holds the derived number. */
export type Config = DeepReadonly<z.output<typeof configSchema>>;
export type SectionName = keyof Config;

/** One parameter of the schema, addressed as `section.field`. */
export interface Field {
  readonly path: string;
  readonly section: SectionName;
  readonly name: string;
  readonly schema: z.ZodType;
  readonly environment: string;
}

function environmentName(section: string, name: string): string {
  return `WV_${section}_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`)}`.toUpperCase();
}

const SECTIONS = {
  ...{ system, release, paths, storage, broker, link, meter, sharing, aggregator, rounds, billing, balance },
  ...{ homomorphic, analytics, grid, gateway, homeAssistant, learning, api, alerts, log, witness },
  ...{ simulation, logging, roles, metrics },
};

/** Every field by its path, in the order of the schema. */
export const FIELDS: ReadonlyMap<string, Field> = new Map(
  Object.entries(SECTIONS).flatMap(([section, object]) =>
    Object.entries(object.shape as Record<string, z.ZodType>).map(([name, schema]): [string, Field] => [
      `${section}.${name}`,
      {
        path: `${section}.${name}`,
        section: section as SectionName,
        name,
        schema,
        environment: environmentName(section, name),
      },
    ]),
  ),
);

export const SECTION_NAMES = Object.keys(SECTIONS) as readonly SectionName[];
