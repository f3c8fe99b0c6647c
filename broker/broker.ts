/**
 * The broker: Aedes behind gates, with the rules of the topic table. It carries sealed messages between parties that it
 * knows by certificate, and can read none of them.
 */
import type { EventEmitter } from "node:events";
import type { Duplex } from "node:stream";
import { Aedes } from "aedes";
import type { AedesOptions, AedesPublishPacket, Client, ConnectPacket, PublishPacket, Subscription } from "aedes";
import { type PartyTls, refusedSerials } from "../config/keys/index.ts";
import type { Config } from "../config/schema.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { topicOf } from "../protocol/topics.ts";
import type { ClientIdentity } from "../protocol/topics.ts";
import { gateOf, guardParser } from "./aedes-client.ts";
import { checkConnect } from "./connect-check.ts";
import type { ConnectFault } from "./connect-check.ts";
import { newCounters, sysTopic } from "./counters.ts";
import type { Counters } from "./counters.ts";
import { Emitter } from "./emitter.ts";
import { Gate } from "./gate.ts";
import { connectingAs, isServer } from "./identity.ts";
import { limitsFor } from "./limits.ts";
import { openListeners } from "./listeners.ts";
import type { Listeners, Ports } from "./listeners.ts";
import type { Revocations } from "./revocations.ts";
import { TopicRules } from "./rules.ts";
import { SessionStore } from "./session-store.ts";
import { TlsRenewal } from "./tls-renewal.ts";

export interface BrokerOptions {
  readonly settings: Config["broker"];
  /** The broker's own; looked at again and again, since files in its folder may be replaced while it runs. */
  readonly party: { readonly tls: PartyTls };
  readonly revocations: Pick<Revocations, "isRevoked" | "learn" | "count">;
  readonly refusals: { count(code: string, detail?: Readonly<Record<string, string | number>>): void };
  /** The database failed, or something that cannot happen did: the process must stop. */
  readonly onFailure: (error: unknown) => void;
  /** Where the public listener binds; anything but loopback is refused. */
  readonly publicHost?: string;
  /** Seconds from any origin that never go back. */
  readonly now?: () => number;
}

export interface Broker {
  readonly ports: Ports;
  /** Live. */
  readonly counters: Readonly<Counters>;
  /** Disconnects everyone. */
  close(): Promise<void>;
}

const SWEEP_PER_SLOW = 8;
const RENEW_MILLISECONDS = 1_000;
type AuthenticateDone = Parameters<NonNullable<AedesOptions["authenticate"]>>[3];
const ROLL = topicOf("roll", {});
const TOO_FAST = "subscription-flood"; // changes of filters without end

/**
 * Opens the listeners. Rejects with ListenError for a port that is taken, RangeError for a wrong address, or
 * KeyFolderError for a list of refused certificates that is not the authority's.
 */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const running = new RunningBroker(options);
  await running.start();
  return running;
}

class RunningBroker implements Broker {
  readonly counters: Counters = newCounters();
  readonly #options: BrokerOptions;
  readonly #aedes: Aedes;
  readonly #rules = new TopicRules();
  readonly #gates = new Set<Gate>();
  readonly #now: () => number;
  readonly #refuse: (code: string, detail?: Readonly<Record<string, string | number>>) => void;
  #listeners: Listeners | undefined;
  #timers: NodeJS.Timeout[] = [];
  #anonymous = 0;
  /** Why a CONNECT is going to be refused, by Aedes, with a CONNACK. */
  readonly #refused = new WeakMap<Gate, ConnectFault>();

  constructor(options: BrokerOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now() / 1_000);
    this.#refuse = (code, detail) => options.refusals.count(code, detail);
    this.#aedes = new Aedes({
      mq: new Emitter(),
      persistence: new SessionStore(this.counters),
      concurrency: 0,
      // The gate looks after CONNECT in time and keepalive; a subscriber that others wait for must drain in time.
      connectTimeout: 2_147_483_647,
      drainTimeout: Math.ceil(options.settings.slowSeconds * 1_000),
      preConnect: (client, packet, done) => this.#preConnect(client, packet, done),
      authenticate: (client, _user, _password, done) => this.#authenticate(client, done),
      authorizePublish: (client, packet, done) => this.#authorizePublish(client, packet, done),
      authorizeSubscribe: (client, subscription, done) => this.#authorizeSubscribe(client, subscription, done),
      authorizeForward: (client, packet) => this.#authorizeForward(client, packet),
    });
  }

  get ports(): Ports {
    if (this.#listeners === undefined) throw new RangeError("the broker is not listening");
    return this.#listeners.ports;
  }

  async start(): Promise<void> {
    const { settings, party } = this.#options;
    const { tls } = party;
    await refusedSerials(tls); // a list that is not the authority's would lock everyone out
    const aedes = this.#aedes;
    aedes.on("clientReady", (client) => this.#onReady(client));
    aedes.on("clientDisconnect", () => this.counters.clientsIdentified--);
    aedes.on("client", () => this.counters.clientsIdentified++);
    const onError = (client: Client, error: Error): void => this.#onClientError(client, error);
    aedes.on("clientError", onError);
    aedes.on("connectionError", onError);
    (aedes as EventEmitter).on("error", this.#options.onFailure); // of its stores; ours has no such faults
    aedes.on("unsubscribe", (filters: readonly string[], client: Client) => {
      if (client.conn instanceof Gate && !client.conn.filters.drop(filters)) client.conn.cut(TOO_FAST);
    });
    this.counters.revokedNow = this.#options.revocations.count;
    await aedes.listen();
    this.#listeners = await openListeners({
      ...settings,
      tls,
      publicHost: this.#options.publicHost ?? "127.0.0.1",
      counters: this.counters,
      refuse: this.#refuse,
      now: this.#now,
      onClient: (socket, identity) => this.#attach(socket, identity),
    });
    const renewal = new TlsRenewal({ party, listeners: this.#listeners, refuse: this.#refuse }, tls);
    this.#publishCounters();
    const sweepSeconds = Math.min(1, settings.slowSeconds / SWEEP_PER_SLOW);
    this.#timers = [
      setInterval(() => this.#sweep(), sweepSeconds * 1_000),
      setInterval(() => void renewal.look().catch(this.#options.onFailure), RENEW_MILLISECONDS),
      setInterval(() => this.#publishCounters(), settings.sysSeconds * 1_000),
    ];
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    for (const gate of this.#gates) gate.destroy();
    await this.#listeners?.close();
    await new Promise<void>((resolve) => this.#aedes.close(() => resolve()));
  }

  // --- connections

  #attach(socket: Duplex, identity: ClientIdentity): void {
    const gate = new Gate({
      socket,
      identity,
      limits: limitsFor(identity, this.#options.settings),
      counters: this.counters,
      refuse: this.#refuse,
      now: this.#now,
    });
    this.#gates.add(gate);
    gate.once("close", () => {
      this.#gates.delete(gate);
      gate.filters.clear();
    });
    const client = this.#aedes.handle(gate);
    guardParser(client, (error) => {
      gate.cut("malformed", { reason: error instanceof Error ? error.name : "unknown" });
    });
  }

  #sweep(): void {
    const now = this.#now();
    // All clients together are bounded as well: then those go that hold more than their part.
    const { maxQueuedBytes } = this.#options.settings;
    const fair = this.counters.queuedBytesNow > maxQueuedBytes ? maxQueuedBytes / this.#gates.size : undefined;
    for (const gate of this.#gates) {
      gate.sweep(now);
      if (fair !== undefined && !isServer(gate.identity) && gate.queuedBytes > fair) gate.cut("slow-client");
    }
  }

  #preConnect(client: Client, packet: ConnectPacket, done: (error: Error | null, success: boolean) => void): void {
    const gate = gateOf(client);
    const identity = connectingAs(gate.identity, packet.clientId);
    if (identity.bulk === true) gate.become(identity, limitsFor(identity, this.#options.settings));
    if (identity.role === "public") packet.clientId = `public/${++this.#anonymous}`; // no certificate's name
    const fault = checkConnect(packet, identity, this.#rules, this.#options.revocations);
    if (fault !== undefined) this.#refused.set(gate, fault);
    gate.keepaliveSeconds = packet.keepalive ?? 0;
    packet.keepalive = 0;
    packet.clean = true;
    done(null, true);
  }

  #authenticate(client: Client, done: AuthenticateDone): void {
    const gate = gateOf(client);
    const fault = this.#refused.get(gate);
    if (fault === undefined) {
      done(null, true);
      return;
    }
    gate.note(fault.code, fault.detail);
    done(Object.assign(new Error(fault.code), { returnCode: fault.returnCode }), false);
  }

  #onReady(client: Client): void {
    const gate = gateOf(client);
    gate.open();
    // A revocation may have come between the question and now.
    if (gate.identity.role === "meter" && this.#options.revocations.isRevoked(gate.identity.id)) gate.cut("revoked");
  }

  #onClientError(client: Client, error: Error): void {
    if (!(client.conn instanceof Gate)) return;
    const slow = error.message === "drain timeout";
    if (slow) client.conn.note("slow-client");
    else if (error.message !== "connection closed")
      client.conn.note("protocol", { reason: error.message.slice(0, 80) });
  }

  // --- rules

  #authorizePublish(client: Client | null, packet: PublishPacket, done: (error?: Error | null) => void): void {
    if (client === null) {
      done();
      return;
    }
    const gate = gateOf(client);
    const fault = this.#rules.refusePublish(gate.identity, packet);
    if (fault === undefined) {
      // Before Aedes acknowledges it: what could not be stored is not, and comes again.
      done(packet.topic !== ROLL || this.#onRoll(packet.payload as Buffer) ? null : new Error("not stored"));
      return;
    }
    gate.note(fault, { topic: packet.topic.slice(0, 200) });
    done(new Error(fault));
  }

  #authorizeSubscribe(
    client: Client,
    subscription: Subscription,
    done: (error: Error | null, subscription?: Subscription | null) => void,
  ): void {
    const gate = gateOf(client);
    const { topic } = subscription;
    const { id, role } = gate.identity;
    if (!gate.filters.mayChange()) {
      gate.note(TOO_FAST);
      done(new Error(TOO_FAST));
      return;
    }
    if (!this.#rules.maySubscribe(gate.identity, topic)) {
      this.#refuse("subscribe-denied", { client: id, role, filter: topic.slice(0, 200) });
      done(null, null);
      return;
    }
    if (!gate.filters.add(topic)) {
      this.#refuse("too-many-subscriptions", { client: id, role });
      done(null, null);
      return;
    }
    done(null, subscription);
  }

  #authorizeForward(client: Client, packet: AedesPublishPacket): AedesPublishPacket | null {
    return this.#rules.mayReceive(gateOf(client).identity, packet.topic) ? packet : null;
  }

  // --- the broker's own part

  /** False: it could not be stored. */
  #onRoll(payload: Buffer): boolean {
    try {
      const meter = this.#options.revocations.learn(payload);
      this.counters.revokedNow = this.#options.revocations.count;
      for (const gate of this.#gates) if (gate.identity.id === meter) gate.cut("revoked");
    } catch (error) {
      if (!(error instanceof ProtocolError)) {
        this.#options.onFailure(error);
        return false;
      }
      this.#refuse(`roll-${error.code}`);
    }
    return true;
  }

  #publishCounters(): void {
    for (const [name, value] of Object.entries(this.counters) as [string, number][]) {
      const packet = {
        cmd: "publish",
        topic: sysTopic(name),
        payload: String(value),
        qos: 0,
        retain: true,
        dup: false,
      };
      this.#aedes.publish(packet as PublishPacket, () => {});
    }
  }
}
