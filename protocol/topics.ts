/** Every topic in one typed table: all parties build and parse topics by it, and the broker takes its rules from it. */

/** Who a connected client is: the OU of its certificate, or `public` on the loopback listener. */
export const ROLES = [
  "meter",
  "aggregator",
  "utility",
  "analytics",
  "api",
  "authority",
  "simulator",
  "broker",
  "public",
] as const;
export type Role = (typeof ROLES)[number];

/** Named parts of a topic. `meter`, `agg` are also identities: "own" rules compare them with the client. */
export interface TopicParameters {
  meter: string;
  agg: string;
  feeder: string;
  round: string;
  series: string;
  job: string;
  type: string;
  topic: string;
}

/** May a role use a topic: for any parameters, or only where the named one is its own id. */
export interface Rule {
  readonly role: Role;
  readonly own?: "meter" | "agg";
  /** For the second connection of a meter, which carries what is large, and for nothing else. */
  readonly bulk?: true;
  /** Where it is less than the topic's. */
  readonly maxBytes?: number;
}

export interface TopicDefinition {
  /** Slash-separated; `<name>` is a parameter of one level. */
  readonly pattern: string;
  readonly publish: readonly Rule[];
  readonly subscribe: readonly Rule[];
  readonly retained?: boolean;
  /** Largest payload in bytes that a publisher may send. */
  readonly maxBytes: number;
}

const KIB = 1024;
/** Sealed server messages travel in chunks of this many bytes of content. */
export const CHUNK_BYTES = 256 * KIB;
const CHUNK_PAYLOAD = CHUNK_BYTES + KIB;
/** An update of more bytes goes over the meter's second connection. */
export const SMALL_UPDATE_BYTES = 16 * KIB;

const OWN_METER: Rule = { role: "meter", own: "meter" };
const OWN_METER_BULK: Rule = { ...OWN_METER, bulk: true };
const OWN_AGGREGATOR: Rule = { role: "aggregator", own: "agg" };
const UTILITY: Rule = { role: "utility" };
const ANALYTICS: Rule = { role: "analytics" };
const API: Rule = { role: "api" };
const AUTHORITY: Rule = { role: "authority" };
const AGGREGATORS: Rule = { role: "aggregator" };
const SERVERS: readonly Rule[] = [UTILITY, ANALYTICS, AUTHORITY, AGGREGATORS, { role: "simulator" }];
const ANYONE: readonly Rule[] = ROLES.map((role) => ({ role }));

export const TOPICS = {
  share: {
    pattern: "wv/1/m/<meter>/share/<agg>",
    publish: [OWN_METER],
    subscribe: [OWN_AGGREGATOR],
    maxBytes: 64 * KIB,
  },
  meterStatus: {
    pattern: "wv/1/m/<meter>/status",
    publish: [OWN_METER],
    subscribe: [UTILITY, AGGREGATORS],
    retained: true,
    maxBytes: 512,
  },
  ack: {
    pattern: "wv/1/a/<agg>/ack/<meter>",
    publish: [OWN_AGGREGATOR],
    subscribe: [OWN_METER],
    maxBytes: 64 * KIB,
  },
  aggregatorStatus: {
    pattern: "wv/1/a/<agg>/status",
    publish: [OWN_AGGREGATOR],
    subscribe: [...SERVERS, API, { role: "meter" }],
    retained: true,
    maxBytes: 512,
  },
  roundRequest: {
    pattern: "wv/1/u/round/<round>/<agg>",
    publish: [UTILITY],
    subscribe: [OWN_AGGREGATOR],
    maxBytes: CHUNK_PAYLOAD,
  },
  roundAnswer: {
    pattern: "wv/1/a/<agg>/round/<round>/<type>",
    publish: [OWN_AGGREGATOR],
    subscribe: [UTILITY],
    maxBytes: CHUNK_PAYLOAD,
  },
  enrolRequest: {
    pattern: "wv/1/e/enrol/<agg>",
    publish: [AUTHORITY],
    subscribe: [OWN_AGGREGATOR],
    maxBytes: CHUNK_PAYLOAD,
  },
  enrolAnswer: {
    pattern: "wv/1/a/<agg>/enrol/<meter>",
    publish: [OWN_AGGREGATOR],
    subscribe: [AUTHORITY],
    maxBytes: CHUNK_PAYLOAD,
  },
  roll: {
    pattern: "wv/1/e/roll",
    publish: [AUTHORITY],
    subscribe: [...SERVERS, { role: "broker" }],
    maxBytes: CHUNK_PAYLOAD,
  },
  customers: {
    pattern: "wv/1/e/customers",
    publish: [AUTHORITY],
    subscribe: [UTILITY],
    maxBytes: CHUNK_PAYLOAD,
  },
  simClock: {
    pattern: "wv/1/sim/clock",
    publish: [{ role: "simulator" }],
    subscribe: ANYONE,
    maxBytes: KIB,
  },
  feederLoad: {
    pattern: "wv/1/pub/feeder/<feeder>/load",
    publish: [UTILITY],
    subscribe: ANYONE,
    maxBytes: 16 * KIB,
  },
  grid: { pattern: "wv/1/pub/grid/<topic>", publish: [ANALYTICS], subscribe: ANYONE, maxBytes: 256 * KIB },
  gridRequest: { pattern: "wv/1/api/grid/<job>", publish: [API], subscribe: [ANALYTICS], maxBytes: 16 * KIB },
  gridAnswer: { pattern: "wv/1/an/grid/<job>", publish: [ANALYTICS], subscribe: [API], maxBytes: CHUNK_PAYLOAD },
  alert: { pattern: "wv/1/pub/alert/<topic>", publish: [UTILITY, API], subscribe: ANYONE, maxBytes: 16 * KIB },
  logCheckpoint: { pattern: "wv/1/pub/log/checkpoint", publish: [UTILITY], subscribe: ANYONE, maxBytes: 64 * KIB },
  heCiphertext: {
    pattern: "wv/1/m/<meter>/he/<series>",
    publish: [OWN_METER_BULK],
    subscribe: [ANALYTICS],
    maxBytes: CHUNK_PAYLOAD,
  },
  heDigest: {
    pattern: "wv/1/m/<meter>/digest/<agg>",
    publish: [OWN_METER],
    subscribe: [OWN_AGGREGATOR],
    maxBytes: 4 * KIB,
  },
  update: {
    pattern: "wv/1/m/<meter>/fl/<round>/<agg>",
    publish: [{ ...OWN_METER, maxBytes: SMALL_UPDATE_BYTES }, OWN_METER_BULK],
    subscribe: [OWN_AGGREGATOR],
    maxBytes: CHUNK_PAYLOAD,
  },
  heAck: { pattern: "wv/1/an/ack/<meter>", publish: [ANALYTICS], subscribe: [OWN_METER_BULK], maxBytes: KIB },
  jobRequest: {
    pattern: "wv/1/an/job/<job>/<agg>",
    publish: [ANALYTICS],
    subscribe: [OWN_AGGREGATOR],
    maxBytes: CHUNK_PAYLOAD,
  },
  jobAnswer: {
    pattern: "wv/1/a/<agg>/job/<job>/<type>",
    publish: [OWN_AGGREGATOR],
    subscribe: [ANALYTICS],
    maxBytes: CHUNK_PAYLOAD,
  },
  jobPartial: {
    pattern: "wv/1/a/<agg>/partial/<job>",
    publish: [OWN_AGGREGATOR],
    subscribe: [UTILITY],
    maxBytes: CHUNK_PAYLOAD,
  },
  jobOutput: {
    pattern: "wv/1/an/output/<job>",
    publish: [ANALYTICS],
    subscribe: [UTILITY],
    maxBytes: CHUNK_PAYLOAD,
  },
  jobResult: { pattern: "wv/1/u/job/<job>", publish: [UTILITY], subscribe: [ANALYTICS], maxBytes: CHUNK_PAYLOAD },
  heResult: {
    pattern: "wv/1/pub/analytics/<topic>",
    publish: [UTILITY],
    subscribe: ANYONE,
    maxBytes: 256 * KIB,
  },
  learnAnnounce: {
    pattern: "wv/1/pub/learn/announce",
    publish: [ANALYTICS],
    subscribe: ANYONE,
    maxBytes: CHUNK_PAYLOAD,
  },
  learnResult: { pattern: "wv/1/pub/learn/result", publish: [UTILITY], subscribe: ANYONE, maxBytes: CHUNK_PAYLOAD },
  release: { pattern: "wv/1/pub/release/<topic>", publish: [UTILITY], subscribe: ANYONE, maxBytes: 256 * KIB },
  bill: {
    pattern: "wv/1/c/<meter>/bill",
    publish: [UTILITY],
    subscribe: [OWN_METER],
    maxBytes: 256 * KIB,
  },
} as const satisfies Record<string, TopicDefinition>;

export type TopicName = keyof typeof TOPICS;

type ParameterNames<P extends string> = P extends `${string}<${infer Name}>${infer Rest}`
  ? Name | ParameterNames<Rest>
  : never;
/** The parameters that a topic's pattern names. */
export type ParametersOf<N extends TopicName> = Pick<
  TopicParameters,
  ParameterNames<(typeof TOPICS)[N]["pattern"]> & keyof TopicParameters
>;

const PARAMETER = /<([a-z]+)>/g;
/** What a topic level may hold. */
export const LEVEL = /^[A-Za-z0-9._-]{1,64}$/;

function assertLevel(name: string, value: string | undefined): string {
  if (value === undefined || !LEVEL.test(value)) {
    throw new RangeError(`${name}: expected one topic level of letters, digits, '.', '_' or '-', got ${String(value)}`);
  }
  return value;
}

/** Builds a topic. Throws RangeError on a parameter that is not a single plain topic level. */
export function topicOf<N extends TopicName>(name: N, parameters: ParametersOf<N>): string {
  const values = parameters as Readonly<Record<string, string>>;
  return TOPICS[name].pattern.replace(PARAMETER, (_, key: string) => assertLevel(key, values[key]));
}

/** Builds a subscription filter: parameters left out become `+`. */
export function filterOf<N extends TopicName>(name: N, parameters: Partial<ParametersOf<N>> = {}): string {
  const values = parameters as Readonly<Record<string, string | undefined>>;
  return TOPICS[name].pattern.replace(PARAMETER, (_, key: string) =>
    values[key] === undefined ? "+" : assertLevel(key, values[key]),
  );
}

export interface ParsedTopic {
  readonly name: TopicName;
  readonly parameters: Partial<TopicParameters>;
}

interface Compiled {
  readonly name: TopicName;
  readonly levels: readonly string[];
}

/** The table with its patterns split into levels. */
export const COMPILED: readonly Compiled[] = (Object.keys(TOPICS) as TopicName[]).map((name) => ({
  name,
  levels: TOPICS[name].pattern.split("/"),
}));

/** Finds which entry of the table a concrete topic belongs to; undefined when it belongs to none. */
export function parseTopic(topic: string): ParsedTopic | undefined {
  const given = topic.split("/");
  for (const { name, levels } of COMPILED) {
    const parameters = matchLevels(levels, given);
    if (parameters !== undefined) return { name, parameters };
  }
  return undefined;
}

function matchLevels(levels: readonly string[], given: readonly string[]): Partial<TopicParameters> | undefined {
  if (levels.length !== given.length) return undefined;
  const parameters: Record<string, string> = {};
  for (let i = 0; i < levels.length; i++) {
    const level = levels[i] ?? "";
    const value = given[i] ?? "";
    if (level.startsWith("<")) {
      if (!LEVEL.test(value)) return undefined;
      parameters[level.slice(1, -1)] = value;
    } else if (level !== value) return undefined;
  }
  return parameters;
}

/** A connected client, as the broker knows it. `id` is the certificate's CN. */
export interface ClientIdentity {
  readonly role: Role;
  readonly id: string;
  /** The second connection of a meter, for what is large: its client id is the CN and `BULK_SUFFIX`. */
  readonly bulk?: true;
  /** One of several processes of an aggregator (`workerSuffix`). */
  readonly worker?: number;
}

/** What the client id of a meter's second connection ends in; no id of a party can. */
export const BULK_SUFFIX = ".bulk";
