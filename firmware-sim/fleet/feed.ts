/** Rebuilds a source of readings from its plan: the same in every process, and again after a crash. */
import { MeteredSource } from "../feeder/metered-source.ts";
import { SourceWithHeads } from "../feeder/with-heads.ts";
import { LoadGenerator, openReplay, type ReadingsSource } from "../loads/index.ts";
import type { FeedPlan } from "./host-messages.ts";

/** What the customers' meters count. */
export function openFeed(plan: FeedPlan): Promise<ReadingsSource> {
  if (plan.kind === "replayed") return openReplay(plan.file, { slotSeconds: plan.slotSeconds });
  const homes = homesOf(plan);
  const { thefts = [] } = plan;
  return Promise.resolve(thefts.length === 0 ? homes : new MeteredSource(homes, thefts));
}

/** The same and, behind them in the list, the heads of feeders where the plan has any. */
export async function openFeedWithHeads(plan: FeedPlan): Promise<ReadingsSource> {
  const metered = await openFeed(plan);
  if (plan.kind === "replayed" || plan.heads === undefined) return metered;
  const { heads, seed } = plan;
  return new SourceWithHeads(homesOf(plan), metered, { seed, lineOf: (feeder) => heads[feeder]! });
}

function homesOf({
  seed,
  meters,
  range,
  slotSeconds,
  timezone,
}: Exclude<FeedPlan, { kind: "replayed" }>): LoadGenerator {
  return new LoadGenerator({ seed, meters, range, slotSeconds, timezone });
}
