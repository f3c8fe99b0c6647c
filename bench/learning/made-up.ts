/** An update as long as the clip allows, the same for a home in every round. */
export function madeUpUpdate(home: number, weights: number, clip: number): Float64Array {
  const raw = Float64Array.from({ length: weights }, (_, i) => Math.sin(1 + i * 0.7 + home * 1.3));
  const norm = Math.hypot(...raw);
  return raw.map((value) => (value * clip) / norm);
}
