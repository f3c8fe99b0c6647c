/** What the benchmark and its process of meters tell each other. */

export interface MetersPlan {
  readonly configFile: string;
  readonly data: string;
  readonly name: string;
  readonly meters: readonly string[];
  /** Share indices whose subscribers only count: raw messages go to them. */
  readonly rawTargets: readonly number[];
}

export type MetersCommand =
  /** Hands in readings as fast as they are settled, for `seconds`; then waits for the rest. */
  | {
      readonly type: "sealed";
      readonly seconds: number;
      /** Unsettled readings of one meter. */
      readonly window: number;
      /** Consecutive readings handed in at once. */
      readonly slots: number;
    }
  /** Publishes payloads of `bytes` to every raw target, as fast as the broker takes them. */
  | { readonly type: "raw"; readonly seconds: number; readonly window: number; readonly bytes: number }
  /** Takes a reading of each of the first `meters` meters every `intervalSeconds`. */
  | {
      readonly type: "paced";
      readonly meters: number;
      readonly seconds: number;
      readonly intervalSeconds: number;
    }
  /** Forgets the agents and makes new ones with other settings; `timed` measures each message's way to the broker. */
  | {
      readonly type: "configure";
      readonly batchSlots: number;
      readonly maxSlotsPerMessage: number;
      readonly timed: boolean;
    };

export interface Percentiles {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

export interface SealedResult {
  readonly type: "sealed";
  readonly readings: number;
  readonly shareMessages: number;
  readonly shareBytes: number;
  readonly seconds: number;
  /** From the reading to the last aggregator's ack, in milliseconds. */
  readonly latencyMs: Percentiles;
  readonly refused: number;
  readonly gaps: number;
}

export interface RawResult {
  readonly type: "raw";
  readonly messages: number;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
}

export interface PacedResult extends Omit<SealedResult, "type"> {
  readonly type: "paced";
  /** From the last reading of a message to the last aggregator's ack. */
  readonly deliveryMs: Percentiles;
  /** From handing a share message to the connection to the broker's PUBACK. */
  readonly sendMs: Percentiles;
}

export interface ConfiguredResult {
  readonly type: "configured";
}

/** A counting subscriber's answer to `{ type: "report", expect }`. */
export interface CountResult {
  readonly type: "count";
  readonly count: number;
  /** Milliseconds since the epoch. */
  readonly lastAt: number;
}
