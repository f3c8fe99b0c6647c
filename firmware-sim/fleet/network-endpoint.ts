/** Where each simulated meter finds the broker: directly, or through a relay of its own that behaves like its link. */
import { type BrokerAddress, type BrokerNode, brokerAddress } from "../../config/runtime/broker-address.ts";
import type { Config } from "../../config/index.ts";
import { LINK_PRESETS, Link, type LinkPreset, linkConditions, type Relay, startRelay } from "../network/index.ts";
import type { HostPlan } from "./host-messages.ts";

export interface SimulatedNetwork {
  readonly endpoint: (meterIndex: number) => Promise<BrokerAddress>;
  readonly close: () => Promise<void>;
}

/** Names that `simulation.network` may have. */
export const LINK_NAMES: readonly string[] = Object.keys(LINK_PRESETS);

export function isLinkPreset(name: string): name is LinkPreset {
  return Object.hasOwn(LINK_PRESETS, name);
}

/** Throws RangeError for a network of unknown name. */
export function openNetwork(plan: Pick<HostPlan, "network" | "seed">, config: Config): SimulatedNetwork {
  const { network, seed } = plan;
  if (!isLinkPreset(network)) {
    throw new RangeError(`network: expected one of ${LINK_NAMES.join(", ")}, got ${network}`);
  }
  const broker = brokerAddress(config);
  if (network === "perfect") return { endpoint: () => Promise.resolve(broker), close: () => Promise.resolve() };
  const conditions = linkConditions(network);
  const relays: Relay[] = [];
  return {
    endpoint: async (meterIndex) => {
      // One link per meter, through all its reconnections: an outage does not end because the client tries again.
      const link = new Link(conditions, seed, `meter-${meterIndex}`);
      const relayTo = async (upstream: BrokerNode): Promise<BrokerNode> => {
        const relay = await startRelay({ port: 0, upstream, linkFor: () => link });
        relays.push(relay);
        return { host: "127.0.0.1", port: relay.port };
      };
      const { bulkPort, others = [] } = broker;
      const near = { ...broker, ...(await relayTo(broker)), others: await Promise.all(others.map(relayTo)) };
      if (bulkPort === undefined) return near;
      return { ...near, bulkPort: (await relayTo({ host: broker.host, port: bulkPort })).port };
    },
    close: async () => {
      await Promise.all(relays.map((relay) => relay.close()));
    },
  };
}
