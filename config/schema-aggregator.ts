/** An aggregator: what it takes in, and how much it keeps. */
import { z } from "zod";
import { seconds, whole } from "./schema-fields.ts";

export const aggregator = z.strictObject({
  windowSlots: whole(1, 1_000_000, 2_976, "Slots back from now that are still accepted.", { unit: "slots" }),
  futureSlots: whole(0, 96, 1, "Slots ahead of now that are accepted (clock differences).", { unit: "slots" }),
  commitMilliseconds: whole(0, 10_000, 20, "Longest wait before received shares are committed and acknowledged.", {
    unit: "ms",
  }),
  commitMessages: whole(1, 100_000, 2_000, "Messages that trigger a commit at once.", { unit: "messages" }),
  journalRows: whole(1_000, 100_000_000, 100_000, "Rows of the journal before it is packed into the share store.", {
    unit: "rows",
  }),
  cacheBlocks: whole(64, 100_000_000, 65_536, "Blocks (a meter's day of one kind, 2 KB) kept in memory.", {
    unit: "blocks",
  }),
  dirtyBlocks: whole(16, 10_000_000, 4_096, "Blocks with changes before the journal is packed.", { unit: "blocks" }),
  shareDays: whole(
    0,
    36_500,
    0,
    "Days after which shares that are in a bill go, in stretches of 32 days of 96 slots (docs/postgresql.md); 0: they stay.",
    { unit: "days" },
  ),
  workerSeconds: seconds(
    1,
    600,
    20,
    "Where several workers share the meters: one that says nothing to the database for so long is cut off from it, and its meters go to the others.",
  ),
  learnRounds: whole(
    1,
    10_000,
    16,
    "Announced learning rounds kept at the same time; for one more an old one that has closed is forgotten.",
    {
      unit: "rounds",
    },
  ),
  learnMegabytes: whole(1, 1_000_000, 512, "Shares of updates kept for learning rounds, all together.", {
    unit: "MB",
  }),
  learnKeepSeconds: seconds(
    60,
    31_536_000,
    604_800,
    "A learning round is taken so long before it closes at most, and forgotten so long after it, summed or not.",
  ),
});
