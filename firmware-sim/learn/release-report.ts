/** The noised histogram of a learning run: what was opened, beside what a simulation, and nobody else, can count. */
import { z } from "zod";
import { renderTable } from "../../config/runtime/terminal.ts";
import { noisedRelease } from "../../protocol/learning/index.ts";
import { EXACT } from "../../protocol/privacy-labels.ts";
import type { LearnRequest } from "./request.ts";

/** What `npm run learn -- ask --json` prints. */
export const releaseReport = z.looseObject({
  state: z.string(),
  reason: z.string(),
  round: z.string().optional(),
  firstSlot: z.int(),
  result: noisedRelease.optional(),
});
export type ReleaseReport = z.infer<typeof releaseReport>;

const DAY_SECONDS = 86_400;

/** In which bucket each home's energy of the day lay, counted over the readings of all homes of the run. */
export function trueCounts(
  { source, homes, config }: LearnRequest,
  firstSlot: number,
  edgesWh: readonly number[],
): number[] {
  const counts = new Array<number>(edgesWh.length + 1).fill(0);
  const slots = DAY_SECONDS / config.system.slotSeconds;
  for (const { id } of homes) {
    const index = source.meters.findIndex((meter) => meter.id === id);
    let energyWh = 0;
    for (let slot = firstSlot; slot < firstSlot + slots; slot += 1) energyWh += source.read(index, slot)?.importWh ?? 0;
    const bucket = edgesWh.findIndex((edge) => energyWh < edge);
    counts[bucket < 0 ? edgesWh.length : bucket]! += 1;
  }
  return counts;
}

export function describeRelease(request: LearnRequest, { state, reason, firstSlot, result }: ReleaseReport): string {
  if (result === undefined || !("values" in result)) return `the histogram was ${state}: ${reason}`;
  const { values, edgesWh = [], meters, noiseSd, epsilon, delta } = result;
  const truth = trueCounts(request, firstSlot, edgesWh);
  const rows = values.map((value, i) => [
    `${edgesWh[i - 1] ?? 0} to ${edgesWh[i] ?? "any"}`,
    value.toFixed(1),
    truth[i],
  ]);
  const table = renderTable(["energy of the day, Wh", "homes, with noise", `all ${request.homes.length} homes`], rows);
  return [
    table,
    `${meters} homes in the sum, noise of ${noiseSd.toFixed(1)} homes (standard deviation) on each count; epsilon ` +
      `${epsilon.toFixed(2)} at delta ${delta}. Counts may be negative; feeder loads are ${EXACT}.`,
  ].join("\n");
}
