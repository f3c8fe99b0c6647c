/**
 * The three ways in: MQTT over mutual TLS, the same inside WebSocket, and plain MQTT on loopback for anyone who wants to
 * read public topics. Counts and limits connections; who a client is, is known before its first byte is read.
 */
import { createServer as createHttpServer } from "node:http";
import type { Server as HttpServer } from "node:http";
import { createServer as createPlainServer, isIP } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { createServer as createTlsServer } from "node:tls";
import type { SecureContextOptions, Server as TlsServer, TLSSocket } from "node:tls";
import { WebSocketServer, createWebSocketStream } from "ws";
import { ExplainedError } from "../config/faults.ts";
import { type PartyTls, refusedSerials } from "../config/keys/index.ts";
import type { ClientIdentity } from "../protocol/topics.ts";
import type { Counters } from "./counters.ts";
import { identityOf } from "./identity.ts";
import { TokenBucket } from "./token-bucket.ts";

export interface ListenerOptions {
  /** Of the broker. */
  readonly tls: PartyTls;
  readonly listen: string;
  readonly tlsPort: number;
  readonly wssPort: number;
  /** Must be a loopback address. */
  readonly publicHost: string;
  readonly publicPort: number;
  readonly connectionsPerSecond: number;
  readonly maxConnections: number;
  readonly maxPacketBytes: number;
  readonly slowSeconds: number;
  readonly counters: Counters;
  readonly refuse: (code: string, detail?: Readonly<Record<string, string | number>>) => void;
  readonly now: () => number;
  readonly onClient: (stream: Duplex, identity: ClientIdentity) => void;
}

export interface Ports {
  readonly tls: number;
  readonly wss: number;
  readonly public: number;
}

export interface Listeners {
  readonly ports: Ports;
  /**
   * From now on shows a renewed certificate, and refuses those of a new list; whoever came with one is cut off. Rejects
   * with KeyFolderError, and changes nothing, where the list is not the authority's.
   */
  renew(tls: PartyTls): Promise<void>;
  /** Accepts no more and ends every connection. */
  close(): Promise<void>;
}

/** Anyone on this machine: a name that no certificate can have. */
const ANONYMOUS: ClientIdentity = { role: "public", id: "public" };
const WEBSOCKET_FRAME_BYTES = 65_536;

/** A port cannot be listened on; the message names its setting. */
class ListenError extends ExplainedError {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ListenError";
    this.code = code;
  }
}

/** Throws RangeError when the public listener would be reachable from elsewhere, and ListenError for a port. */
export async function openListeners(options: ListenerOptions): Promise<Listeners> {
  assertLoopback(options.publicHost);
  const sockets = new Set<Socket>();
  const guard = new ConnectionGuard(options, sockets);
  const shown = new Map<TLSSocket, string>();
  let refused: ReadonlySet<string> = new Set();
  const secured: TlsServer[] = [];
  const secure = (onSecure: (socket: TLSSocket, identity: ClientIdentity) => void): Server => {
    const server = secureServer(options, guard, shown, (serial) => refused.has(serial), onSecure);
    secured.push(server);
    return server;
  };

  const http = webSocketServer(options);
  const servers = [
    { server: secure(options.onClient), host: options.listen, port: options.tlsPort, field: "tlsPort" },
    {
      server: secure((socket, identity) => http.accept(socket, identity)),
      host: options.listen,
      port: options.wssPort,
      field: "wssPort",
    },
    { server: publicServer(options, guard), host: options.publicHost, port: options.publicPort, field: "publicPort" },
  ];
  const close = async (): Promise<void> => {
    const closed = servers.map(({ server }) => new Promise<void>((resolve) => server.close(() => resolve())));
    for (const socket of sockets) socket.destroy();
    await Promise.all(closed);
  };
  try {
    const [tls, wss, plain] = await Promise.all(servers.map(listen));
    const renew = async (renewed: PartyTls): Promise<void> => {
      refused = await refusedSerials(renewed);
      for (const server of secured) server.setSecureContext(contextOf(renewed));
      for (const [socket, serial] of shown) {
        if (!refused.has(serial)) continue;
        options.refuse("certificate", { reason: "CERT_REVOKED" });
        socket.destroy();
      }
    };
    return { ports: { tls: tls!, wss: wss!, public: plain! }, renew, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Throws RangeError unless the address can be reached from this machine only. */
export function assertLoopback(host: string): void {
  if (host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."))) return;
  throw new RangeError(`publicHost: the public listener asks nobody who they are: expected loopback, got ${host}`);
}

interface Entrance {
  readonly server: Server;
  readonly host: string;
  readonly port: number;
  /** The setting of the port, in the section `broker`. */
  readonly field: string;
}

function listen({ server, host, port, field }: Entrance): Promise<number> {
  return new Promise((resolve, reject) => {
    const refuse = (cause: NodeJS.ErrnoException): void => reject(listenError(cause, { host, port, field }));
    server.once("error", refuse);
    server.listen({ host, port, backlog: BACKLOG }, () => {
      server.removeListener("error", refuse);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function listenError(cause: NodeJS.ErrnoException, { host, port, field }: Omit<Entrance, "server">): ListenError {
  const code = cause.code ?? "unknown";
  const another = `or choose another port with --set broker.${field}=...`;
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: `another program, perhaps another broker, has this port already: stop that one, ${another}`,
    EACCES: `this user may not listen on this port: take one from 1024 on, ${another}`,
    EADDRNOTAVAIL: "this machine has no such address: see broker.listen",
  };
  return new ListenError(code, `broker.${field}: ${host}:${port}: ${reasons[code] ?? cause.message} (${code})`, {
    cause,
  });
}

/** A fleet connects all at once. */
const BACKLOG = 4_096;

/** Limits that hold before anyone is identified. */
class ConnectionGuard {
  readonly #options: ListenerOptions;
  readonly #sockets: Set<Socket>;
  readonly #identified: TokenBucket;
  readonly #anonymous: TokenBucket;

  constructor(options: ListenerOptions, sockets: Set<Socket>) {
    this.#options = options;
    this.#sockets = sockets;
    // Each its own: nobody without a certificate can use up what those with one need.
    this.#identified = new TokenBucket(options.connectionsPerSecond, options.now());
    this.#anonymous = new TokenBucket(options.connectionsPerSecond, options.now());
  }

  /** Counts the connection, or ends it. */
  admit(socket: Socket, anonymous: boolean): boolean {
    const { counters, refuse, maxConnections, now } = this.#options;
    const bucket = anonymous ? this.#anonymous : this.#identified;
    const code = this.#sockets.size >= maxConnections ? "too-many-connections" : "connection-rate";
    if (code === "too-many-connections" || !bucket.take(now())) {
      refuse(code, { address: socket.remoteAddress ?? "" });
      socket.destroy();
      return false;
    }
    counters.connectionsAccepted++;
    counters.connectionsNow++;
    this.#sockets.add(socket);
    socket.once("close", () => {
      counters.connectionsNow--;
      this.#sockets.delete(socket);
    });
    // Small packets are gathered before they get here; waiting for more would only delay them.
    socket.setNoDelay(true);
    return true;
  }
}

function contextOf(tls: PartyTls): SecureContextOptions {
  return {
    ...tls,
    minVersion: "TLSv1.3",
    ciphers: "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384",
  };
}

/** `shown`: serial numbers of who is here. `isRefused`: by the newest list; TLS goes by the one of when a connection began. */
function secureServer(
  { tls, slowSeconds, refuse }: ListenerOptions,
  guard: ConnectionGuard,
  shown: Map<TLSSocket, string>,
  isRefused: (serial: string) => boolean,
  onSecure: (socket: TLSSocket, identity: ClientIdentity) => void,
): TlsServer {
  const server = createTlsServer({
    ...contextOf(tls),
    requestCert: true,
    // Looked at below instead, where the reason is known and counted.
    rejectUnauthorized: false,
    handshakeTimeout: slowSeconds * 1_000,
  });
  server.prependListener("connection", (socket: Socket) => guard.admit(socket, false));
  server.on("tlsClientError", (error: NodeJS.ErrnoException, socket) => {
    refuse("tls", { reason: error.code ?? "unknown" });
    socket.destroy();
  });
  server.on("secureConnection", (socket) => {
    socket.on("error", () => socket.destroy());
    const certificate = socket.getPeerCertificate();
    const named = Object.keys(certificate).length > 0;
    if (!socket.authorized || !named || isRefused(certificate.serialNumber)) {
      const fault = socket.authorized ? "CERT_REVOKED" : String(socket.authorizationError);
      refuse("certificate", { reason: named ? fault : "none given" });
      socket.destroy();
      return;
    }
    const identity = identityOf(certificate);
    if (identity === undefined) {
      refuse("identity", { reason: "CN and OU name no party that connects" });
      socket.destroy();
      return;
    }
    shown.set(socket, certificate.serialNumber);
    socket.once("close", () => shown.delete(socket));
    onSecure(socket, identity);
  });
  return server;
}

function publicServer({ onClient, publicHost }: ListenerOptions, guard: ConnectionGuard): Server {
  return createPlainServer((socket) => {
    assertLoopback(publicHost);
    socket.on("error", () => socket.destroy());
    if (guard.admit(socket, true)) onClient(socket, ANONYMOUS);
  });
}

interface WebSocketEntrance {
  accept(socket: TLSSocket, identity: ClientIdentity): void;
}

/** HTTP only as far as the upgrade to a WebSocket that speaks `mqtt`. */
function webSocketServer({ onClient, maxPacketBytes, slowSeconds, refuse }: ListenerOptions): WebSocketEntrance {
  const known = new WeakMap<Duplex, { readonly deadline: NodeJS.Timeout; readonly identity: ClientIdentity }>();
  const http: HttpServer = createHttpServer({ maxHeaderSize: 8_192, keepAlive: false }, (_request, response) => {
    refuse("not-websocket");
    response.writeHead(426, { connection: "close", upgrade: "websocket" }).end("MQTT over WebSocket only\n");
  });
  http.on("clientError", (_error, socket) => {
    refuse("not-websocket");
    socket.destroy();
  });
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: Math.max(maxPacketBytes, WEBSOCKET_FRAME_BYTES),
    handleProtocols: (protocols) => (protocols.has("mqtt") ? "mqtt" : false),
  });
  http.on("upgrade", (request, socket, head) => {
    const client = known.get(socket);
    if (client === undefined) {
      socket.destroy();
      return;
    }
    clearTimeout(client.deadline); // the gate has its own
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      onClient(createWebSocketStream(webSocket), client.identity);
    });
  });
  return {
    accept: (socket, identity) => {
      const deadline = setTimeout(() => {
        if (!socket.destroyed) refuse("connect-timeout", { client: identity.id });
        socket.destroy();
      }, slowSeconds * 1_000).unref();
      known.set(socket, { deadline, identity });
      http.emit("connection", socket);
    },
  };
}
