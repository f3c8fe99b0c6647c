/** The aggregator's own entry, except that its sums about feeder f-2 are wrong, otherwise than those of any other liar. */
import { alterSums } from "../../../aggregator/testing/altered-sums.ts";

alterSums(({ round, aggregator }, honest) =>
  round.includes("-f-2-") ? honest.map((sum, at) => sum + BigInt(at + 2) ** BigInt(aggregator)) : honest,
);

await import("../../../aggregator/main.ts");
