/**
 * Losses of several releases add up: the distribution of the sum is a convolution, done by Fourier transform with powers
 * for repeated releases (A. Koskela, J. Jalko, A. Honkela, "Computing Tight Differential Privacy Guarantees Using FFT", 2020).
 *
 * Errors, all to the worse: what lies outside the window of the transform is bounded by Chernoff's inequality and counted as
 * infinite loss; the transform's own rounding, about 1e-16 for each release, is added in the same way.
 */
import FFT from "fft.js";
import type { LossDistribution } from "./loss-distribution.ts";

export interface Repeated {
  readonly losses: LossDistribution;
  readonly times: number;
}

/** Mass that may fall outside the window on either side. */
const OUTSIDE = 1e-14;
/** Of the transform, for each release: the mass that it made or lost was measured at a fifth of this. */
const ROUNDING = 5e-16;
/** Four million points: 200 MB and some seconds. */
const LARGEST_SIZE = 2 ** 22;

/** The distribution of all losses together. All parts need the same step. Throws RangeError, also when the window is too large. */
export function composeLosses(parts: readonly Repeated[]): LossDistribution {
  const used = parts.filter(({ times }) => times > 0);
  const [one] = used;
  if (one === undefined) throw new RangeError("parts: expected at least one release");
  const { step } = one.losses;
  if (used.some(({ losses }) => losses.step !== step)) throw new RangeError("parts: expected the same step in all");
  if (used.length === 1 && one.times === 1) return one.losses;
  const least = Math.floor(-chernoff(used, -1) / step);
  const most = Math.ceil(chernoff(used, 1) / step);
  const size =
    2 ** Math.ceil(Math.log2(Math.max(16, most - least + 2, ...used.map(({ losses }) => losses.masses.length))));
  if (size > LARGEST_SIZE) throw new RangeError(`step: ${step} needs ${size} points; take a larger one`);
  const masses = convolve(used, size, least);
  const releases = used.reduce((sum, { times }) => sum + times, 0);
  const finite = used.reduce((log, { losses, times }) => log + times * Math.log1p(-losses.infinite), 0);
  const infinite = -Math.expm1(finite) + 2 * OUTSIDE + ROUNDING * releases;
  return { step, first: least, masses, infinite };
}

/** A bound that the sum (times `sign`) exceeds with probability at most OUTSIDE: the least of (log E exp(t X) - log p) / t. */
function chernoff(parts: readonly Repeated[], sign: 1 | -1): number {
  const moments = parts.map(({ losses, times }) => ({ times, logMoment: logMomentOf(losses) }));
  let best = Number.POSITIVE_INFINITY;
  for (let power = -8; power <= 10; power += 0.5) {
    const t = 2 ** power;
    const log = moments.reduce((sum, { times, logMoment }) => sum + times * logMoment(sign * t), 0);
    best = Math.min(best, (log - Math.log(OUTSIDE)) / t);
  }
  return best;
}

function logMomentOf({ step, first, masses }: LossDistribution): (t: number) => number {
  const logs = masses.map(Math.log);
  return (t) => {
    let most = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < logs.length; i++) most = Math.max(most, logs[i]! + t * (first + i) * step);
    let sum = 0;
    for (let i = 0; i < logs.length; i++) sum += Math.exp(logs[i]! + t * (first + i) * step - most);
    return most + Math.log(sum);
  };
}

/** The transform's window wraps around: index j stands for every loss least + j + k size, of which one is likely. */
function convolve(parts: readonly Repeated[], size: number, least: number): Float64Array {
  const fft = new FFT(size);
  const product = new Float64Array(2 * size);
  for (let i = 0; i < product.length; i += 2) product[i] = 1;
  const input = new Float64Array(size);
  const spectrum = new Float64Array(2 * size);
  let shift = -least;
  for (const { losses, times } of parts) {
    input.fill(0);
    input.set(losses.masses);
    fft.realTransform(spectrum, input);
    fft.completeSpectrum(spectrum);
    for (let i = 0; i < product.length; i += 2) {
      const size2 = spectrum[i]! ** 2 + spectrum[i + 1]! ** 2;
      const length = size2 === 0 ? 0 : Math.exp((times / 2) * Math.log(size2));
      const angle = times * Math.atan2(spectrum[i + 1]!, spectrum[i]!);
      const [re, im] = [length * Math.cos(angle), length * Math.sin(angle)];
      const [a, b] = [product[i]!, product[i + 1]!];
      product[i] = a * re - b * im;
      product[i + 1] = a * im + b * re;
    }
    shift += times * losses.first;
  }
  fft.inverseTransform(spectrum, product);
  const masses = new Float64Array(size);
  const offset = ((shift % size) + size) % size;
  for (let i = 0; i < size; i++) masses[(i + offset) % size] = Math.max(0, spectrum[2 * i]!);
  return masses;
}
