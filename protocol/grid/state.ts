/**
 * `wv/1/pub/grid/state`: the grid as it is believed to be, after every scan. Columns instead of rows, in the order of the
 * topology, so that a grid of 1,000 nodes stays below the limit of the topic.
 */
import { z } from "zod";
import { finding } from "./finding.ts";

export const STATE_TOPIC = "state";
/** Elements of a grid that can be operated: beyond it a state would not fit its topic. */
export const MOST_ELEMENTS = 1_500;
/** Findings of a state; the others are counted. */
export const MOST_FINDINGS = 200;

const busId = z.int().min(1);
const column = z.array(z.number()).max(MOST_ELEMENTS);

export const losses = z
  .strictObject({
    transmissionLinesMw: z.number(),
    transmissionTransformersMw: z.number(),
    distributionLinesMw: z.number(),
    distributionTransformersMw: z.number(),
    shuntsMw: z.number(),
    technicalMw: z.number().describe("The sum of the above: what physics takes"),
  })
  .meta({ id: "GridLosses" });
export type GridLosses = z.infer<typeof losses>;

export const switching = z
  .strictObject({
    time: z.number().describe("Of the state that it was computed for, Unix seconds"),
    method: z.enum(["policy", "exact", "exchange", "random"]),
    open: z.array(z.int().min(1)).max(MOST_ELEMENTS).describe("Branches that it opens"),
    lossKw: z.number(),
    cost: z.number().describe("lossKw + riskWeight x risk + violationWeight x violation"),
    presentCost: z.number().describe("The same of the switches as they are"),
    presentLossKw: z.number(),
    unservedMw: z.number().describe("Load that it leaves without supply"),
    presentUnservedMw: z.number().describe("Load without supply as the switches are"),
    reference: z.enum(["certified", "best known"]).describe("`certified`: all trees were tried"),
    referenceCost: z.number(),
    gapPercent: z.number().nullable().describe("Of cost above referenceCost"),
  })
  .meta({ id: "GridSwitching" });
export type Switching = z.infer<typeof switching>;

export const gridState = z
  .strictObject({
    case: z.string(),
    topology: z.string().describe("Digest of the topology whose order the columns have"),
    sequence: z.int().min(1).describe("Counts scans since analytics was started"),
    time: z.number().min(0).describe("Of the samples, Unix seconds; simulated time in a simulation"),
    publishedAt: z.number().min(0).describe("Unix seconds of the wall clock"),
    source: z.enum(["simulated", "csv", "mqtt"]),
    simulated: z.boolean().describe("Some sample was simulated"),
    stale: z.boolean().describe("Scans have stopped: this is an old state"),
    assumedRatings: z.boolean().describe("The case names no ratings for some branches; what is shown is assumed"),
    status: z.enum(["trusted", "suspect", "unobservable", "failed"]),
    loads: z.strictObject({
      source: z.enum(["feeders", "case", "sensors"]).describe("`feeders`: released totals of private rounds"),
      slotStart: z.int().nullable().describe("Newest released slot behind them"),
      feeders: z.int().min(0).describe("Feeders with a released total"),
      factor: z.number().describe("What released loads are multiplied by"),
      stale: z.boolean(),
    }),
    totals: z.strictObject({
      inputMw: z.number(),
      deliveredMw: z.number(),
      efficiency: z.number().describe("deliveredMw / inputMw, 0 to 1"),
      losses,
      lackingMw: z.number().describe("What buses without supply would take now"),
      risk: z.number().describe("Sum over buses and branches: 1 for each that is at its limit"),
      leastVoltagePu: z.number(),
      mostVoltagePu: z.number(),
      mostLoadingPercent: z.number(),
      hottestC: z.number(),
    }),
    buses: z.strictObject({
      vmPu: column.describe("0 without supply"),
      vaDeg: column,
      loadMw: column,
      loadMvar: column,
      generationMw: column,
      risk: column,
    }),
    branches: z.strictObject({
      closed: z.array(z.int().min(0).max(1)).max(MOST_ELEMENTS),
      fromMw: column.describe("Into the branch at `from`; below 0 it flows towards `from`"),
      fromMvar: column,
      toMw: column,
      currentA: column.describe("In p.u. where the case names no base voltage"),
      loadingPercent: column,
      temperatureC: column,
      risk: column,
    }),
    cutOff: z.array(busId).max(MOST_ELEMENTS).describe("Buses without supply"),
    faulted: z
      .array(z.int().min(1))
      .max(MOST_ELEMENTS)
      .describe("Branches that opened and left buses without supply, until they close: no proposal closes them"),
    bad: z.array(z.string()).max(MOST_FINDINGS).describe("Samples that are not believed"),
    switching: switching.nullable().describe("The newest proposal; null before the first, or where there is none"),
    findings: z.array(finding).max(MOST_FINDINGS),
    findingsLeftOut: z.int().min(0),
  })
  .meta({ id: "GridState" });
export type GridState = z.infer<typeof gridState>;

export const topology = z
  .strictObject({
    case: z.string(),
    digest: z.string(),
    baseMva: z.number(),
    radial: z.boolean().describe("Its switches can be optimised"),
    assumedRatings: z.boolean(),
    buses: z
      .array(
        z.strictObject({
          id: busId,
          kind: z.enum(["slack", "pv", "pq", "isolated"]),
          baseKv: z.number(),
          x: z.number().min(0).max(1),
          y: z.number().min(0).max(1),
          vMinPu: z.number(),
          vMaxPu: z.number(),
          loadMw: z.number().describe("Of the case"),
          generator: z.boolean(),
          feeders: z.array(z.string()).describe("Feeders that it has a share of"),
        }),
      )
      .max(MOST_ELEMENTS),
    branches: z
      .array(
        z.strictObject({
          id: z.int().min(1),
          kind: z.enum(["line", "transformer"]),
          from: busId,
          to: busId,
          rPu: z.number(),
          xPu: z.number(),
          rateMva: z.number(),
          normallyClosed: z.boolean(),
        }),
      )
      .max(MOST_ELEMENTS),
    feeders: z.array(
      z.strictObject({
        feeder: z.string(),
        shares: z.array(z.strictObject({ bus: busId, weight: z.number() })).describe("Weights sum up to 1"),
      }),
    ),
  })
  .meta({ id: "GridTopology" });
export type GridTopology = z.infer<typeof topology>;
