/** One simulated meter of a host: a real agent with its own keys and its own TLS connections. */
import type { BrokerAddress } from "../../config/runtime/broker-address.ts";
import { join } from "node:path";
import type { Config } from "../../config/index.ts";
import { openMeterSecrets, openParty } from "../../config/keys/index.ts";
import { connectLink, type Link } from "../../config/runtime/link.ts";
import type { Logger } from "../../config/runtime/logger.ts";
import { type BulkCourier, openBulk } from "../../hardware/agent/bulk/index.ts";
import type { CiphertextAgent } from "../../hardware/agent/ciphertexts/index.ts";
import {
  type AgentEvents,
  type AgentLink,
  agentSettings,
  MeterAgent,
  meterLastWill,
  meterSubscriptions,
  type Outbox,
} from "../../hardware/agent/index.ts";
import type { HostCiphertexts } from "./host-ciphertexts.ts";
import type { Showcase } from "./showcase.ts";

export interface HostedMeter {
  readonly index: number;
  /** Replaced when the device restarts. */
  agent: MeterAgent;
  ciphertexts: CiphertextAgent | undefined;
  readonly link: Link;
  /** The device loses what is not durable, and starts again. */
  restart(): void;
  close(): Promise<void>;
  /** The simulated register, at the start of slot `boundary`. */
  register?: { boundary: number; importWh: number; exportWh: number };
}

/** What lasts from one start of the device to the next. */
interface Started extends Pick<HostedMeter, "agent" | "ciphertexts"> {
  readonly bulk: BulkCourier;
}

export interface HostedMeterOptions {
  readonly config: Config;
  readonly data: string;
  readonly index: number;
  readonly id: string;
  readonly role: "customer" | "head";
  readonly outbox: Outbox;
  readonly log: Logger;
  readonly endpoint: BrokerAddress;
  readonly randomBytes: (size: number) => Uint8Array;
  readonly monotonic: () => number;
  readonly events: AgentEvents;
  /** What the meters share when they encrypt. */
  readonly ciphertexts: Pick<HostCiphertexts, "sharedFor" | "events" | "accept" | "turns" | "bulkSent">;
  /** Of the one household whose messages are shown. */
  readonly showcase?: Showcase | undefined;
  /** Further topics of this connection, whose messages `ciphertexts` accepts. */
  readonly subscriptions: readonly string[];
}

/** Opens the meter's folder and connects it. */
export async function openHostedMeter(options: HostedMeterOptions): Promise<HostedMeter> {
  const { config, data, index, id, outbox, randomBytes, monotonic, events, showcase } = options;
  const folder = join(data, "keys", id);
  const party = openParty(folder);
  // One process speaks for many meters: each line says which.
  const log = options.log.child({ meter: id });
  // The agent is made before its connection is, and reaches it through this handle.
  const handle: { link?: Link } = {};
  const agentLink: AgentLink = {
    get connected() {
      return handle.link?.connected ?? false;
    },
    send: (topic, payload, sendOptions, done) => {
      showcase?.sent(topic, payload);
      if (handle.link === undefined) done(new Error(`${id} is not connected`));
      else handle.link.send(topic, payload, sendOptions, done);
    },
  };
  const secrets = openMeterSecrets(folder);
  const settings = { ...agentSettings(config, party.directory.t), role: options.role };
  // Statistics on ciphertexts are about customers.
  const shared = options.role === "head" ? undefined : options.ciphertexts.sharedFor(party);
  const start = (): Started => {
    const bulk = openBulk({
      ...{ config, party, broker: options.endpoint, log, turns: options.ciphertexts.turns },
      sent: (bytes) => options.ciphertexts.bulkSent(bytes),
      failed: (err) => log.warn({ err }, "the second connection failed"),
    });
    const agent: MeterAgent = new MeterAgent({
      ...{ secrets, settings, outbox, link: agentLink, randomBytes, monotonic },
      events: {
        ...events,
        settled: (...settled) => {
          events.settled?.(...settled);
          parts.ciphertexts?.settled();
        },
        ...(showcase === undefined ? {} : { cut: (_, run, x, entries) => showcase.cut(run, x, entries) }),
      },
    });
    const ciphertexts = shared?.agentFor({
      ...{ agent, secrets, bulk, link: agentLink, events: options.ciphertexts.events() },
    });
    return { agent, ciphertexts, bulk };
  };
  const parts: Partial<Started> = {};
  const meter: Omit<HostedMeter, "link"> & Started = {
    index,
    ...Object.assign(parts, start()),
    restart: () => {
      // What was read is durable; everything else that the device knew is gone.
      outbox.flush();
      meter.ciphertexts?.close();
      void meter.bulk.close();
      Object.assign(meter, Object.assign(parts, start()));
      if (agentLink.connected) meter.agent.onConnect();
    },
    close: async () => {
      meter.ciphertexts?.close();
      await meter.bulk.close();
      await handle.link?.close();
    },
  };
  const link = await connectLink({
    ...{ ...options.endpoint, party, log, settings: config.link },
    will: meterLastWill(id),
    subscriptions: [...meterSubscriptions(id), ...options.subscriptions],
    onMessage: (topic, payload) => {
      if (!options.ciphertexts.accept(topic, payload)) meter.agent.onMessage(topic, payload);
    },
    onConnect: (connected) => {
      handle.link = connected;
      meter.agent.onConnect();
    },
  });
  return Object.assign(meter, { link });
}
