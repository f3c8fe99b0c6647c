/**
 * Every way between a party and the broker (or between the utility and a witness) through relays of this process, which
 * can be cut, slowed down and made to repeat. TLS passes through them untouched.
 */
import type { Config } from "../../config/index.ts";
import { Link, linkConditions, type LinkConditions, type Relay, startRelay } from "../network/index.ts";

/** What is wrong with a way just now; several faults may overlap. */
type Fault = { readonly state: "silent" | "cut" } | { readonly conditions: Partial<LinkConditions> };

interface Way {
  readonly party: string;
  /** The node of the broker, or the witness, at its other end. */
  readonly node: string;
  readonly link: Link;
}

export interface NetworkOptions {
  readonly seed: number;
  /** Names of the broker's nodes, in the order in which the parties know them. */
  readonly nodes: readonly string[];
}

export class ChaosNetwork {
  readonly #options: NetworkOptions;
  readonly #ways: Way[] = [];
  readonly #relays: Relay[] = [];
  readonly #faults = new Set<{ readonly name: string; readonly fault: Fault }>();

  constructor(options: NetworkOptions) {
    this.#options = options;
  }

  /** Opens the ways of a party to all nodes of the broker, and says where they begin. */
  async routeOf(party: string, broker: Config["broker"]): Promise<Config["broker"]> {
    const [first = "broker", ...others] = this.#options.nodes;
    const { host, tlsPort, bulkPort } = broker;
    const through = (node: string, port: number): Promise<number> => this.open(party, node, { host, port });
    const otherNodes = await Promise.all(
      broker.otherNodes.map(async (text, i) => {
        const port = Number(/:(\d+)$/.exec(text)?.[1] ?? tlsPort);
        return `127.0.0.1:${await through(others[i] ?? `node-${i + 2}`, port)}`;
      }),
    );
    return {
      ...broker,
      host: "127.0.0.1",
      tlsPort: await through(first, tlsPort),
      bulkPort: bulkPort === 0 ? 0 : await through(first, bulkPort),
      otherNodes,
    };
  }

  /** Opens one way, and returns the port at which it begins. */
  async open(party: string, node: string, upstream: { host: string; port: number }): Promise<number> {
    const link = new Link(linkConditions("perfect"), this.#options.seed, `chaos-${this.#ways.length}`);
    this.#ways.push({ party, node, link });
    this.#settle();
    const relay = await startRelay({ port: 0, upstream, linkFor: () => link });
    this.#relays.push(relay);
    return relay.port;
  }

  /** `name` is a party, a node of the broker, a witness, or `broker` for all that leads there. Returns what ends it. */
  break(name: string, fault: Fault): () => void {
    const entry = { name, fault };
    this.#faults.add(entry);
    this.#settle();
    return () => {
      this.#faults.delete(entry);
      this.#settle();
    };
  }

  stats(): { readonly connections: number; readonly cuts: Readonly<Record<string, number>> } {
    const cuts: Record<string, number> = {};
    let connections = 0;
    for (const stats of this.#relays.map((relay) => relay.stats())) {
      connections += stats.connections;
      for (const [reason, count] of Object.entries(stats.cuts)) cuts[reason] = (cuts[reason] ?? 0) + count;
    }
    return { connections, cuts };
  }

  async close(): Promise<void> {
    await Promise.all(this.#relays.map((relay) => relay.close()));
  }

  #settle(): void {
    for (const { party, node, link } of this.#ways) {
      const isBroker = this.#options.nodes.includes(node);
      const own = [...this.#faults]
        .filter(({ name }) => name === party || name === node || (isBroker && name === "broker"))
        .map(({ fault }) => fault);
      const conditions: Partial<LinkConditions>[] = own.flatMap((fault) =>
        "conditions" in fault ? [fault.conditions] : [],
      );
      link.change(linkConditions("perfect", Object.assign({}, ...conditions) as Partial<LinkConditions>));
      const states = own.flatMap((fault) => ("state" in fault ? [fault.state] : []));
      const state = states.includes("cut") ? "cut" : (states[0] ?? "up");
      if (link.state !== state) link.become(state);
    }
  }
}
