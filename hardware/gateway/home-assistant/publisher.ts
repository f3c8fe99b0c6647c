/**
 * The connection to the broker of Home Assistant: discovery, availability and states. Everything is published anew when
 * the broker comes back (it may have forgotten what was retained) and when Home Assistant says that it has started.
 */
import { readFileSync } from "node:fs";
import mqtt, { type IClientOptions, type MqttClient } from "mqtt";
import type { Config } from "../../../config/index.ts";
import { UsageError } from "../../../config/runtime/role-command.ts";
import {
  availabilityTopic,
  type DiscoveryTopics,
  discoveryMessages,
  publisherTopic,
  type ShownDevice,
  stateTopic,
} from "./discovery.ts";

interface PublisherLog {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
}

export interface PublisherOptions {
  readonly settings: Config["homeAssistant"];
  /** Names this connection at the broker; topic level. */
  readonly name: string;
  readonly log: PublisherLog;
}

const RETAINED = { qos: 1, retain: true } as const;
const RECONNECT_MILLISECONDS = 2_000;

interface Shown {
  device: ShownDevice;
  available: boolean;
  state: string | undefined;
}

export class HomeAssistantPublisher {
  readonly #options: PublisherOptions;
  readonly #topics: DiscoveryTopics;
  readonly #client: MqttClient;
  readonly #shown = new Map<string, Shown>();
  #fault = "";

  constructor(options: PublisherOptions) {
    const { settings, name, log } = options;
    this.#options = options;
    this.#topics = { prefix: settings.prefix, base: settings.topic, publisher: name };
    this.#client = mqtt.connect(settings.url, {
      ...credentials(settings),
      clientId: `wattveil-${name}`,
      protocolVersion: 4,
      clean: true,
      reconnectPeriod: RECONNECT_MILLISECONDS,
      // What is not sent is published anew on the next connection; a queue would send old states first.
      queueQoSZero: false,
      will: { topic: publisherTopic(this.#topics), payload: Buffer.from("offline"), ...RETAINED },
    });
    const status = `${settings.prefix}/status`;
    this.#client.on("connect", () => {
      this.#fault = "";
      log.info({ url: withoutUser(settings.url) }, "connected to Home Assistant's broker");
      this.#client.subscribe(status, { qos: 1 });
      this.#publishAll();
    });
    this.#client.on("message", (topic, payload) => {
      if (topic === status && payload.toString("utf8") === "online") this.#publishAll();
    });
    // A broker that stays away is one line, not one for every attempt.
    this.#client.on("error", (error) => this.#warn(error.message === "" ? "no answer" : error.message));
    this.#client.on("close", () => this.#warn("not connected"));
  }

  /** Adds a device, or replaces what was said of it. */
  announce(device: ShownDevice): void {
    const known = this.#shown.get(device.id);
    const shown = known ?? { device, available: true, state: undefined };
    shown.device = device;
    this.#shown.set(device.id, shown);
    this.#publishOne(shown);
  }

  /** A device's numbers by the fields of its sensors: kWh and W. */
  state(id: string, values: Readonly<Record<string, number>>): void {
    const shown = this.#shown.get(id);
    if (shown === undefined) throw new RangeError(`id: ${id} was not announced`);
    shown.state = JSON.stringify(values);
    this.available(id, true);
    this.#send(stateTopic(this.#topics, id), shown.state);
  }

  available(id: string, available: boolean): void {
    const shown = this.#shown.get(id);
    if (shown === undefined || shown.available === available) return;
    shown.available = available;
    this.#send(availabilityTopic(this.#topics, id), available ? "online" : "offline");
  }

  async close(): Promise<void> {
    if (this.#client.connected) {
      await this.#client.publishAsync(publisherTopic(this.#topics), "offline", RETAINED).catch(() => undefined);
    }
    await this.#client.endAsync(true);
  }

  #publishAll(): void {
    this.#send(publisherTopic(this.#topics), "online");
    for (const shown of this.#shown.values()) this.#publishOne(shown);
  }

  #publishOne({ device, available, state }: Shown): void {
    for (const { topic, payload } of discoveryMessages(this.#topics, device)) this.#send(topic, payload);
    this.#send(availabilityTopic(this.#topics, device.id), available ? "online" : "offline");
    if (state !== undefined) this.#send(stateTopic(this.#topics, device.id), state);
  }

  #send(topic: string, payload: string): void {
    if (this.#client.connected) this.#client.publish(topic, payload, RETAINED, () => undefined);
  }

  #warn(fault: string): void {
    const { log, settings } = this.#options;
    if (this.#client.disconnecting || this.#fault !== "") return;
    this.#fault = fault;
    log.warn({ url: withoutUser(settings.url) }, `Home Assistant's broker: ${fault}`);
  }
}

function credentials({ user, passwordFile }: Config["homeAssistant"]): IClientOptions {
  if (user === "") return {};
  if (passwordFile === "") return { username: user };
  try {
    return { username: user, password: readFileSync(passwordFile, "utf8").trimEnd() };
  } catch {
    throw new UsageError(`homeAssistant.passwordFile: ${passwordFile} cannot be read`);
  }
}

/** A URL may hold a password. */
function withoutUser(url: string): string {
  return url.replace(/\/\/[^@/]*@/, "//");
}
