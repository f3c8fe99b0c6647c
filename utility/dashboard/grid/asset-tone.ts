/** How an asset is marked: what is soon due is not in order, however unlikely it is to fail at once. Pure. */
import type { GridMaintenance } from "../../../protocol/grid/index.ts";
import type { Tone } from "../ui/parts.tsx";

/** From here on an asset is worth a second look. */
const LIKELY = 0.1;
const SOON_YEARS = 5;

type Asset = Pick<GridMaintenance["assets"][number], "chance" | "action" | "remainingYears">;

export function assetTone({ chance, action, remainingYears: { median } }: Asset): Tone {
  if (chance >= LIKELY) return "warn";
  return action !== null || (median !== null && median < SOON_YEARS) ? "plain" : "good";
}
