/** How near to its limits the grid is, element by element: the measure that the optimiser weighs (docs/optimiser.md). */

/** Risk begins this far inside a voltage limit, and at this share of a rating. */
export const MARGIN_PU = 0.02;
export const CALM_LOADING = 0.8;

/** 0 well within the band, 1 at its edge, more beyond it. */
export function voltageRisk(vmPu: number, vMinPu: number, vMaxPu: number, marginPu = MARGIN_PU): number {
  const inside = Math.min(vmPu - vMinPu, vMaxPu - vmPu);
  return inside >= marginPu ? 0 : (1 - inside / marginPu) ** 2;
}

/** `loading` as a share of the rating: 0 below `calm`, 1 at the rating. */
export function loadingRisk(loading: number, calm = CALM_LOADING): number {
  return loading <= calm ? 0 : ((loading - calm) / (1 - calm)) ** 2;
}
