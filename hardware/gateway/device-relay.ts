/**
 * Between a device that shares by itself and the broker: hello to status, shares to their topics, acks down the line.
 * It holds the meter's certificate and none of its keys: what it carries it can neither read nor make.
 */
import type { Duplex } from "node:stream";
import type { MeterStatus } from "../../protocol/messages/public.ts";
import { filterOf, parseTopic, topicOf } from "../../protocol/topics.ts";
import type { AgentLink } from "../agent/agent-options.ts";
import {
  DEVICE_FLAGS,
  type HostFrame,
  type IdentityFrame,
  MAX_ACK_BYTES,
  replyName,
  type StatusFrame,
} from "../link/index.ts";
import { DeviceLink, type SpokenFrame } from "./device-link.ts";
import { OnlineAggregators } from "./online-aggregators.ts";

/** The device is told of the link at least this often; it gives the link up after 150 s. */
const LINK_SECONDS = 30;

export interface DeviceRelayOptions {
  readonly meter: string;
  /** The open serial line, or what stands for it. */
  readonly line: Duplex;
  /** The meter's connection to the broker. */
  readonly link: AgentLink;
  /** Who is online: to be kept where the connection to the broker outlives the line. */
  readonly online?: OnlineAggregators;
  /** Something was refused or lost: noise, another meter's device, an ack too long for it. Never holds content. */
  readonly refused: (code: string, detail?: string) => void;
  /** Counts what went through: `hellos`, `shares`, `acks`. */
  readonly count: (name: string) => void;
  /** What the device says about itself; it says nothing that depends on pulses. */
  readonly status?: (status: StatusFrame) => void;
  /** Who the device says it is, when asked. */
  readonly identity?: (identity: IdentityFrame) => void;
  /** How often the device is told of the link, and asked who it is; 30 by default. */
  readonly linkSeconds?: number;
}

/** A board that resets when its port is opened does not hear the first question. */
const ASK_AGAIN_MILLISECONDS = 2_000;

/** What the connection of a device's meter subscribes to. */
export function relaySubscriptions(meter: string): string[] {
  return [filterOf("ack", { meter }), filterOf("aggregatorStatus")];
}

export class DeviceRelay {
  readonly #options: DeviceRelayOptions;
  readonly #device: DeviceLink;
  readonly #timer: NodeJS.Timeout;
  #asking: NodeJS.Timeout | undefined;
  readonly #online: OnlineAggregators;
  /** The device on this line is the one of this meter. */
  #known = false;
  /** What the device was told last, of a link that is up. */
  #told: number | undefined;

  constructor(options: DeviceRelayOptions) {
    this.#options = options;
    this.#online = options.online ?? new OnlineAggregators();
    const { line, refused, linkSeconds = LINK_SECONDS } = options;
    this.#device = new DeviceLink({ line, refused, frame: (frame) => this.#take(frame) });
    this.#timer = setInterval(() => this.repeat(), linkSeconds * 1_000);
    this.#ask();
  }

  /** Call when the connection to the broker stands, and when it is gone. */
  linkChanged(): void {
    // The broker tells who is online with each connection anew.
    if (!this.#options.link.connected) this.#online.forget();
    this.#tellLink();
  }

  /** Tells the device of the link again: one on simulated time would give it up before this process's clock has moved. */
  repeatLink(): void {
    this.#tellLink(true);
  }

  /** A message on one of the subscriptions. Never throws: what is refused is counted. */
  onMessage(topic: string, payload: Uint8Array): void {
    const { meter, refused, count } = this.#options;
    const parsed = parseTopic(topic);
    const aggregator = Number(parsed?.parameters.agg);
    if (parsed?.name === "aggregatorStatus") {
      if (this.#online.take(aggregator, payload)) this.#tellLink();
      else refused("bad-status");
    } else if (parsed?.name === "ack" && parsed.parameters.meter === meter) {
      // The device asks again for what is not acknowledged.
      if (payload.length > MAX_ACK_BYTES) refused("ack-too-long");
      else if (!this.#known) refused("no-device");
      else void this.#request({ kind: "ack", aggregator, message: Uint8Array.from(payload) }, () => count("acks"));
    }
  }

  /** Lets go of the line. */
  close(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#asking);
    this.#device.close();
  }

  #ask(): void {
    clearTimeout(this.#asking);
    void this.#request({ kind: "ask", what: "identity" });
    this.#asking = setTimeout(() => {
      if (!this.#known) this.#ask();
    }, ASK_AGAIN_MILLISECONDS);
  }

  async #request(frame: HostFrame, done?: () => void): Promise<void> {
    const code = await this.#device.request(frame);
    if (code === 0) done?.();
    else if (code !== undefined) this.#options.refused(`device-${replyName(code)}`, frame.kind);
  }

  #take(frame: SpokenFrame): void {
    switch (frame.kind) {
      case "identity":
        this.#options.identity?.(frame);
        this.#identify((frame.flags & DEVICE_FLAGS.provisioned) === 0 ? undefined : frame.meter);
        return;
      case "hello":
        if (this.#identify(frame.meter)) this.#hello(frame.challenge, frame.boot);
        return;
      case "share":
        this.#share(frame.aggregator, frame.message);
        return;
      case "status":
        this.#options.status?.(frame);
    }
  }

  /** Is this the meter's device? One that has just started wants to be told of the link again. */
  #identify(meter: string | undefined): boolean {
    const before = this.#known;
    this.#known = meter === this.#options.meter;
    if (meter === undefined) this.#options.refused("not-provisioned", "npm run gateway -- provision gives it its keys");
    else if (!this.#known) this.#options.refused("other-meter", `the device on this port is ${meter}`);
    if (this.#known && !before) this.#tellLink(true);
    return this.#known;
  }

  #hello(challenge: Uint8Array, boot: number): void {
    const { meter, count } = this.#options;
    const status: MeterStatus = { state: "online", challenge: Buffer.from(challenge).toString("hex"), boot };
    count("hellos");
    this.#publish(topicOf("meterStatus", { meter }), JSON.stringify(status), true);
  }

  #share(aggregator: number, payload: Uint8Array): void {
    const { meter, count, refused } = this.#options;
    if (!this.#known) {
      refused("no-device");
      return;
    }
    count("shares");
    this.#publish(topicOf("share", { meter, agg: String(aggregator) }), payload, false);
  }

  #publish(topic: string, payload: Uint8Array | string, retain: boolean): void {
    const { link, refused } = this.#options;
    // Nothing is kept here: the device is the outbox.
    link.send(topic, payload, { retain }, (error) => {
      if (error !== undefined) refused("not-sent");
    });
  }

  /** Tells the device once more how things stand, and asks how it is: for clocks that run faster than the system's. */
  repeat(): void {
    if (!this.#known) return;
    this.#tellLink(true);
    void this.#request({ kind: "ask", what: "status" });
  }

  #tellLink(again = false): void {
    const up = this.#options.link.connected;
    const state = up ? this.#online.bits : undefined;
    if (!this.#known || (!again && state === this.#told)) return;
    this.#told = state;
    void this.#request({ kind: "link", up, online: this.#online.bits });
  }
}
