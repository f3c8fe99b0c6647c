/** Collects times in a histogram of fixed size: microseconds to three digits, so that long runs cost no memory. */
import { build, type Histogram } from "hdr-histogram-js";
import type { Percentiles } from "./meters-plan.ts";

const HOUR_MICROSECONDS = 3_600_000_000;

export class Latencies {
  readonly #histogram: Histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: HOUR_MICROSECONDS,
    numberOfSignificantValueDigits: 3,
    useWebAssembly: false,
  });

  add(milliseconds: number): void {
    this.#histogram.recordValue(Math.min(HOUR_MICROSECONDS, Math.max(1, Math.round(milliseconds * 1000))));
  }

  /** In milliseconds. */
  percentiles(): Percentiles {
    const at = (percentile: number): number => this.#histogram.getValueAtPercentile(percentile) / 1000;
    const { totalCount: count } = this.#histogram;
    return count === 0
      ? { count, p50: 0, p90: 0, p99: 0, max: 0 }
      : { count, p50: at(50), p90: at(90), p99: at(99), max: this.#histogram.maxValue / 1000 };
  }
}
