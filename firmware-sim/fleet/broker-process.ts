/** The broker of a fleet: the embedded one, another one that the fleet starts, or one that runs by itself. */
import type { Config } from "../../config/index.ts";
import type { FleetRoles } from "./fleet-roles.ts";
import type { Supervisor } from "./supervisor.ts";

/** Where the broker listens; 0: not there. */
export interface BrokerPorts {
  readonly tls: number;
  readonly wss: number;
  readonly public: number;
}

export interface FleetBroker {
  readonly ports: BrokerPorts;
  /** The section of the configuration by which everybody finds it. */
  readonly settings: Config["broker"];
}

/** Starts it, unless it runs by itself. From then on its ports are fixed: a broker that is started again is where it was. */
export async function startBroker(config: Config, roles: FleetRoles, supervisor: Supervisor): Promise<FleetBroker> {
  const { broker, simulation } = config;
  if (broker.kind === "external") {
    return { ports: { tls: broker.tlsPort, wss: 0, public: broker.publicPort }, settings: broker };
  }
  const ready = await supervisor.start(roles.broker(simulation.broker));
  const { ports, external } = ready as unknown as {
    ports: BrokerPorts;
    external?: Pick<Config["broker"], "otherNodes" | "bulkPort" | "deliveryQos">;
  };
  const listening = { ...broker, tlsPort: ports.tls, wssPort: ports.wss, publicPort: ports.public };
  if (external === undefined) return { ports, settings: listening };
  return { ports, settings: { ...listening, kind: "external", ...external } };
}
