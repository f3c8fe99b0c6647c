/** The aggregator's own entry, except that every second day (by the slot in the round's name) all its sums are wrong. */
import { alterSums } from "../../aggregator/testing/altered-sums.ts";
import { isLyingRound } from "../system/lying-days.ts";

alterSums(({ round }, honest) => (isLyingRound(round) ? honest.map((sum, at) => sum + BigInt(at) + 1n) : honest));

await import("../../aggregator/main.ts");
