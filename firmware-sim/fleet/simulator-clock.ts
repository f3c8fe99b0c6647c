/** The simulator's voice: a connection under its own identity that publishes the signed simulated time. */
import type { BrokerAddress } from "../../config/runtime/broker-address.ts";
import { join } from "node:path";
import { openParty } from "../../config/keys/index.ts";
import { connectLink, type LinkLog } from "../../config/runtime/link.ts";
import { sealClock } from "../../protocol/envelope/index.ts";
import { topicOf } from "../../protocol/topics.ts";

export interface SimulatorClock {
  /** Resolves when the broker has it. `time` in Unix seconds. */
  publish(time: number): Promise<void>;
  close(): Promise<void>;
}

export interface SimulatorOptions {
  /** Data folder; the simulator's keys are in `<data>/keys/simulator`. */
  readonly data: string;
  readonly broker: BrokerAddress;
  readonly log: LinkLog;
  /** Gives up the first connection. */
  readonly signal?: AbortSignal;
}

const CLOCK_TOPIC = topicOf("simClock", {});

export async function connectSimulator(options: SimulatorOptions): Promise<SimulatorClock> {
  const { data, broker, log, signal } = options;
  const party = openParty(join(data, "keys", "simulator"));
  const { signKey } = party;
  if (signKey === undefined) throw new Error("keys/simulator: the signing key is missing");
  const link = await connectLink({
    party,
    ...broker,
    subscriptions: [],
    onMessage: () => undefined,
    log,
    ...(signal === undefined ? {} : { signal }),
  });
  let sequence = 0;
  return {
    publish: (time) => {
      // Milliseconds of real time: a simulator that is started again goes on above its earlier ticks.
      sequence = Math.max(sequence + 1, Date.now());
      return link.publish(CLOCK_TOPIC, sealClock({ time, sequence }, { id: party.id, signKey }));
    },
    close: () => link.close(),
  };
}
