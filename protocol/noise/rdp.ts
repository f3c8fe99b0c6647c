/**
 * Renyi divergence of noise that several clients add to integers, and what it means as epsilon: what homes, utility and
 * analytics must work out alike. Sensitivities and variances are those of the integer vectors, after scaling and rounding.
 */

/** RDP as a function of the order. */
export type RdpCurve = (order: number) => number;

export interface IntegerSensitivity {
  /** Euclidean. */
  readonly l2: number;
  /** Left out: min(sqrt(dimension) l2, l2^2), which bounds it for integer vectors. */
  readonly l1?: number;
  readonly dimension: number;
}

function l1Of({ l2, l1, dimension }: IntegerSensitivity): number {
  assertPositive("l2", l2);
  if (!(Number.isSafeInteger(dimension) && dimension >= 1)) {
    throw new RangeError(`dimension: expected an integer from 1 on, got ${dimension}`);
  }
  const most = Math.min(Math.sqrt(dimension) * l2, l2 * l2);
  return l1 === undefined ? most : Math.min(l1, most);
}

function assertPositive(name: string, value: number): void {
  if (!(value > 0 && Number.isFinite(value))) throw new RangeError(`${name}: expected a number above 0, got ${value}`);
}

/**
 * Skellam noise of variance mu on each coordinate (the difference of two Poisson numbers of mean mu / 2), for integer orders:
 * order l2^2 / (2 mu) + min(((2 order - 1) l2^2 + 6 l1) / (4 mu^2), 3 l1 / (2 mu)).
 * N. Agarwal, P. Kairouz, Z. Liu, "The Skellam Mechanism for Differentially Private Federated Learning", 2021,
 * theorem 3.5. Throws RangeError.
 */
export function skellamAtIntegers(variance: number, sensitivity: IntegerSensitivity): RdpCurve {
  assertPositive("variance", variance);
  const l1 = l1Of(sensitivity);
  const square = sensitivity.l2 ** 2;
  return (order) => {
    const gaussian = (order * square) / (2 * variance);
    const extra = ((2 * order - 1) * square + 6 * l1) / (4 * variance * variance);
    return gaussian + Math.min(extra, (3 * l1) / (2 * variance));
  };
}

/**
 * The sum of `clients` independent discrete Gaussians of parameter `clientVariance` each, at least 1/2; it is close to a discrete
 * Gaussian, but none itself. With s = l2 / sqrt(clients variance), s1 the same of l1, d the dimension and
 * tau = 10 sum for k = 1 .. clients - 1 of exp(-2 pi^2 variance k / (k + 1)), the RDP is at most the least of
 * order s^2 / 2 + tau d, order/2 (s^2 + 2 s1 tau + tau^2 d), order/2 (s + sqrt(d) tau)^2.
 * P. Kairouz, Z. Liu, T. Steinke, "The Distributed Discrete Gaussian Mechanism for Federated Learning with Secure
 * Aggregation", 2021, proposition 14. Colluders' parts do not count as clients here. Throws RangeError.
 */
export function distributedGaussianRdp(
  clientVariance: number,
  clients: number,
  sensitivity: IntegerSensitivity,
): RdpCurve {
  if (!(clientVariance >= 0.5 && Number.isFinite(clientVariance))) {
    throw new RangeError(`clientVariance: expected a number from 0.5 on, got ${clientVariance}`);
  }
  if (!(Number.isSafeInteger(clients) && clients >= 1)) {
    throw new RangeError(`clients: expected an integer from 1 on, got ${clients}`);
  }
  const { l2, dimension } = sensitivity;
  const deviation = Math.sqrt(clients * clientVariance);
  const s = l2 / deviation;
  const s1 = l1Of(sensitivity) / deviation;
  let tau = 0;
  for (let k = 1; k < clients; k++) tau += 10 * Math.exp((-2 * Math.PI ** 2 * clientVariance * k) / (k + 1));
  const wide = s * s + 2 * s1 * tau + tau * tau * dimension;
  const narrow = (s + Math.sqrt(dimension) * tau) ** 2;
  return (order) => Math.min((order * s * s) / 2 + tau * dimension, (order / 2) * wide, (order / 2) * narrow);
}

/**
 * Epsilon at delta by the divergence of one order a: rdp + ln((a - 1) / a) - (ln delta + ln a) / (a - 1).
 * C. Canonne, G. Kamath, T. Steinke, "The Discrete Gaussian for Differential Privacy", 2020, proposition 12; B. Balle, G. Barthe,
 * M. Gaboardi, J. Hsu, T. Sato, "Hypothesis Testing Interpretations and Renyi Differential Privacy", 2020, theorem 21.
 */
export function epsilonAtOrder(order: number, rdp: number, delta: number): number {
  return rdp + Math.log1p(-1 / order) - (Math.log(delta) + Math.log(order)) / (order - 1);
}
