/**
 * What the HTTP interface asks analytics: JSON on `wv/1/api/grid/<request>`, answered on `wv/1/an/grid/<request>` in chunks.
 * The broker lets only the interface publish the one and only analytics the other (topics.ts): the interface holds no key
 * that signs.
 */
import { z } from "zod";
import { feederId } from "../names.ts";

export const REQUEST_BYTES = 16 * 1_024;
export const ANSWER_BYTES = 4 * 1_024 * 1_024;

const busId = z.int().min(1);
const branchIds = z.array(z.int().min(1)).max(100);
const time = z.number().min(0);

/** What a proposal weighs, and which switches are no choice. */
const wishes = {
  riskWeight: z.number().min(0).max(1e6).optional().describe("kW that a unit of risk is worth"),
  violationWeight: z.number().min(0).max(1e9).optional().describe("kW that a unit of violated limits costs"),
  vMinPu: z.number().min(0.5).max(1.5).optional(),
  vMaxPu: z.number().min(0.5).max(1.5).optional(),
  broken: branchIds.default([]).describe("Branches that are out of order"),
  repaired: branchIds.default([]).describe("Branches that may be closed, though the state has them as faulted"),
  keepOpen: branchIds.default([]).describe("Branches that are to stay open"),
  keepClosed: branchIds.default([]).describe("Branches that are to stay closed"),
  seed: z.int().min(0).max(4_294_967_295).default(1).describe("Of what is drawn"),
};

/** `most`: a power flow of `optimise` takes sweeps; one of `paths` all of Newton, and choosing its paths takes longer still. */
const mostFlows = (most: number) =>
  z.int().min(1).max(most).optional().describe("Power flows that policy and random may spend");

/** Methods that look for switches, and what each does: docs/optimiser.md. */
export const optimiseOptions = z.strictObject({
  method: z.enum(["policy", "exact", "exchange", "random"]).default("policy"),
  mostFlows: mostFlows(2_000),
  ...wishes,
});
export const pathOptions = z.strictObject({
  method: z.enum(["policy", "exact", "shortest", "random"]).default("policy"),
  mostFlows: mostFlows(100),
  ...wishes,
});

export const gridRequest = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("state") }),
  z.strictObject({ kind: z.literal("topology") }),
  z.strictObject({ kind: z.literal("optimise"), ...optimiseOptions.shape }),
  z.strictObject({ kind: z.literal("paths"), ...pathOptions.shape }),
  z.strictObject({ kind: z.literal("node"), bus: busId }),
  z.strictObject({
    kind: z.literal("history"),
    from: time.optional(),
    to: time.optional(),
    after: z.int().min(0).optional(),
    limit: z.int().min(1).max(1_001),
  }),
  z.strictObject({ kind: z.literal("statistics"), from: time.optional(), to: time.optional() }),
  z.strictObject({ kind: z.literal("forecast"), feeder: feederId.optional(), date: z.iso.date().optional() }),
  z.strictObject({
    kind: z.literal("maintenance"),
    weeks: z.int().min(1).max(26).default(26),
    hoursPerWeek: z.number().min(0).max(100_000).default(40),
  }),
  z.strictObject({ kind: z.literal("renewables") }),
]);
export type GridRequest = z.infer<typeof gridRequest>;
export type GridRequestKind = GridRequest["kind"];
export type GridRequestOf<K extends GridRequestKind> = Extract<GridRequest, { kind: K }>;

/**
 * `busy`: too many wait; `timeout`: it took too long; `invalid`: the grid has no such branch, or a limit cannot be;
 * `not-found`: there is no such bus or feeder; `unavailable`: it cannot be computed for this grid, or not yet.
 */
export const GRID_FAULTS = ["busy", "timeout", "invalid", "not-found", "unavailable", "failed"] as const;
export type GridFaultCode = (typeof GRID_FAULTS)[number];

/** `result` is as `answers.ts` has it for the request's kind. */
export const gridAnswer = z.discriminatedUnion("ok", [
  z.strictObject({ ok: z.literal(true), result: z.unknown() }),
  z.strictObject({ ok: z.literal(false), code: z.enum(GRID_FAULTS), detail: z.string().max(2_000) }),
]);
export type GridAnswer = z.infer<typeof gridAnswer>;
