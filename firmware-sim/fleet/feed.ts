/** Rebuilds a source of readings from its plan: the same in every process, and again after a crash. */
import { LoadGenerator, openReplay, type ReadingsSource } from "../loads/index.ts";
import type { FeedPlan } from "./host-messages.ts";

export function openFeed(plan: FeedPlan): Promise<ReadingsSource> {
  if (plan.kind === "replayed") return openReplay(plan.file, { slotSeconds: plan.slotSeconds });
  const { seed, meters, range, slotSeconds, timezone } = plan;
  return Promise.resolve(new LoadGenerator({ seed, meters, range, slotSeconds, timezone }));
}
