/** Finds out which of the broker's ports are taken, and lets the system choose free ones instead. */
import { createServer } from "node:net";
import type { Config } from "../../config/index.ts";

function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}

type PortName = "tlsPort" | "wssPort" | "publicPort";

export interface FreePorts {
  /** With port 0 (the system chooses) where the wanted one is taken. */
  readonly config: Config;
  /** The ports that were wanted there. */
  readonly taken: ReadonlyMap<PortName, number>;
}

export async function freePorts(config: Config): Promise<FreePorts> {
  const taken = new Map<PortName, number>();
  const { tlsPort, wssPort, publicPort, listen } = config.broker;
  const choose = async (name: PortName, port: number, host: string): Promise<number> => {
    if (port === 0 || (await isFree(port, host))) return port;
    taken.set(name, port);
    return 0;
  };
  const broker = {
    ...config.broker,
    tlsPort: await choose("tlsPort", tlsPort, listen),
    wssPort: await choose("wssPort", wssPort, listen),
    publicPort: await choose("publicPort", publicPort, "127.0.0.1"),
  };
  return { config: { ...config, broker }, taken };
}

/** One sentence for each port that was taken, with the one that the broker listens on now. */
export function portNotes(taken: FreePorts["taken"], ports: { tls: number; wss: number; public: number }): string[] {
  const now = { tlsPort: ports.tls, wssPort: ports.wss, publicPort: ports.public };
  return [...taken].map(([name, port]) => `port ${port} (broker.${name}) is taken: port ${now[name]} is used instead`);
}
