/** One made-up household's messages, for the page that shows who sees what. Simulations alone have them. */
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { showcase } from "../../../protocol/messages/showcase.ts";
import { SIGNED_IN } from "../access/roles.ts";
import type { ApiContext } from "../context.ts";
import { type Api, problem } from "../contract.ts";
import { Problem } from "../problem.ts";

/** Readings that were made up. */
const fed = z.object({ feed: showcase.shape.feed });

export function addShowcaseRoutes(app: Api, { showcaseFile }: ApiContext): void {
  app.get(
    "/showcase",
    {
      config: { access: SIGNED_IN },
      schema: {
        operationId: "getShowcase",
        tags: ["system"],
        summary: "A simulated household's newest readings, their shares, and what the broker saw of them",
        response: { 200: showcase, 404: problem("No simulated household is shown here.") },
      },
    },
    async () => {
      const none = new Problem(
        404,
        "no-showcase",
        "only a simulated fleet shows a household, once it has sent something",
      );
      if (showcaseFile === undefined) throw none;
      const text = await readFile(showcaseFile, "utf8").catch((error: unknown) => {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") throw none;
        throw error;
      });
      const contents = JSON.parse(text) as unknown;
      // What was read from a file may be somebody's, whatever the rest of it says.
      if (!fed.safeParse(contents).success) throw none;
      const parsed = showcase.safeParse(contents);
      if (!parsed.success) throw new Error(`${showcaseFile}: ${z.prettifyError(parsed.error)}`);
      return parsed.data;
    },
  );
}
