/** The technical loss of a feeder, computed from its load. Pure. */

/** What the utility's books say of a feeder. */
export interface Line {
  /** Equivalent resistance of one phase: that which, with the whole load at its end, would lose as much. */
  readonly ohm: number;
  /** Between two phases. */
  readonly voltageV: number;
  readonly powerFactor: number;
  /** Lost whatever the load is: iron of a transformer behind the head. */
  readonly noLoadW: number;
  /** What each meter consumes itself and does not count. */
  readonly meterW: number;
}

/**
 * Mean power lost, in watts, at a mean power `netW` of the load (import less export, of either sign) over `meters` meters.
 * Three conductors carry I = P / (sqrt 3 U cos phi) each and lose I^2 R each: P^2 R / (U cos phi)^2 together. A line with
 * its load spread evenly loses a third of what it would with all of it at the end (Kersting, Distribution System Modeling
 * and Analysis, chapter 3), so `ohm` is a third of the line's resistance there.
 */
export function technicalLossW(netW: number, meters: number, line: Line): number {
  const { ohm, voltageV, powerFactor, noLoadW, meterW } = line;
  // What meters and iron take flows through the line as well; it is small beside the load.
  const constantW = noLoadW + meters * meterW;
  const currentPart = (netW + constantW) / (voltageV * powerFactor);
  return ohm * currentPart ** 2 + constantW;
}
