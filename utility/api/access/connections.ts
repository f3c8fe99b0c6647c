/** How many connections are open, of all and of one address: whoever holds them without a word has few. */
import type { Server } from "node:http";
import { normalizeIP } from "@fastify/rate-limit";

interface ConnectionLimits {
  readonly maxConnections: number;
  readonly connectionsPerAddress: number;
  readonly trustProxy: false | readonly string[];
}

/** Beyond either a connection is closed at once. All clients of a proxy have its address: then only the sum is bounded. */
export function limitConnections(server: Server, limits: ConnectionLimits): void {
  const { maxConnections, connectionsPerAddress, trustProxy } = limits;
  server.maxConnections = maxConnections;
  if (trustProxy !== false) return;
  const open = new Map<string, number>();
  server.on("connection", (socket) => {
    const { remoteAddress } = socket;
    if (remoteAddress === undefined) return;
    const network = normalizeIP(remoteAddress);
    const count = (open.get(network) ?? 0) + 1;
    open.set(network, count);
    socket.once("close", () => {
      const left = open.get(network)! - 1;
      if (left === 0) open.delete(network);
      else open.set(network, left);
    });
    if (count > connectionsPerAddress) socket.destroy();
  });
}
