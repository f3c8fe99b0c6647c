/** What analytics answers, by the kind of the request. */
import { z } from "zod";
import { finding } from "./finding.ts";
import type { GridRequestKind } from "./requests.ts";
import { gridState, losses, topology } from "./state.ts";

const id = z.int().min(1);
const ids = z.array(id);

const unservedMw = z
  .number()
  .describe(
    "Load of the buses that are cut off; each of these loads counts 1 to the violation, so that it has its price",
  );

const figures = z
  .strictObject({
    cost: z.number(),
    lossKw: z.number(),
    risk: z.number(),
    violation: z.number(),
    leastVoltagePu: z.number(),
  })
  .meta({ id: "SwitchingFigures" });

export const optimised = z
  .strictObject({
    time: z.number().describe("Of the state it was computed for"),
    simulated: z.boolean(),
    method: z.enum(["policy", "exact", "exchange", "random"]),
    open: ids.describe("Branches to be open"),
    toOpen: ids.describe("Of these, those that are closed now"),
    toClose: ids.describe("Branches that are open now and are to be closed"),
    broken: ids.describe("Those of the request, and those that the state has as faulted"),
    cutOff: ids.describe("Buses that only broken branches feed"),
    unservedMw,
    cutOffBefore: ids.describe("Buses without supply as the switches are"),
    unservedBeforeMw: z.number().describe("Their load"),
    before: figures.describe("The switches as they are, without the broken ones: nothing is closed in their place"),
    after: figures,
    reference: z.strictObject({
      kind: z.enum(["certified", "best known"]),
      cost: z.number(),
      gapPercent: z.number().nullable(),
      flows: z.int(),
    }),
    flows: z.int().describe("Power flows that the method spent"),
    milliseconds: z.number(),
  })
  .meta({ id: "Optimised" });
export type Optimised = z.infer<typeof optimised>;

export const paths = z
  .strictObject({
    time: z.number().describe("Of the state they were computed for"),
    simulated: z.boolean(),
    method: z.enum(["policy", "exact", "shortest", "random"]),
    paths: z.array(
      z.strictObject({
        bus: id,
        loadMw: z.number(),
        loadMvar: z.number(),
        generator: id.describe("Bus where the path begins"),
        buses: ids.describe("From the generator to the load"),
        branches: ids,
        lossKw: z.number().describe("Its part of the losses of its path: those of each line are divided by load"),
        step: z.int().describe("In which order buses were supplied, from 1 on"),
        shares: z
          .array(z.strictObject({ generator: id, share: z.number() }))
          .describe("Where its power comes from, by proportional sharing"),
        voltagePu: z.number(),
      }),
    ),
    open: ids.describe("Lines that no path uses"),
    ...{ broken: ids, cutOff: ids, unservedMw },
    ...{ lossKw: z.number(), trunkLossKw: z.number().describe("Between generators: in no load's path") },
    ...{ risk: z.number(), violation: z.number(), cost: z.number(), leastVoltagePu: z.number() },
    ...{ flows: z.int(), milliseconds: z.number() },
    generators: z.array(z.strictObject({ bus: id, mw: z.number(), mvar: z.number() })),
    reference: z.strictObject({
      kind: z.enum(["certified", "best known"]),
      ...{ cost: z.number(), gapPercent: z.number(), flows: z.int() },
    }),
  })
  .meta({ id: "GridPaths" });
export type GridPaths = z.infer<typeof paths>;

export const node = z
  .strictObject({
    id,
    time: z.number(),
    simulated: z.boolean(),
    stale: z.boolean(),
    supplied: z.boolean(),
    vmPu: z.number(),
    vaDeg: z.number(),
    vMinPu: z.number(),
    vMaxPu: z.number(),
    loadMw: z.number(),
    loadMvar: z.number(),
    generationMw: z.number(),
    risk: z.number(),
    feeders: z.array(z.string()),
    branches: z.array(
      z.strictObject({
        id,
        other: id.describe("The bus at its other end"),
        closed: z.boolean(),
        mw: z.number().describe("Out of the bus into the branch"),
        loadingPercent: z.number(),
        temperatureC: z.number(),
      }),
    ),
    findings: z.array(finding),
    recent: z
      .array(z.strictObject({ time: z.number(), vmPu: z.number(), loadMw: z.number(), generationMw: z.number() }))
      .describe("The last scans since analytics was started, the oldest first"),
  })
  .meta({ id: "GridNode" });
export type GridNode = z.infer<typeof node>;

export const historyRow = z
  .strictObject({
    id: z.int().min(1),
    time: z.number(),
    status: gridState.shape.status,
    simulated: z.boolean(),
    inputMw: z.number(),
    deliveredMw: z.number(),
    efficiency: z.number(),
    ...losses.shape,
    risk: z.number(),
    leastVoltagePu: z.number(),
    mostLoadingPercent: z.number(),
    findings: z.int(),
    bestKw: z.number().nullable().describe("Losses of the newest proposal for the switches"),
    optimumKw: z.number().nullable().describe("Cost of its reference: the certified optimum, or the best known"),
    gapPercent: z.number().nullable(),
  })
  .meta({ id: "GridHistoryRow" });
export type GridHistoryRow = z.infer<typeof historyRow>;

const spread = z.strictObject({ least: z.number(), mean: z.number(), most: z.number() }).nullable();

export const statistics = z
  .strictObject({
    from: z.number().nullable(),
    to: z.number().nullable(),
    scans: z.int(),
    byStatus: z.record(z.string(), z.int()),
    simulated: z.boolean(),
    technicalMw: spread,
    efficiency: spread,
    leastVoltagePu: spread,
    mostLoadingPercent: spread,
    gapPercent: spread,
    lostMwh: z.number().describe("Technical losses over the scans, each until the next"),
    deliveredMwh: z.number(),
    coveredSeconds: z
      .number()
      .describe(
        "Of the time from the first scan to the last, what these sums cover: nobody knows what a pause of over an hour held",
      ),
    sinceStart: z.strictObject({
      scans: z.int(),
      scanMilliseconds: spread.describe("From samples to state"),
      requests: z.record(z.string(), z.int()).describe("Answered, by kind"),
      refused: z.record(z.string(), z.int()).describe("By code"),
    }),
  })
  .meta({ id: "GridStatistics" });
export type GridStatistics = z.infer<typeof statistics>;

export const feederForecast = z
  .strictObject({
    feeder: z.string(),
    date: z.string(),
    method: z
      .enum(["linear", "days-before", "none"])
      .describe(
        "`linear`: trained on its released loads; `days-before`: quantiles of the same slot; `none`: too few days",
      ),
    trainedDays: z.int(),
    quantiles: z.array(z.number()),
    slots: z.array(
      z.strictObject({
        slotStart: z.int(),
        energyWh: z.number().nullable().describe("The median; null where it cannot be forecast"),
        quantilesWh: z.array(z.number()),
        baselineWh: z.number().nullable().describe("Mean of the same slot over 14 days"),
        actualWh: z.number().nullable(),
      }),
    ),
    maeWh: z.number().nullable().describe("Over slots whose load is known"),
    baselineMaeWh: z.number().nullable(),
    insideShare: z.number().nullable().describe("Share of known slots between the outermost quantiles"),
  })
  .meta({ id: "FeederForecast" });
export type FeederForecast = z.infer<typeof feederForecast>;

export const forecast = z.strictObject({ items: z.array(feederForecast) }).meta({ id: "GridForecast" });
export type GridForecast = z.infer<typeof forecast>;

const years = z.number().nullable().describe("Years; null beyond 60");
const expected = z.strictObject({
  cost: z.number().describe("EUR expected over the horizon"),
  failures: z.number().describe("Failures expected in the next 26 weeks"),
});

export const maintenance = z
  .strictObject({
    simulated: z.boolean().describe("Histories are simulated"),
    weeks: z.int(),
    hoursPerWeek: z.number(),
    horizonYears: z.number().describe("Over which costs are expected"),
    assets: z.array(
      z.strictObject({
        asset: z.string(),
        branch: id.nullable().describe("Which branch it is"),
        bus: id.nullable().describe("At which bus it stands, of transformers that feed a load"),
        kind: z.enum(["transformer", "line"]),
        simulated: z.boolean(),
        ageYears: z.number(),
        chance: z.number().describe("To fail within 26 weeks, if nothing is done"),
        chanceAfter: z.number().describe("The same after what is planned"),
        remainingYears: z.strictObject({ tenth: years, median: years, nineTenths: years }),
        efficiency: z.strictObject({
          now: z.number(),
          perYear: z.number(),
          after: z.number().describe("After what is planned"),
        }),
        action: z.enum(["service", "replacement"]).nullable(),
        week: z.int().nullable().describe("From 1 on"),
        crewHours: z.number(),
        saves: z.number().describe("EUR, expected"),
      }),
    ),
    unjudged: z.array(z.string()).describe("Assets with too short a history"),
    before: expected,
    after: expected,
    gap: z.number().describe("How far the plan's cost may be above the least, as a share"),
    optimal: z.boolean(),
    hours: z.array(z.number()).describe("Crew hours of each week"),
  })
  .meta({ id: "GridMaintenance" });
export type GridMaintenance = z.infer<typeof maintenance>;

export const renewables = z
  .strictObject({
    simulated: z.boolean().describe("The weather is made up"),
    date: z.string(),
    loads: z
      .enum(["released", "usual-day"])
      .describe(
        "`released`: loads of the newest day that feeders tell of; `usual-day`: of the case, where they do not",
      ),
    slots: z.array(
      z.strictObject({
        slotStart: z.int(),
        loadMw: z.number(),
        pvMw: z.number(),
        windMw: z.number(),
        gridMw: z.number().describe("What is left for the supply; below 0 it is fed back"),
      }),
    ),
    mix: z.strictObject({ pvShare: z.number(), windShare: z.number(), gridShare: z.number() }),
    hosting: z.array(z.strictObject({ bus: id, mw: z.number(), limitedBy: z.string() })),
  })
  .meta({ id: "GridRenewables" });
export type GridRenewables = z.infer<typeof renewables>;

const history = z.strictObject({ rows: z.array(historyRow) });

/** The schema of each kind's `result`. */
export const RESULTS = {
  state: gridState,
  topology,
  optimise: optimised,
  paths,
  node,
  history,
  statistics,
  forecast,
  maintenance,
  renewables,
} as const satisfies Record<GridRequestKind, z.ZodType>;
export type GridResultOf<K extends GridRequestKind> = z.infer<(typeof RESULTS)[K]>;
