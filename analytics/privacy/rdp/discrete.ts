/**
 * Renyi divergence of noise on integers: discrete Gaussian, sums of discrete Gaussians, Skellam. Sensitivities and variances
 * are those of the integer vectors, after scaling and rounding (protocol/noise/rounding.ts).
 */
import { assertAbove, assertRate } from "../checks.ts";
import { logSumExp } from "../special.ts";

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
  assertAbove("l2", l2, 0);
  if (!(Number.isSafeInteger(dimension) && dimension >= 1)) {
    throw new RangeError(`dimension: expected an integer from 1 on, got ${dimension}`);
  }
  const most = Math.min(Math.sqrt(dimension) * l2, l2 * l2);
  return l1 === undefined ? most : Math.min(l1, most);
}

/**
 * One discrete Gaussian of parameter sigma^2 on each coordinate: order l2^2 / (2 sigma^2), as for the continuous one.
 * C. Canonne, G. Kamath, T. Steinke, "The Discrete Gaussian for Differential Privacy", 2020, theorem 14.
 */
export function discreteGaussianRdp(variance: number, l2: number): RdpCurve {
  assertAbove("variance", variance, 0);
  assertAbove("l2", l2, 0);
  return (order) => (order * l2 * l2) / (2 * variance);
}

/**
 * The sum of `clients` independent discrete Gaussians of parameter `clientVariance` each, at least 1/2; it is no discrete Gaussian
 * itself. With s = l2 / sqrt(clients variance), s1 the same of l1, d the dimension and
 * tau = 10 sum for k = 1 .. clients - 1 of exp(-2 pi^2 variance k / (k + 1)), the RDP is at most the least of
 * order s^2 / 2 + tau d, order/2 (s^2 + 2 s1 tau + tau^2 d), order/2 (s + sqrt(d) tau)^2.
 * P. Kairouz, Z. Liu, T. Steinke, "The Distributed Discrete Gaussian Mechanism for Federated Learning with Secure
 * Aggregation", 2021, proposition 14. Colluders' parts do not count as clients here.
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
  return (order) =>
    Math.min(
      (order * s * s) / 2 + tau * dimension,
      (order / 2) * (s * s + 2 * s1 * tau + tau * tau * dimension),
      (order / 2) * (s + Math.sqrt(dimension) * tau) ** 2,
    );
}

/**
 * Skellam noise of variance mu on each coordinate (the difference of two Poisson numbers of mean mu / 2): for integer orders
 * order l2^2 / (2 mu) + min(((2 order - 1) l2^2 + 6 l1) / (4 mu^2), 3 l1 / (2 mu)).
 * N. Agarwal, P. Kairouz, Z. Liu, "The Skellam Mechanism for Differentially Private Federated Learning", 2021,
 * theorem 3.5. Orders between integers are interpolated: (order - 1) RDP(order) is convex, and 0 at order 1.
 */
export function skellamRdp(variance: number, sensitivity: IntegerSensitivity): RdpCurve {
  assertAbove("variance", variance, 0);
  const l1 = l1Of(sensitivity);
  const square = sensitivity.l2 ** 2;
  return interpolated((order) => {
    const gaussian = (order * square) / (2 * variance);
    const extra = ((2 * order - 1) * square + 6 * l1) / (4 * variance * variance);
    return gaussian + Math.min(extra, (3 * l1) / (2 * variance));
  });
}

/** From integer orders to all: moments are log-convex in the order (T. van Erven, P. Harremoes, 2014, corollary 2). */
function interpolated(atInteger: RdpCurve): RdpCurve {
  const moment = (order: number): number => (order === 1 ? 0 : (order - 1) * atInteger(order));
  return (order) => {
    assertAbove("order", order, 1);
    const below = Math.floor(order);
    if (below === order) return atInteger(order);
    const part = order - below;
    return ((1 - part) * moment(below) + part * moment(below + 1)) / (order - 1);
  };
}

/**
 * Any mechanism on a Poisson sample of the households, each taking part with chance `rate`: for integer orders the bound of
 * Y. Zhu, Y.-X. Wang, "Poisson Subsampled Renyi Differential Privacy", 2019, theorem 5, and never more than without sampling.
 * It holds only against those who do not learn who took part.
 */
export function sampledRdp(curve: RdpCurve, rate: number): RdpCurve {
  assertRate(rate);
  if (rate === 1) return curve;
  if (rate === 0) return () => 0;
  return interpolated((order) => {
    const stay = Math.log1p(-rate);
    const terms = [(order - 1) * stay + Math.log1p((order - 1) * rate)];
    let logBinomial = Math.log(order);
    for (let k = 2; k <= order; k++) {
      logBinomial += Math.log((order - k + 1) / k);
      const weight = logBinomial + (order - k) * stay + k * Math.log(rate);
      terms.push(weight + (k === 2 ? 0 : Math.log(3)) + (k - 1) * curve(k));
    }
    return Math.min(curve(order), logSumExp(terms) / (order - 1));
  });
}
