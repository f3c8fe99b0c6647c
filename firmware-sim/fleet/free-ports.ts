/** Finds out which of the broker's ports are taken, and takes free ones instead, saying so. */
import { createServer } from "node:net";
import type { Config } from "../../config/index.ts";

function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}

/** The same configuration, with port 0 (the system chooses) where the wanted one is taken. */
export async function freePorts(config: Config, say: (what: string) => void): Promise<Config> {
  const { tlsPort, wssPort, publicPort, listen } = config.broker;
  const choose = async (name: string, port: number, host: string): Promise<number> => {
    if (port === 0 || (await isFree(port, host))) return port;
    say(`port ${port} (broker.${name}) is taken: a free one is used instead`);
    return 0;
  };
  const broker = {
    ...config.broker,
    tlsPort: await choose("tlsPort", tlsPort, listen),
    wssPort: await choose("wssPort", wssPort, listen),
    publicPort: await choose("publicPort", publicPort, "127.0.0.1"),
  };
  return { ...config, broker };
}
