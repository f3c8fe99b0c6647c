/** Whether it works: for load balancers, and for people without an account. */
import { z } from "zod";
import type { ApiContext } from "../context.ts";
import { type Api, unixSeconds } from "../contract.ts";
import { Problem } from "../problem.ts";

const part = z.enum(["ok", "away"]);

export function addHealthRoutes(app: Api, { utility, now, live }: ApiContext): void {
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
