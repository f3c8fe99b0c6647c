/** A plain HTTP server that listens, and how it ends: without waiting for connections that nobody closes. */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface HttpListener {
  readonly port: number;
  close(): Promise<void>;
}

/** Resolves when it listens; port 0 takes a free one. Rejects where the address cannot be had. */
export async function listenOn(server: Server, port: number, host: string): Promise<HttpListener> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  return { port: (server.address() as AddressInfo).port, close: () => closed(server) };
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
