/**
 * Feeds simulated time from `wv/1/sim/clock` into a clock. Only where the directory and the configuration both say
 * simulation: whoever could set a production system's time could open and close its windows.
 */
import { openClock } from "../../protocol/envelope/clock.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import type { Directory } from "../../protocol/keys/directory.ts";
import { filterOf } from "../../protocol/topics.ts";
import type { Config } from "../schema.ts";
import { SimulatedClock, systemClock } from "./clock.ts";
import type { Clock } from "./clock.ts";
import { heardSkew } from "./clock-skew.ts";
import type { Refusals } from "./refusals.ts";

/** The topic of the simulated clock, also its subscription filter. */
export const SIM_CLOCK_TOPIC = filterOf("simClock");

export interface SimClockFeedOptions {
  readonly config: { readonly simulation: Pick<Config["simulation"], "enabled"> };
  readonly directory: Pick<Directory, "servers" | "simulation">;
  readonly refusals: Pick<Refusals, "count">;
  /** Unix seconds before the first tick. */
  readonly start?: number;
  /** By how many seconds the party's clock is wrong just now; what its parent process says, if left out. */
  readonly skew?: () => number;
}

export interface SimClockFeed {
  /** What the party goes by: simulated in a simulation, else the system's. */
  readonly clock: Clock;
  /** Filters to add to the party's subscriptions: none outside a simulation. */
  readonly subscriptions: readonly string[];
  /** Takes a message if it is a clock tick; returns whether it was, accepted or refused. */
  accept(topic: string, payload: Uint8Array): boolean;
  /** Calls back after each accepted tick; returns how to stop it. Never calls outside a simulation. */
  onTick(listener: (time: number) => void): () => void;
}

/** Refusal codes: `sim-clock-refused` (no simulation), `sim-clock-stale`, or `sim-clock-` and the protocol's code. */
export function createSimClockFeed(options: SimClockFeedOptions): SimClockFeed {
  const { config, directory, refusals, start = 0 } = options;
  if (!config.simulation.enabled || !directory.simulation) {
    return {
      clock: systemClock,
      subscriptions: [],
      accept: (topic) => {
        if (topic !== SIM_CLOCK_TOPIC) return false;
        refusals.count("sim-clock-refused");
        return true;
      },
      onTick: () => () => {},
    };
  }
  const clock = new SimulatedClock(start);
  const skew = options.skew ?? heardSkew();
  let sequence = -1;
  return {
    // Before the first tick the time is unknown, not wrong.
    clock: { now: () => (clock.now() === start ? start : clock.now() + skew()) },
    subscriptions: [SIM_CLOCK_TOPIC],
    accept: (topic, payload) => {
      if (topic !== SIM_CLOCK_TOPIC) return false;
      try {
        const tick = openClock(payload, directory);
        if (tick.sequence <= sequence) refusals.count("sim-clock-stale");
        else {
          sequence = tick.sequence;
          clock.set(tick.time);
        }
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        refusals.count(`sim-clock-${error.code}`, error.message);
      }
      return true;
    },
    onTick: (listener) => clock.onChange((time) => listener(time + skew())),
  };
}
