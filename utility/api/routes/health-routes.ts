/** Whether it works: for load balancers, and for people without an account. */
import { z } from "zod";
import { SIGNED_IN } from "../access/roles.ts";
import type { ApiContext } from "../context.ts";
import { type Api, unixSeconds } from "../contract.ts";
import { Problem } from "../problem.ts";

const part = z.enum(["ok", "away"]);

export function addHealthRoutes(app: Api, { utility, now, live, config }: ApiContext): void {
  app.get(
    "/health",
    {
      config: { access: "public", rateLimit: false },
      schema: {
        operationId: "getHealth",
        tags: ["system"],
        summary: "Whether the parts that this stands on are there",
        response: {
          200: z
            .object({
              status: z.enum(["ok", "degraded"]),
              time: unixSeconds,
              parts: z.object({ database: part, broker: part }),
            })
            .meta({ id: "Health" }),
        },
      },
    },
    async () => {
      const parts = {
        database: (await reads(utility)) ? "ok" : "away",
        broker: live.connected ? "ok" : "away",
      } as const;
      const status = Object.values(parts).every((value) => value === "ok") ? "ok" : "degraded";
      return { status, time: Math.floor(now()), parts } as const;
    },
  );

  app.get(
    "/system",
    {
      config: { access: SIGNED_IN },
      schema: {
        operationId: "getSystem",
        tags: ["system"],
        summary: "What system this is: how many aggregators, how many it takes, how long a slot is",
        response: {
          200: z
            .object({
              aggregators: z.int(),
              threshold: z.int().describe("Aggregators that it takes to open anything"),
              quorum: z.int().describe("Aggregators that must have endorsed a set before any of them answers"),
              slotSeconds: z.int(),
              timezone: z.string().describe("Of tariffs and billing days"),
              currency: z.string(),
              simulated: z.boolean().describe("Meters and time are simulated: no figure is of a real household"),
              epsilonBudget: z.number().describe("Epsilon that one household may spend in all"),
            })
            .meta({ id: "System" }),
        },
      },
    },
    async () => ({
      aggregators: config.system.aggregators,
      threshold: config.system.threshold,
      quorum: config.system.quorum,
      slotSeconds: config.system.slotSeconds,
      timezone: config.system.timezone,
      currency: config.system.currency,
      simulated: config.simulation.enabled,
      epsilonBudget: config.learning.epsilon,
    }),
  );
}

async function reads(utility: ApiContext["utility"]): Promise<boolean> {
  try {
    await utility.db.selectFrom("meta").select("key").limit(1).execute();
    return true;
  } catch (error) {
    if (error instanceof Problem) return false;
    throw error;
  }
}
