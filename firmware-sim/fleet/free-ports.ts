/** Finds out which ports of the system are taken, and lets the system choose free ones instead. */
import type { Config } from "../../config/index.ts";
import { isFree } from "../../config/runtime/free-port.ts";
import { portOf } from "./api-process.ts";
import type { Fleet } from "./fleet.ts";

/** A port's field of the configuration. */
type PortPath = "broker.tlsPort" | "broker.wssPort" | "broker.publicPort" | "api.port";

export interface FreePorts {
  /** With port 0 (the system chooses) where the wanted one is taken. */
  readonly config: Config;
  /** The ports that were wanted there. */
  readonly taken: ReadonlyMap<PortPath, number>;
}

export async function freePorts(config: Config): Promise<FreePorts> {
  const taken = new Map<PortPath, number>();
  const { tlsPort, wssPort, publicPort, listen } = config.broker;
  const choose = async (path: PortPath, port: number, host: string): Promise<number> => {
    if (port === 0 || (await isFree(port, host))) return port;
    taken.set(path, port);
    return 0;
  };
  const broker = {
    ...config.broker,
    tlsPort: await choose("broker.tlsPort", tlsPort, listen),
    wssPort: await choose("broker.wssPort", wssPort, listen),
    publicPort: await choose("broker.publicPort", publicPort, "127.0.0.1"),
  };
  if (!config.api.enabled) return { config: { ...config, broker }, taken };
  const api = { ...config.api, port: await choose("api.port", config.api.port, config.api.host) };
  return { config: { ...config, broker, api }, taken };
}

/** One sentence for each port that was taken, with the one that is used now. */
export function portNotes(taken: FreePorts["taken"], { ports, api }: Pick<Fleet, "ports" | "api">): string[] {
  const now: Record<PortPath, number> = {
    "broker.tlsPort": ports.tls,
    "broker.wssPort": ports.wss,
    "broker.publicPort": ports.public,
    "api.port": api === undefined ? 0 : portOf(api),
  };
  return [...taken].map(([path, port]) => `port ${port} (${path}) is taken: port ${now[path]} is used instead`);
}
