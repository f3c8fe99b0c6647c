/**
 * Cumulative sums of log-likelihood ratios (Page 1954): the quickest test for a change at an unknown time. With the
 * threshold ln N the mean time to a false alarm is at least N samples, whatever the two distributions are (Lorden 1971,
 * theorem 2), so that a rate of false alarms can be asked for instead of a threshold. Pure.
 */

/** A sum and where it last left 0: the estimate of when the change came. */
export interface Cusum {
  readonly sum: number;
  /** The first sample of the present rise; meaningless while the sum is 0. */
  readonly since: number;
}

export const AT_REST: Cusum = { sum: 0, since: 0 };

/** The threshold for at most `alarmsPerYear` false alarms among `samplesPerYear` samples. Throws RangeError. */
export function thresholdFor(alarmsPerYear: number, samplesPerYear: number): number {
  if (!(alarmsPerYear > 0)) throw new RangeError(`alarmsPerYear: expected a number above 0, got ${alarmsPerYear}`);
  return Math.log(Math.max(Math.E, samplesPerYear / alarmsPerYear));
}

/** Adds one sample's log-likelihood ratio. Nothing is gained by rising above `most`: what ended must be seen to end. */
export function added(before: Cusum, ratio: number, sample: number, most: number): Cusum {
  const sum = Math.min(most, before.sum + ratio);
  if (sum <= 0) return AT_REST;
  return { sum, since: before.sum > 0 ? before.since : sample };
}

/** ln of the likelihood of a normal sample with mean `shift` over that with mean 0, both of standard deviation 1. */
export function shiftRatio(sample: number, shift: number): number {
  return shift * (sample - shift / 2);
}

/** The same for an event that has probability `p1` instead of `p0`. */
export function eventRatio(happened: boolean, p0: number, p1: number): number {
  return happened ? Math.log(p1 / p0) : Math.log((1 - p1) / (1 - p0));
}
