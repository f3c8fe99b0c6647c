/**
 * What a system of so many meters needs, by arithmetic from measured costs of one: docs/scaling.md shows the same steps.
 * Growth exponents tell whether multiplying is allowed: 1 is proportional, less is cheaper at size.
 */

/** What one meter, reading, share or connection costs, as measured. */
export interface UnitCosts {
  /** Aggregators. */
  readonly n: number;
  readonly slotSeconds: number;
  /** Processor microseconds of broker and all aggregators for a reading, live. */
  readonly liveMicroseconds: number;
  /** Bytes of a share message on the wire, and of a share in an aggregator's database. */
  readonly shareMessageBytes: number;
  readonly storedShareBytes: number;
  /** Of the broker, for a connection; of one aggregator, for a meter. */
  readonly connectionBytes: number;
  readonly meterBytes: number;
  /** Broker, aggregators and utility without meters. */
  readonly serverBytes: number;
  /** Processor seconds of all servers for a month's bill of one meter, and for one load of a feeder. */
  readonly billSeconds: number;
  readonly loadSeconds: number;
  readonly metersPerFeeder: number;
  /** `broker.maxConnections`. */
  readonly connectionsPerNode: number;
}

export interface Needs {
  readonly meters: number;
  readonly readingsPerSecond: number;
  /** Shares, and as many acknowledgements. */
  readonly messagesPerSecond: number;
  readonly shareBytesPerSecond: number;
  /** Of one core, in real time: shares taken in, and loads released. */
  readonly intakeCores: number;
  readonly loadCores: number;
  /** Of broker and aggregators together. */
  readonly memoryBytes: number;
  /** A year of shares at one aggregator. */
  readonly storageBytesPerYear: number;
  /** Processor seconds of a monthly close, and its time on two cores if both are busy. */
  readonly closeCpuSeconds: number;
  readonly closeSecondsOnTwoCores: number;
  readonly brokerNodes: number;
}

const YEAR_SECONDS = 365 * 86_400;
const MICRO = 1e-6;
const CLOSE_CORES = 2;

export function needsOf(meters: number, costs: UnitCosts): Needs {
  const { n, slotSeconds, liveMicroseconds, shareMessageBytes, storedShareBytes } = costs;
  const readingsPerSecond = meters / slotSeconds;
  const feeders = meters / costs.metersPerFeeder;
  const closeCpuSeconds = meters * costs.billSeconds;
  return {
    meters,
    readingsPerSecond,
    messagesPerSecond: 2 * n * readingsPerSecond,
    shareBytesPerSecond: n * readingsPerSecond * shareMessageBytes,
    intakeCores: readingsPerSecond * liveMicroseconds * MICRO,
    loadCores: (feeders / slotSeconds) * costs.loadSeconds,
    memoryBytes: costs.serverBytes + meters * (costs.connectionBytes + n * costs.meterBytes),
    storageBytesPerYear: meters * (YEAR_SECONDS / slotSeconds) * storedShareBytes,
    closeCpuSeconds,
    closeSecondsOnTwoCores: closeCpuSeconds / CLOSE_CORES,
    brokerNodes: Math.ceil(meters / costs.connectionsPerNode),
  };
}

/**
 * The exponent k of y = c x^k by least squares of the logarithms. Throws RangeError unless there are two different
 * sizes and all values are positive.
 */
export function growthExponent(points: readonly (readonly [x: number, y: number])[]): number {
  if (points.some(([x, y]) => !(x > 0) || !(y > 0))) throw new RangeError("growth: expected positive sizes and values");
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)] as const);
  const mean = (of: (point: readonly [number, number]) => number): number =>
    logs.reduce((sum, point) => sum + of(point), 0) / logs.length;
  const [mx, my] = [mean(([x]) => x), mean(([, y]) => y)];
  const spread = logs.reduce((sum, [x]) => sum + (x - mx) ** 2, 0);
  if (!(spread > 0)) throw new RangeError(`growth: expected two different sizes, got ${points.length} points of one`);
  return logs.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0) / spread;
}

/** The slope of y over x by least squares: what one more costs, beside what is there anyway. */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): { slope: number; base: number } {
  const count = points.length;
  const mx = points.reduce((sum, [x]) => sum + x, 0) / count;
  const my = points.reduce((sum, [, y]) => sum + y, 0) / count;
  const spread = points.reduce((sum, [x]) => sum + (x - mx) ** 2, 0);
  if (!(spread > 0)) throw new RangeError(`slope: expected two different sizes, got ${count} points of one`);
  const slope = points.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0) / spread;
  return { slope, base: my - slope * mx };
}
