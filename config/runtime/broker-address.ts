/** Where the parties find the broker: one node, or several of which any will do. */
import type { Config } from "../schema.ts";

export interface BrokerNode {
  readonly host: string;
  readonly port: number;
}

/** A node, and those that may be tried in its place. */
export interface BrokerAddress extends BrokerNode {
  readonly others?: readonly BrokerNode[];
  /** Where the second connections of meters go, if not to `port`. */
  readonly bulkPort?: number;
  /** Of what is subscribed to; 1 if left out. */
  readonly deliveryQos?: 0 | 1;
}

/** `host`, `host:port`, or an IPv6 address in brackets with or without a port. */
const NODE = /^(?:\[(?<ipv6>[^\]]+)\]|(?<name>[^:]+))(?::(?<port>\d+))?$/;

function nodeOf(text: string, port: number): BrokerNode {
  const { ipv6, name = "", port: given } = NODE.exec(text)?.groups ?? {};
  return { host: ipv6 ?? name, port: given === undefined ? port : Number(given) };
}

export function brokerAddress({ broker }: Pick<Config, "broker">): BrokerAddress {
  const { host, tlsPort, otherNodes, bulkPort, deliveryQos } = broker;
  const others = otherNodes.map((text) => nodeOf(text, tlsPort));
  return { host, port: tlsPort, others, deliveryQos, ...(bulkPort === 0 ? {} : { bulkPort }) };
}

/** For the second connection of a meter. */
export function bulkAddress({ bulkPort, ...address }: BrokerAddress): BrokerAddress {
  if (bulkPort === undefined) return address;
  const { others = [] } = address;
  return { ...address, port: bulkPort, others: others.map((node) => ({ host: node.host, port: bulkPort })) };
}
