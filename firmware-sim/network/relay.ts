/**
 * A TCP relay between real MQTT clients and a real broker that behaves like the links it stands for. It passes TLS
 * through untouched: identities are the client's own, and the relay sees no more than a network would.
 */
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { type LinkClock, systemClock } from "./clock.ts";
import type { Link } from "./link.ts";
import { Pipe } from "./pipe.ts";
import { type PublishWatch, watchFor } from "./publish-watch.ts";

export interface RelayOptions {
  /** Where to listen; port 0 picks a free one. Host 127.0.0.1 by default. */
  readonly port: number;
  readonly host?: string;
  readonly upstream: { readonly host: string; readonly port: number };
  /** The link of the n-th connection (from 0). One relay per meter gives each meter its own link through reconnects. */
  readonly linkFor: (connection: number) => Link;
  readonly clock?: LinkClock;
}

/** Why connections ended before their ends closed them. */
export type CutReason = "outage" | "loss" | "duplicate" | "refused";

export interface RelayStats {
  readonly connections: number;
  readonly open: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly retransmissions: number;
  readonly cuts: Readonly<Record<CutReason, number>>;
}

export interface Relay {
  readonly port: number;
  stats(): RelayStats;
  /** Cuts what is open, ends the outages of its links and stops listening. */
  close(): Promise<void>;
}

/** Starts a relay; rejects with the system's error where it cannot listen. */
export async function startRelay(options: RelayOptions): Promise<Relay> {
  const relay = new TcpRelay(options);
  await relay.listen();
  return relay;
}

interface Connection {
  readonly client: Socket;
  readonly upstream: Socket;
}

class TcpRelay implements Relay {
  port = 0;
  private readonly options: RelayOptions;
  private readonly clock: LinkClock;
  private readonly server: Server;
  private readonly links = new Set<Link>();
  private readonly open = new Set<Connection>();
  private connections = 0;
  private bytesUp = 0;
  private bytesDown = 0;
  private retransmissions = 0;
  private readonly cuts: Record<CutReason, number> = { outage: 0, loss: 0, duplicate: 0, refused: 0 };

  constructor(options: RelayOptions) {
    this.options = options;
    this.clock = options.clock ?? systemClock;
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
      this.accept(client);
    });
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen(this.options.port, this.options.host ?? "127.0.0.1", resolve);
    });
    const address = this.server.address();
    if (address !== null && typeof address === "object") this.port = address.port;
  }

  stats(): RelayStats {
    const { connections, bytesUp, bytesDown, retransmissions } = this;
    return { connections, open: this.open.size, bytesUp, bytesDown, retransmissions, cuts: { ...this.cuts } };
  }

  async close(): Promise<void> {
    for (const link of this.links) link.stop();
    const closed = new Promise<void>((resolve) => {
      this.server.close(() => {
        resolve();
      });
    });
    for (const connection of this.open) destroy(connection);
    await closed;
  }

  private accept(client: Socket): void {
    const link = this.options.linkFor(this.connections);
    this.connections += 1;
    if (!this.links.has(link)) {
      this.links.add(link);
      link.start(this.clock);
    }
    client.on("error", () => undefined);
    if (link.state === "cut") {
      this.cuts.refused += 1;
      client.resetAndDestroy();
      return;
    }
    const { host, port } = this.options.upstream;
    const upstream = createConnection({ host, port, allowHalfOpen: true, noDelay: true });
    this.join({ client, upstream }, link);
  }

  private join(connection: Connection, link: Link): void {
    const { client, upstream } = connection;
    this.open.add(connection);
    let watch: PublishWatch | undefined;
    let isHolding = false;
    const end = (): void => {
      if (!this.open.delete(connection)) return;
      unsubscribe();
      up.stop();
      down.stop();
      destroy(connection);
    };
    const cut = (reason: CutReason): void => {
      this.cuts[reason] += 1;
      end();
    };
    const common = {
      link,
      clock: this.clock,
      onRetransmissions: (count: number) => {
        this.retransmissions += count;
      },
      onLost: () => {
        cut("loss");
      },
    };
    const up = new Pipe({
      ...common,
      from: client,
      to: upstream,
      watch: (bytes) => {
        this.bytesUp += bytes.length;
        watch ??= watchFor(bytes[0] ?? 0, () => link.shouldRepeat());
        isHolding = watch.sent(bytes) || isHolding;
        return true;
      },
    });
    const down = new Pipe({
      ...common,
      from: upstream,
      to: client,
      watch: (bytes) => {
        const isAnswered = watch?.answered(bytes) ?? false;
        // From the PUBLISH on nothing goes back, so that no acknowledgement slips through.
        if (!isHolding) this.bytesDown += bytes.length;
        else if (isAnswered) cut("duplicate");
        return !isHolding;
      },
    });
    const unsubscribe = link.onChange((state) => {
      if (state === "cut") cut("outage");
      else if (state === "up") for (const pipe of [up, down]) pipe.pump();
    });
    for (const socket of [client, upstream]) {
      socket.on("error", end);
      // Bytes of a side that ended in good order may still be under way; both are closed when they have arrived.
      socket.on("close", () => {
        if (client.destroyed && upstream.destroyed) end();
      });
    }
  }
}

function destroy({ client, upstream }: Connection): void {
  // A reset, as from a network that forgot the connection: the client must not take it for an orderly end.
  client.resetAndDestroy();
  upstream.destroy();
}
