/** JSON that travels in clear: status lines, and what the utility publishes for anyone. Units are in the names. */
import { z } from "zod";
import { feederId } from "../names.ts";
import { EXACT } from "../privacy-labels.ts";

/** A meter's retained status. `challenge` and `boot` belong to the hello (docs/protocol.md). */
export const meterStatus = z.discriminatedUnion("state", [
  z.strictObject({
    state: z.literal("online"),
    challenge: z.string().regex(/^[0-9a-f]{32}$/, "a challenge is 32 hex digits"),
    boot: z.int().min(0).max(0xffff_fffe),
  }),
  z.strictObject({ state: z.literal("offline") }),
]);
export type MeterStatus = z.infer<typeof meterStatus>;

export const serverStatus = z.strictObject({ state: z.enum(["online", "offline"]) });
export type ServerStatus = z.infer<typeof serverStatus>;

/** `wv/1/pub/feeder/<feeder>/load`: one slot of one feeder, released. */
export const feederLoad = z.strictObject({
  feederId,
  slotStart: z.int(),
  slotSeconds: z.int().min(1),
  energyWh: z.int(),
  exportWh: z.int().nullable(),
  /** Mean import power over the slot. */
  powerW: z.number(),
  meters: z.int().min(1),
  status: z.string(),
  /** Said beside every load, since noised ones are published, too. */
  privacy: z.literal(EXACT).optional(),
});
export type FeederLoad = z.infer<typeof feederLoad>;

/** `wv/1/pub/alert/<topic>`: something a person should know, in words. */
export const alert = z.strictObject({
  time: z.int(),
  code: z.string(),
  message: z.string(),
  round: z.string().optional(),
  /** Where it is about one feeder: since when (Unix seconds), and the mean power that is missing. */
  feederId: feederId.optional(),
  since: z.int().optional(),
  powerW: z.number().nullable().optional(),
  /** Where a rule has raised it (docs/alerts.md): which alert, how it stands, and what it is about. */
  id: z.uuid().optional(),
  state: z.enum(["firing", "acknowledged", "silenced", "resolved"]).optional(),
  severity: z.enum(["info", "warning", "critical"]).optional(),
  element: z.string().max(96).optional(),
  value: z.number().optional(),
  unit: z.string().max(16).optional(),
});
export type Alert = z.infer<typeof alert>;
