/**
 * What rules may be about: for each signal its unit, whose values it has, and whether those are public. No signal is of a
 * single meter: the smallest thing that has one is a feeder, or a bus of the grid.
 */

export interface SignalDefinition {
  readonly unit: string;
  /** Kind of its elements, the part before `:`. */
  readonly of: "branch" | "bus" | "feeder" | "grid" | "sensor" | "aggregator" | "account" | "broker" | "notice";
  /** What the world may know anyhow: it is published by somebody, or stands in the log. */
  readonly public: boolean;
  readonly about: string;
}

const scans = { unit: "scans", public: true } as const;

export const SIGNALS = {
  "branch-loading": { unit: "%", of: "branch", public: true, about: "Apparent power over the rating" },
  "branch-temperature": { unit: "degC", of: "branch", public: true, about: "Of the conductor, from its current" },
  "bus-voltage": { unit: "p.u.", of: "bus", public: true, about: "Of a bus that has supply" },
  "lacking-power": { unit: "MW", of: "grid", public: true, about: "Last known loads of buses without supply" },
  "grid-risk": { unit: "1", of: "grid", public: true, about: "Sum over buses and branches, 1 for each at its limit" },
  "technical-losses": { unit: "%", of: "grid", public: true, about: "Of the power that comes in" },
  theft: { ...scans, of: "bus", about: "In a row in which a bus takes more than it shows" },
  "bad-data": { ...scans, of: "sensor", about: "In a row in which a sample is not believed" },
  "dead-sensor": { ...scans, of: "sensor", about: "In a row in which a sensor shows nothing" },
  "lost-samples": { ...scans, of: "grid", about: "In a row with samples that did not come" },
  unobservable: { ...scans, of: "grid", about: "In a row without the voltage of some bus" },
  "suspect-state": { ...scans, of: "grid", about: "In a row whose samples contradict each other, and none stands out" },
  "no-state": { ...scans, of: "grid", about: "In a row that no state fits" },
  "grid-age": { unit: "s", of: "grid", public: true, about: "Since the last scan" },
  "load-age": { unit: "s", of: "feeder", public: true, about: "Since the end of the newest released slot" },
  "missing-meters": { unit: "meters", of: "feeder", public: false, about: "Lacking in the newest load; only how many" },
  "balance-residual": {
    unit: "%",
    of: "feeder",
    public: false,
    about: "Of the newest balance, what neither meters nor losses explain, of the feeder's import",
  },
  "balance-detections": { unit: "1", of: "feeder", public: true, about: "Of the detector of theft, within a day" },
  "aggregator-lies": {
    unit: "1",
    of: "aggregator",
    public: true,
    about: "Wrong answers that were proved, within a day",
  },
  "failed-rounds": { unit: "rounds", of: "feeder", public: false, about: "That ended without a total, within a day" },
  "privacy-share": {
    unit: "%",
    of: "account",
    public: true,
    about: "Of what one household may spend (learning.epsilon), what the last entry of the log says is spent",
  },
  "privacy-spent": { unit: "epsilon", of: "account", public: true, about: "Of the last entry of the log" },
  "broker-away": { unit: "s", of: "broker", public: false, about: "Since the broker was last there" },
  notices: { unit: "1", of: "notice", public: true, about: "Of a code that the utility has published, within a day" },
} as const satisfies Record<string, SignalDefinition>;

export type SignalName = keyof typeof SIGNALS;
export const SIGNAL_NAMES = Object.keys(SIGNALS) as [SignalName, ...SignalName[]];

export interface Reading {
  readonly value: number;
  /** For the text of an alert. */
  readonly detail?: string;
}

/** What is known at one time of one signal. */
export interface Observations {
  readonly signal: SignalName;
  /** Unix seconds of what was measured: simulated time in a simulation. */
  readonly at: number;
  /** By element, as `branch:12` or `feeder:f-1`. */
  readonly values: ReadonlyMap<string, Reading>;
  /** What elements have that are not listed; undefined: nothing is known of them, and their alerts stay as they are. */
  readonly others?: number;
}
