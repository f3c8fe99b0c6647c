/** What is wrong in the grid, or with what it is told: one entry for as long as it lasts. Alerts are made of these. */
import { z } from "zod";

/**
 * `element` is `bus:5`, `branch:12`, `feeder:f-1`, `grid`, or the point of a sensor, as `voltage:5`, `current:12`.
 *
 * | kind | of | value, limit |
 * | --- | --- | --- |
 * | `overload` | branch | % of its rating, 100 |
 * | `overheating` | branch | degC, the settled temperature at its rating |
 * | `undervoltage`, `overvoltage` | bus | p.u. |
 * | `no-supply` | bus | MW that it lacks, 0 |
 * | `theft` | bus, feeder | MW that are taken and not metered, what noise explains |
 * | `bad-data` | point | normalised residual, its limit; of a breaker: what it reports, what is believed |
 * | `dead-sensor` | point | what it shows, what it showed before |
 * | `lost-samples` | grid | points of the scan that did not come, 0 |
 * | `unobservable` | grid | buses whose voltage nothing tells, 0 |
 * | `suspect-state` | grid | objective of the fit, its limit: something is wrong, and no sample stands out |
 * | `no-state` | grid | 1, 0: no state fits the samples |
 * | `stale` | grid, feeder | seconds since the last scan or load, seconds allowed |
 */
export const FINDING_KINDS = [
  "overload",
  "overheating",
  "undervoltage",
  "overvoltage",
  "no-supply",
  "theft",
  "bad-data",
  "dead-sensor",
  "lost-samples",
  "unobservable",
  "suspect-state",
  "no-state",
  "stale",
] as const;
export type FindingKind = (typeof FINDING_KINDS)[number];

export const finding = z
  .strictObject({
    kind: z.enum(FINDING_KINDS),
    element: z.string().max(64),
    since: z.number().min(0).describe("Unix seconds of the first scan of those in a row that show it"),
    scans: z.int().min(1).describe("How many in a row show it"),
    value: z.number(),
    limit: z.number(),
    unit: z.string().max(16),
  })
  .meta({ id: "GridFinding" });
export type Finding = z.infer<typeof finding>;
