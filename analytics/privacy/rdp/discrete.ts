/**
 * Renyi divergence of noise on integers at all orders, and under sampling. Sensitivities and variances
 * are those of the integer vectors, after scaling and rounding (protocol/noise/rounding.ts).
 */
import { type IntegerSensitivity, type RdpCurve, skellamAtIntegers } from "../../../protocol/noise/rdp.ts";
import { assertAbove, assertRate } from "../checks.ts";
import { logSumExp } from "../special.ts";

/**
 * One discrete Gaussian of parameter sigma^2 on each coordinate: order l2^2 / (2 sigma^2), as for the continuous one.
 * C. Canonne, G. Kamath, T. Steinke, "The Discrete Gaussian for Differential Privacy", 2020, theorem 14.
 */
export function discreteGaussianRdp(variance: number, l2: number): RdpCurve {
  assertAbove("variance", variance, 0);
  assertAbove("l2", l2, 0);
  return (order) => (order * l2 * l2) / (2 * variance);
}

/** Skellam noise at all orders: (order - 1) RDP(order) is convex, and 0 at order 1. Throws RangeError. */
export function skellamRdp(variance: number, sensitivity: IntegerSensitivity): RdpCurve {
  return interpolated(skellamAtIntegers(variance, sensitivity));
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
