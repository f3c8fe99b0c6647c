/**
 * How long a vector of noise gets: a Euclidean norm that it exceeds with a stated chance at most. Proven for the integers
 * that are drawn, not for a normal distribution near them.
 */

/** Standard deviations beyond which a normal variable is left out below, and the chance of it: 2 Q(5) < 6e-7. */
const LEFT_OUT = 5;
const LEFT_OUT_CHANCE = 6e-7;

/**
 * A norm that `dimension` independent discrete Gaussians of parameter `variance` exceed with a chance of exp(-nats) at
 * most. They are sub-Gaussian with that parameter (C. Canonne, G. Kamath, T. Steinke, "The Discrete Gaussian for Differential
 * Privacy", 2020), so theorem 2.1 of D. Hsu, S. Kakade, T. Zhang, "A tail inequality for quadratic forms of subgaussian
 * random vectors", 2012, holds: the square is at most variance (d + 2 sqrt(d nats) + 2 nats).
 */
export function gaussianNorm(variance: number, dimension: number, nats: number): number {
  return Math.sqrt(variance * squareFactor(dimension, nats));
}

/**
 * The same for Skellam noise, which is not sub-Gaussian. With half the chance some coordinate is beyond M = sqrt(2 v u) +
 * u / 3, u = nats + ln(4 d) (Bernstein), so the squares add up to d M^2 at most otherwise. Within M, exp(z x^2) is the mean
 * of exp(sqrt(2 z) g x) over normal g, of which |g| <= G = sqrt(2 z) M + 5 holds all but 2 Q(5); there the
 * moment generating function exp(v (cosh s - 1)) is at most exp(c v s^2 / 2) with c = 2 (cosh s0 - 1) / s0^2 for s0 = sqrt(2 z) G.
 * So with the other half the bound of Gaussians of variance c v holds, taken at its own z. The lesser of both counts.
 */
export function skellamNorm(variance: number, dimension: number, nats: number): number {
  const u = nats + Math.log(4 * dimension);
  const most = Math.sqrt(2 * variance * u) + u / 3;
  // Half the chance, and for each coordinate the part of g that was left out.
  const rest = nats + Math.LN2 + 2 * dimension * LEFT_OUT_CHANCE;
  const root = Math.sqrt(rest / dimension);
  const z = root / (1 + 2 * root) / variance;
  const s0 = 2 * z * most + Math.sqrt(2 * z) * LEFT_OUT;
  const heavier = (2 * (Math.cosh(s0) - 1)) / (s0 * s0);
  return Math.sqrt(Math.min(heavier * variance * squareFactor(dimension, rest), dimension * most * most));
}

function squareFactor(dimension: number, nats: number): number {
  return dimension + 2 * Math.sqrt(dimension * nats) + 2 * nats;
}
