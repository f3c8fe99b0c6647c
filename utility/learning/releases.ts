/** Noised loads and histograms in the database, for people: one row for each, and one for each of its values. */
import {
  type NoisedRelease,
  type OpenedRelease,
  precisionOf,
  releaseHead,
  releaseOf,
  type ReleaseTask,
} from "../../protocol/learning/index.ts";
import { coordinatesOf } from "../../protocol/learning/result.ts";
import { type ModelRound, shapeOf } from "../store/learning-store.ts";
import type { NoisedValuesTable } from "../store/learning-tables.ts";
import type { Queries } from "../store/rounds-store.ts";

/** Rows of one statement. */
const AT_ONCE = 500;

/** A settled round as a release; undefined for training. */
export function noisedReleaseOf(row: ModelRound, slotSeconds: number): NoisedRelease | undefined {
  if (row.content === null) return undefined;
  const { round, campaign, step, meters, sum, set_id: setId, status, reason } = row;
  // Our own encoding of what was checked when it was announced.
  const content = { campaign, step, ...shapeOf(row), task: JSON.parse(row.content) as ReleaseTask };
  const settledAt = row.settled_at ?? 0;
  if (sum === null || setId === null || meters === null) {
    return { ...releaseHead(content, round, slotSeconds), status, reason, settledAt };
  }
  const facts = { round, slotSeconds, meters, settledAt, spareAnswers: row.spare_answers ?? 0 };
  const set = Buffer.from(setId).toString("hex");
  return releaseOf(content, { ...facts, setId: set }, coordinatesOf("int64", sum));
}

/** Writes what a settled round released, if it is no training. In the caller's transaction. */
export async function writeRelease(db: Queries, row: ModelRound, slotSeconds: number): Promise<void> {
  const release = noisedReleaseOf(row, slotSeconds);
  if (release === undefined || row.content === null) return;
  const { round, name, step, type, kind, from, to, status, settledAt } = release;
  const opened = "values" in release ? release : undefined;
  const task = JSON.parse(row.content) as ReleaseTask;
  const { unit, leastNoiseSd, clip, epsilon, delta, minMeters } = precisionOf(
    { ...shapeOf(row), task },
    row.min_meters,
  );
  await db
    .insertInto("noised_releases")
    .values({
      ...{ round, name, step, type, kind, unit, window_start: from, window_end: to, min_meters: minMeters },
      ...{ meters: opened?.meters ?? null, noise_sd: opened?.noiseSd ?? null, least_noise_sd: leastNoiseSd },
      ...{ clip, epsilon, delta, spare_answers: opened?.spareAnswers ?? null },
      ...{ status, reason: "reason" in release ? release.reason : "", settled_at: settledAt },
    })
    .onConflict((conflict) => conflict.column("round").doNothing())
    .execute();
  const values = opened === undefined ? [] : valueRows(opened);
  for (let at = 0; at < values.length; at += AT_ONCE) {
    await db
      .insertInto("noised_values")
      .values(values.slice(at, at + AT_ONCE))
      .onConflict((conflict) => conflict.columns(["round", "position"]).doNothing())
      .execute();
  }
}

/** What stands in `noised_values` for a release. */
export function valueRows({ round, from, slotSeconds, edgesWh, values }: OpenedRelease): NoisedValuesTable[] {
  return values.map((value, position) => ({
    ...{ round, position, value },
    slot_start: edgesWh === undefined ? from + position * slotSeconds : null,
    from_wh: edgesWh?.[position - 1] ?? null,
    to_wh: edgesWh?.[position] ?? null,
  }));
}
