/** What a simulation hands the HTTP interface for the page that shows who sees what: one made-up household's messages. */
import { z } from "zod";

/** So much of a sealed message is shown. */
export const SHOWCASE_PREFIX_BYTES = 24;
const share = z.string().regex(/^\d{1,19}$/, "an element of the field, decimal");

export const showcase = z
  .strictObject({
    simulated: z.literal(true).describe("There is none of a real household"),
    feed: z
      .strictObject({ kind: z.literal("generated") })
      .describe("Where its readings come from: made up. Those of a file may be somebody's, and are shown to nobody"),
    meter: z.string(),
    feeder: z.string(),
    slotStart: z.int().describe("Of the first reading, Unix seconds"),
    slotSeconds: z.int(),
    threshold: z.int(),
    readingsWh: z.array(z.number()).describe("What the household alone knows"),
    parts: z.array(
      z.strictObject({
        aggregator: z.string(),
        shares: z.array(share).describe("What this aggregator alone knows, one for each reading"),
        topic: z.string(),
        bytes: z.int().describe("Of the sealed message, which the broker passes on"),
        prefix: z.string().describe("Its first bytes, in hex: what says how it is sealed, and for whom"),
        sealed: z.string().describe("Its last bytes, in hex: of what is sealed"),
      }),
    ),
  })
  .meta({ id: "Showcase" });
export type Showcase = z.infer<typeof showcase>;
