/**
 * One connection of a link, from CONNECT to its end: an mqtt.js client that never reconnects by itself, on a stream that
 * gathers small packets. What is unacknowledged when it ends is reported as lost, never sent again behind the caller's
 * back: outboxes belong to the callers.
 */
import type { Duplex } from "node:stream";
import mqtt from "mqtt";
import type { IPublishPacket } from "mqtt";
import type { Config } from "../schema.ts";
import { LinkError, connectionError } from "./link-error.ts";

export interface ConnectionOptions {
  readonly clientId: string;
  readonly where: string;
  readonly openStream: () => Duplex;
  readonly will: { readonly topic: string; readonly payload: Buffer; readonly retain: boolean } | undefined;
  readonly settings: Config["link"];
  /** Of what is subscribed to. */
  readonly deliveryQos: 0 | 1;
  readonly onMessage: (topic: string, payload: Uint8Array) => void | Promise<void>;
  /** The handler threw or rejected. */
  readonly onFailure: (error: unknown) => void;
  /** Called once, also when the connection never came about. */
  readonly onEnd: (reason: LinkError) => void;
}

export type Done = (error?: LinkError) => void;

/** mqtt.js takes a function for its debug output; formatting it would cost as much as sending. */
const NO_TRACE = (): void => {};

/** Waiting for more than one TLS record holds would gain nothing. */
const GATHERED_BYTES = 16_384;

/** MQTT 3.1.1, section 3.9.3: the filter was not granted. */
const SUBACK_REFUSED = 0x80;

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #client: mqtt.MqttClient;
  #stream: Duplex | undefined;
  /** Lets go what is held back; undefined while nothing is. */
  #release: (() => void) | undefined;
  #inFlight = 0;
  #subscribing = 0;
  #pending = 0;
  #held: (() => void) | undefined;
  #reason: LinkError | undefined;
  #ended = false;
  #onDrained: (() => void) | undefined;
  #acknowledged = 0;
  #watch: NodeJS.Timeout | undefined;
  #markOver: () => void = () => {};
  readonly #over = new Promise<void>((resolve) => {
    this.#markOver = resolve;
  });

  constructor(options: ConnectionOptions, onConnect: () => void) {
    this.#options = options;
    const { clientId, will, settings } = options;
    this.#client = new mqtt.MqttClient(() => this.#open(), {
      clientId,
      clean: true,
      protocolVersion: 4,
      keepalive: settings.keepaliveSeconds,
      connectTimeout: settings.connectSeconds * 1_000,
      reschedulePings: false, // a timer reset per packet otherwise
      reconnectPeriod: 0,
      resubscribe: false,
      queueQoSZero: false,
      log: NO_TRACE,
      ...(will && { will: { ...will, qos: 1 } }),
    });
    this.#client.on("connect", onConnect);
    this.#client.on("error", (error) => this.#fail(connectionError(error, options.where)));
    this.#client.on("close", () => this.#end());
    this.#client.handleMessage = (packet, done) => this.#receive(packet, done);
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** `done` is called when the broker has acknowledged, or with the error why it has not. */
  publish(topic: string, payload: Uint8Array | string, retain: boolean, done: Done): void {
    const { maxInFlight, maxUnsentBytes } = this.#options.settings;
    if (this.#inFlight >= maxInFlight) {
      done(new LinkError("full", `${this.#inFlight} messages are waiting for the broker`));
      return;
    }
    const unsent = this.#stream?.writableLength ?? 0;
    if (unsent > maxUnsentBytes) {
      done(new LinkError("full", `${unsent} bytes are waiting to be sent`));
      return;
    }
    this.#inFlight++;
    this.#watch ??= this.#watchAcknowledgements();
    this.#cork();
    this.#client.publish(topic, asBuffer(payload), { qos: 1, retain }, (error) => {
      this.#acknowledged++;
      if (--this.#inFlight === 0) this.#onDrained?.();
      if (error) done(this.#reason ?? new LinkError("lost", "the connection broke before the broker acknowledged"));
      else done();
    });
  }

  subscribe(filters: readonly string[], done: Done): void {
    if (filters.length === 0) {
      done();
      return;
    }
    this.#subscribing++;
    this.#watch ??= this.#watchAcknowledgements();
    this.#client.subscribe([...filters], { qos: this.#options.deliveryQos }, (error, _, answer) => {
      this.#acknowledged++;
      this.#subscribing--;
      const refused = filters.filter((_filter, i) => Number(answer?.granted[i] ?? 0) >= SUBACK_REFUSED);
      if (!error) done();
      else if (refused.length === 0) done(this.#reason ?? new LinkError("lost", "broke during the subscription"));
      else done(new LinkError("subscription", `the broker refused the subscription to ${refused.join(", ")}`));
    });
  }

  /** Breaks off at once; what is in flight is reported with `reason`. */
  destroy(reason: LinkError): void {
    this.#fail(reason);
  }

  /** Waits for what is in flight, at most `closeSeconds`, says DISCONNECT (so that no will is sent) and ends. */
  async close(): Promise<void> {
    this.#resume();
    if (this.#client.connected && this.#inFlight > 0) await this.#drained();
    this.#reason ??= new LinkError("closed", "the link was closed");
    if (this.#client.connected && this.#inFlight === 0) this.#client.end(false);
    else this.#fail(this.#reason);
    // A broker that does not take the DISCONNECT must not keep the process.
    const timer = setTimeout(() => this.#stream?.destroy(), this.#closeMilliseconds);
    await this.#over;
    clearTimeout(timer);
  }

  get #closeMilliseconds(): number {
    return this.#options.settings.closeSeconds * 1_000;
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#closeMilliseconds);
      this.#onDrained = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /**
   * A broker may answer pings and no longer take messages or subscriptions: a node of a cluster that has lost the
   * others. One that has acknowledged nothing between two looks, while something was waiting at both, is given up. One
   * timer for the connection: one for each message would cost more than sending it.
   */
  #watchAcknowledgements(): NodeJS.Timeout {
    const { ackSeconds } = this.#options.settings;
    let before = -1; // nothing was waiting at the last look
    const look = (): void => {
      const waiting = this.#inFlight + this.#subscribing > 0;
      if (waiting && this.#acknowledged === before) {
        this.#fail(
          new LinkError("lost", `the broker at ${this.#options.where} acknowledged nothing for ${ackSeconds} s`),
        );
      }
      before = waiting ? this.#acknowledged : -1;
    };
    return setInterval(look, ackSeconds * 1_000).unref();
  }

  #open(): Duplex {
    this.#stream = this.#options.openStream();
    return this.#stream;
  }

  /**
   * Holds small packets back until the current turn of the event loop is over, or for `gatherMilliseconds`, so that a
   * hundred of them leave as one TLS record. mqtt-packet corks each packet by itself, but only until the next microtask:
   * too early for the answers to a batch of received packets.
   */
  #cork(): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    const { gatherMilliseconds } = this.#options.settings;
    if (this.#release !== undefined) {
      if (gatherMilliseconds === 0 || stream.writableLength < GATHERED_BYTES) return;
      this.#release();
    }
    stream.cork();
    let timer: NodeJS.Timeout | undefined;
    const release = (): void => {
      if (this.#release !== release) return;
      this.#release = undefined;
      clearTimeout(timer);
      stream.uncork();
    };
    this.#release = release;
    if (gatherMilliseconds > 0) timer = setTimeout(release, gatherMilliseconds);
    else setImmediate(release);
  }

  #receive(packet: IPublishPacket, acknowledge: () => void): void {
    this.#cork();
    const outcome = this.#handle(packet);
    if (outcome !== undefined) {
      this.#pending++;
      outcome.catch(this.#options.onFailure).finally(() => {
        this.#pending--;
        if (this.#pending < this.#options.settings.maxPending) this.#resume();
      });
    }
    // Without its acknowledgement mqtt.js reads no further packet: the broker feels the queue.
    if (this.#pending >= this.#options.settings.maxPending) this.#held = acknowledge;
    else acknowledge();
  }

  #handle({ topic, payload }: IPublishPacket): Promise<void> | undefined {
    try {
      return this.#options.onMessage(topic, payload as Buffer) ?? undefined;
    } catch (error) {
      this.#options.onFailure(error);
      return undefined;
    }
  }

  #resume(): void {
    const held = this.#held;
    this.#held = undefined;
    held?.();
  }

  #fail(reason: LinkError): void {
    this.#reason ??= reason;
    if (this.#stream && !this.#stream.destroyed) this.#stream.destroy();
    if (this.#stream === undefined) this.#end();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearInterval(this.#watch);
    // Fails what is outstanding: mqtt.js keeps it for a reconnection that never comes.
    this.#client.end(true);
    this.#onDrained?.();
    this.#markOver();
    this.#options.onEnd(this.#reason ?? new LinkError("lost", `the broker at ${this.#options.where} hung up`));
  }
}

function asBuffer(payload: Uint8Array | string): Buffer | string {
  if (typeof payload === "string" || Buffer.isBuffer(payload)) return payload;
  return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
}
