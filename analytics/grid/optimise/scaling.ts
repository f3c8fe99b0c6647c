/** How figures become features of a network: about -1 to 1. */
export function clip(value: number): number {
  return Number.isFinite(value) ? Math.min(1, Math.max(-1, value)) : 1;
}

/** From 0.1 % to 100 % on about the same footing. */
export function fine(value: number): number {
  return clip((Math.sign(value) * Math.log1p(1_000 * Math.abs(value))) / 6);
}
