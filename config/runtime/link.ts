/**
 * A party's lasting link to the broker: mutual TLS, clean sessions, reconnects with jitter, subscribes again. What is
 * published while it is down is rejected: a queue here would be a second outbox that nobody can see.
 */
import { randomInt } from "node:crypto";
import type { Duplex } from "node:stream";
import { configSchema } from "../schema.ts";
import type { BrokerNode } from "./broker-address.ts";
import type { Config } from "../schema.ts";
import { tlsOpener } from "./broker-tls.ts";
import { Connection } from "./connection.ts";
import type { Done } from "./connection.ts";
import { observation } from "./observation.ts";
import { LinkError, isLasting } from "./link-error.ts";
import type { Link, LinkOptions, PublishOptions } from "./link-options.ts";
import { NodeHops } from "./node-hops.ts";
import { Takeovers } from "./takeovers.ts";

export { LinkError } from "./link-error.ts";
export type { Link, LinkLog, LinkOptions, LinkParty, PublishOptions } from "./link-options.ts";
export type { LinkErrorCode } from "./link-error.ts";

/**
 * Resolves when the first connection stands and its subscriptions are granted; until then it keeps trying. Rejects with
 * LinkError when the broker refuses this party or a subscription, when it is not our broker, or when `signal` aborts.
 */
export function connectLink(options: LinkOptions): Promise<Link> {
  return new Promise((resolve, reject) => new ReconnectingLink(options, resolve, reject).start());
}

const RANDOM_STEPS = 2 ** 32;
const IGNORE: Done = () => {};

class ReconnectingLink implements Link {
  readonly #options: LinkOptions;
  readonly #settings: Config["link"];
  readonly #nodes: readonly BrokerNode[];
  #node: number;
  readonly #openStream: (node: BrokerNode) => Duplex;
  readonly #filters: string[];
  readonly #settle: { resolve: (link: Link) => void; reject: (error: LinkError) => void };
  #connection: Connection | undefined;
  #up = false;
  #established = false;
  #closed = false;
  #failures = 0;
  #upSince = 0;
  readonly #takeovers: Takeovers;
  readonly #hops: NodeHops;
  #lastReason = "";
  #timer: NodeJS.Timeout | undefined;
  readonly #forget: () => void;

  constructor(options: LinkOptions, resolve: (link: Link) => void, reject: (error: LinkError) => void) {
    this.#options = options;
    this.#settings = options.settings ?? configSchema.parse({}).link;
    this.#takeovers = new Takeovers(this.#settings);
    const { host, port, others = [] } = options;
    this.#nodes = [{ host, port }, ...others];
    this.#node = Math.floor(this.#random() * this.#nodes.length);
    this.#hops = new NodeHops({
      nodes: this.#nodes.length,
      seconds: this.#settings.deafSeconds,
      expectsMessages: options.expectsMessages !== undefined,
      monotonic: () => performance.now(),
      go: (why) => this.#connection?.destroy(new LinkError("lost", `the broker at ${this.#where}: ${why}`)),
    });
    this.#openStream = options.openStream ?? tlsOpener(options.party);
    this.#filters = [...options.subscriptions];
    this.#settle = { resolve, reject };
    this.#forget = observation.noteLink(this);
    options.signal?.addEventListener("abort", () => void this.close(), { once: true });
  }

  start(): void {
    if (this.#options.signal?.aborted === true) void this.close();
    else this.#connect();
  }

  get connected(): boolean {
    return this.#up;
  }

  get inFlight(): number {
    return this.#connection?.inFlight ?? 0;
  }

  send(topic: string, payload: Uint8Array | string, options?: PublishOptions, done: Done = IGNORE): void {
    if (this.#up && this.#connection) this.#connection.publish(topic, payload, options?.retain ?? false, done);
    else if (this.#closed) done(new LinkError("closed", "the link was closed"));
    else done(new LinkError("offline", `not connected to the broker at ${this.#where}: nothing was sent`));
  }

  publish(topic: string, payload: Uint8Array | string, options?: PublishOptions): Promise<void> {
    return new Promise((resolve, reject) => this.send(topic, payload, options, settleWith(resolve, reject)));
  }

  noteWaiting(isInVain: () => boolean): void {
    this.#hops.waiting(isInVain);
  }

  async subscribe(filters: readonly string[]): Promise<void> {
    const added = filters.filter((filter) => !this.#filters.includes(filter));
    const connection = this.#connection;
    if (this.#up && connection !== undefined) {
      await new Promise<void>((resolve, reject) => connection.subscribe(added, settleWith(resolve, reject)));
    }
    this.#filters.push(...added); // while it is down, the next connection subscribes to all
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#markClosed();
    clearTimeout(this.#timer);
    await this.#connection?.close();
    this.#up = false;
    this.#settle.reject(new LinkError("closed", "the link was closed before it was connected"));
  }

  #markClosed(): void {
    this.#closed = true;
    this.#hops.stop();
    this.#forget();
  }

  get #at(): BrokerNode {
    return this.#nodes[this.#node % this.#nodes.length]!;
  }

  get #where(): string {
    return `${this.#at.host}:${this.#at.port}`;
  }

  #random(): number {
    return this.#options.random?.() ?? randomInt(RANDOM_STEPS) / RANDOM_STEPS;
  }

  #connect(): void {
    const { party, clientIdSuffix = "", deliveryQos = 1, will, onMessage, onFailure } = this.#options;
    const connection = new Connection(
      {
        clientId: `${party.id}${clientIdSuffix}`,
        where: this.#where,
        openStream: () => this.#openStream(this.#at),
        will: will && { topic: will.topic, payload: Buffer.from(will.payload), retain: will.retain ?? true },
        settings: this.#settings,
        deliveryQos,
        onMessage: (topic, payload) => {
          if (topic.startsWith(this.#options.expectsMessages ?? "")) this.#hops.heard();
          return onMessage(topic, payload);
        },
        onFailure: onFailure ?? stopProcess,
        onEnd: (reason) => this.#onEnd(reason),
      },
      () => this.#onConnack(connection),
    );
    this.#connection = connection;
  }

  #onConnack(connection: Connection): void {
    connection.subscribe(this.#filters, (error) => {
      if (error) connection.destroy(error);
      else void this.#onReady(connection);
    });
  }

  async #onReady(connection: Connection): Promise<void> {
    this.#up = true;
    this.#upSince = performance.now();
    this.#hops.connected();
    this.#options.log.info({ broker: this.#where }, "connected to the broker");
    try {
      await this.#options.onConnect?.(this);
    } catch (error) {
      // A connection that breaks while it is being set up is no failure of the handler.
      if (!(error instanceof LinkError)) (this.#options.onFailure ?? stopProcess)(error);
    }
    if (connection !== this.#connection || !this.connected) return;
    this.#lastReason = "";
    this.#established = true;
    this.#settle.resolve(this);
  }

  #onEnd(reason: LinkError): void {
    const wasUp = this.#up;
    this.#up = false;
    this.#hops.disconnected();
    this.#connection = undefined;
    if (this.#closed) return;
    // A broker that stays away is one line in the log, not one for every attempt.
    if (reason.message !== this.#lastReason) this.#options.log.warn({ code: reason.code }, reason.message);
    this.#lastReason = reason.message;
    // Two processes with one identity throw each other out at once: only a connection that lasted starts afresh.
    const seconds = (performance.now() - this.#upSince) / 1_000;
    if (wasUp && seconds > this.#settings.retryMaxSeconds) this.#failures = 0;
    if (wasUp) this.#options.onDisconnect?.(reason);
    const fault = this.#takenOver(wasUp, seconds) ?? (this.#established || !isLasting(reason) ? undefined : reason);
    if (fault !== undefined) {
      this.#markClosed();
      if (this.#established) (this.#options.onFailure ?? stopProcess)(fault);
      else this.#settle.reject(fault);
      return;
    }
    // What has ended may have been the node.
    this.#node++;
    this.#timer = setTimeout(() => this.#connect(), this.#backoffSeconds() * 1_000);
  }

  #takenOver(wasUp: boolean, seconds: number): LinkError | undefined {
    const { party, alone = false } = this.#options;
    if (!wasUp) this.#takeovers.failed();
    else if (this.#takeovers.cutOff(seconds) && alone) {
      const times = `${this.#settings.takeovers} connections in a row were cut off as they began`;
      const text = `another process runs with the keys of ${party.id} at the broker ${this.#where} (${times})`;
      return new LinkError("taken-over", `${text}: stop one of the two`);
    }
    return undefined;
  }

  /** Doubles up to the longest wait; half of it is jitter, so that a fleet does not return in one moment. */
  #backoffSeconds(): number {
    const { retryMinSeconds, retryMaxSeconds } = this.#settings;
    const wait = Math.min(retryMaxSeconds, retryMinSeconds * 2 ** Math.min(this.#failures++, 30));
    return wait * (0.5 + this.#random() / 2);
  }
}

function settleWith(resolve: () => void, reject: (error: LinkError) => void): Done {
  return (error) => (error ? reject(error) : resolve());
}

function stopProcess(error: unknown): void {
  process.nextTick(() => {
    throw error;
  });
}
