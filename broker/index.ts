/** Public names of the broker, for whoever runs it inside another process: benchmarks and tests. */
export { type Broker, type BrokerOptions, startBroker } from "./broker.ts";
export type { Counters } from "./counters.ts";
export type { Ports } from "./listeners.ts";
