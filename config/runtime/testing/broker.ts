/** A real Aedes broker behind mutual TLS (or plain TCP) on a free port, for tests. */
import net from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import tls from "node:tls";
import { Aedes } from "aedes";
import type { AedesOptions } from "aedes";
import type { TestTls } from "./certificates.ts";

export interface TestBroker {
  readonly aedes: Aedes;
  readonly port: number;
  /** Breaks all connections, as a killed broker does, and listens on. */
  dropAll(): void;
  /** Stops listening and breaks all connections; `start` listens on the same port again. */
  stop(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

export async function startTestBroker(tlsKeys?: TestTls, options: Partial<AedesOptions> = {}): Promise<TestBroker> {
  const aedes = await Aedes.createBroker({ concurrency: 0, ...options });
  const sockets = new Set<Socket>();
  const serve = (socket: Socket): void => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    aedes.handle(socket);
  };
  const server: Server = tlsKeys
    ? tls.createServer({ ...tlsKeys, requestCert: true, rejectUnauthorized: true, minVersion: "TLSv1.3" }, serve)
    : net.createServer(serve);
  const listen = (port: number): Promise<void> => new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const dropAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      dropAll();
    });
  return {
    aedes,
    port,
    dropAll,
    stop,
    start: () => listen(port),
    close: async () => {
      if (server.listening) await stop();
      await new Promise<void>((resolve) => aedes.close(() => resolve()));
    },
  };
}
