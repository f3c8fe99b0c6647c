/**
 * What a link between a meter and the broker is like, as numbers, and presets for kinds of links. The presets are
 * typical figures chosen by us, not measurements of a network.
 *
 * MQTT runs over TCP, so a lost packet never shows as missing bytes: it shows as a late one, and in the end as a
 * broken connection. Loss is therefore modelled as the retransmission delay (doubling with each loss in a row), and as
 * a cut connection once too many are lost in a row. Duplicate delivery cannot be made below MQTT either: the relay cuts
 * the connection after it has forwarded a QoS 1 PUBLISH and before the PUBACK comes back, so that the client sends again.
 */

export interface LinkConditions {
  /** One-way delay: log-normal with this median and sigma of the logarithm; and uniform extra delay up to jitterMs. */
  readonly latencyMs: number;
  readonly latencySigma: number;
  readonly jitterMs: number;
  /** Serialisation rate of each direction; 0: unlimited. */
  readonly bitsPerSecond: number;
  /** Chance that a segment of up to 1400 bytes is lost, each time it is sent. */
  readonly loss: number;
  /** Delay of the first retransmission; doubles with each further loss of the same segment. */
  readonly retransmissionMs: number;
  /** Losses in a row of one segment that end the connection. */
  readonly maxRetransmissions: number;
  /** Outages, counted from the end of the one before, and their mean length (exponential). */
  readonly outagesPerHour: number;
  readonly outageSeconds: number;
  /** Share of outages in which bytes only wait (a radio shadow); in the others connections are cut and refused. */
  readonly silentShare: number;
  /** Chance per QoS 1 PUBLISH that the connection is cut between its arrival and its acknowledgement. */
  readonly duplicates: number;
}

const PERFECT: LinkConditions = {
  latencyMs: 0,
  latencySigma: 0,
  jitterMs: 0,
  bitsPerSecond: 0,
  loss: 0,
  retransmissionMs: 200,
  maxRetransmissions: 8,
  outagesPerHour: 0,
  outageSeconds: 0,
  silentShare: 0,
  duplicates: 0,
};

export const LINK_PRESETS = {
  perfect: PERFECT,
  lan: { ...PERFECT, latencyMs: 0.3, latencySigma: 0.2, jitterMs: 0.2, bitsPerSecond: 100e6, loss: 1e-5 },
  lte: {
    ...PERFECT,
    latencyMs: 25,
    latencySigma: 0.3,
    jitterMs: 15,
    bitsPerSecond: 10e6,
    loss: 0.002,
    outagesPerHour: 0.2,
    outageSeconds: 20,
    silentShare: 0.7,
    duplicates: 0.0005,
  },
  nbiot: {
    ...PERFECT,
    latencyMs: 900,
    latencySigma: 0.6,
    jitterMs: 500,
    bitsPerSecond: 30e3,
    loss: 0.02,
    retransmissionMs: 3000,
    outagesPerHour: 1,
    outageSeconds: 60,
    silentShare: 0.8,
    duplicates: 0.005,
  },
  lossy: {
    ...PERFECT,
    latencyMs: 80,
    latencySigma: 0.5,
    jitterMs: 60,
    bitsPerSecond: 1e6,
    loss: 0.1,
    outagesPerHour: 30,
    outageSeconds: 10,
    silentShare: 0.3,
    duplicates: 0.05,
  },
} as const satisfies Record<string, LinkConditions>;

export type LinkPreset = keyof typeof LINK_PRESETS;

const RANGES: Readonly<Record<keyof LinkConditions, readonly [number, number]>> = {
  latencyMs: [0, 600_000],
  latencySigma: [0, 3],
  jitterMs: [0, 600_000],
  bitsPerSecond: [0, 1e12],
  loss: [0, 1],
  retransmissionMs: [0, 600_000],
  maxRetransmissions: [1, 30],
  outagesPerHour: [0, 3600],
  outageSeconds: [0, 1e6],
  silentShare: [0, 1],
  duplicates: [0, 1],
};

/** A preset with changes; throws RangeError naming the condition that is out of its range. */
export function linkConditions(preset: LinkPreset, changes: Partial<LinkConditions> = {}): LinkConditions {
  const conditions: LinkConditions = { ...LINK_PRESETS[preset], ...changes };
  for (const [name, [low, high]] of Object.entries(RANGES) as [keyof LinkConditions, readonly [number, number]][]) {
    const value = conditions[name];
    if (!(value >= low && value <= high)) throw new RangeError(`${name}: expected ${low} to ${high}, got ${value}`);
  }
  return conditions;
}
