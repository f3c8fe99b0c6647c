/** What was measured of learning together: how the error falls round by round, and what privacy costs of it. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { SIGNED_IN } from "../access/roles.ts";
import type { ApiContext } from "../context.ts";
import { type Api, problem } from "../contract.ts";
import { Problem } from "../problem.ts";

const spread = z.object({ mean: z.number(), low: z.number(), high: z.number(), seeds: z.int() });
const score = z.object({
  maeWh: z.number(),
  bestWh: z.number().describe("Of the best simple method, without learning"),
});

const tradeoff = z
  .object({
    simulated: z.boolean().describe("Readings are simulated"),
    quick: z.boolean().describe("A run that shows every part; not to be quoted"),
    homes: z.int(),
    rounds: z.int(),
    references: z.object({ median: z.object({ homes: score }) }).describe("Trained where all readings are"),
    points: z.array(
      z.object({
        sweep: z.string(),
        series: z.string(),
        at: z.string(),
        epsilon: z.number().nullable().describe("null: without noise"),
        homesWh: spread.describe("Mean absolute error of a home and slot, Wh"),
        convergence: z.array(z.object({ round: z.int(), maeWh: spread })),
      }),
    ),
  })
  .meta({ id: "LearningTradeoff" });

export function addTradeoffRoutes(app: Api, { config }: ApiContext): void {
  const file = path.join(config.paths.results, "learning", "tradeoff.json");
  app.get(
    "/learning/tradeoff",
    {
      config: { access: SIGNED_IN },
      schema: {
        operationId: "getTradeoff",
        tags: ["learning"],
        summary: "The newest measurement of `npm run learn -- tradeoff`: convergence, and error against epsilon",
        response: { 200: tradeoff, 404: problem("Nothing was measured yet.") },
      },
    },
    async () => {
      const text = await readFile(file, "utf8").catch((error: unknown) => {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
        throw new Problem(404, "not-measured", "nothing was measured yet: npm run learn -- tradeoff does it");
      });
      const { points, ...rest } = tradeoff.parse(JSON.parse(text));
      // The sweep over epsilon is what is shown; the others are in the file.
      return { ...rest, points: points.filter(({ sweep }) => sweep === "epsilon") };
    },
  );
}
