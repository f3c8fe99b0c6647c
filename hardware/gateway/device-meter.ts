/**
 * A port with a device that shares by itself: its meter's connection to the broker, and the relay between the two. Bills
 * come to the household over the same connection.
 */
import { join } from "node:path";
import { openParty } from "../../config/keys/index.ts";
import { connectLink, type Link } from "../../config/runtime/link.ts";
import type { AgentLink } from "../agent/agent-options.ts";
import { meterLastWill } from "../agent/greeting.ts";
import { DeviceRelay, relaySubscriptions } from "./device-relay.ts";
import { ratesOf } from "./kinds.ts";
import type { Line } from "./serial-port.ts";
import { keepOpen, type Station } from "./station.ts";

/** Runs a device's port. */
export const deviceMeter: Station = async (options, signal) => {
  const { context, settings, log, print, now } = options;
  const { config } = context;
  const { meter } = settings;
  const rate = ratesOf(settings)[0]!;
  const handle: { link?: Link; relay?: DeviceRelay } = {};
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, failed.signal]);
  let failure: Error | undefined;
  const will = meterLastWill(meter);
  const link: AgentLink = {
    get connected() {
      return handle.link?.connected ?? false;
    },
    send: (topic, payload, sendOptions, done) => {
      print?.({ time: now(), meter, event: "publish", topic, bytes: payload.length });
      if (handle.link !== undefined) handle.link.send(topic, payload, sendOptions, done);
      else done(print === undefined ? new Error("not connected yet") : undefined);
    },
  };
  const user = {
    rate: () => rate,
    opened: (line: Line) => {
      handle.relay = new DeviceRelay({
        ...{ meter, line: line.stream, link },
        refused: (code, detail) => log.refused(code, detail),
        count: (name) => log.count(name),
        status: (status) => {
          const { time, ...figures } = status;
          print?.({ time: now(), meter, event: "status", deviceTime: time, ...figures });
          log.status({ ...status });
        },
      });
    },
    closed: () => {
      handle.relay?.close();
      delete handle.relay;
      // The broker knows only that this gateway is there.
      link.send(will.topic, will.payload, { retain: true }, () => undefined);
    },
  };
  const connecting = print === undefined ? connect() : undefined;
  try {
    await keepOpen(options, user, stop);
  } finally {
    failed.abort();
    await handle.link?.close();
    await connecting;
  }
  if (failure !== undefined) throw failure;

  /** Settles when the first connection stands, or never can. */
  async function connect(): Promise<void> {
    try {
      await connectLink({
        party: openParty(join(config.paths.data, "keys", meter)),
        host: config.broker.host,
        port: config.broker.tlsPort,
        settings: config.link,
        will,
        subscriptions: relaySubscriptions(meter),
        onMessage: (topic, payload) => handle.relay?.onMessage(topic, payload),
        onConnect: (connected) => {
          handle.link = connected;
          handle.relay?.linkChanged();
        },
        onDisconnect: () => handle.relay?.linkChanged(),
        log: context.log,
        signal: stop,
      });
    } catch (error) {
      if (stop.aborted) return;
      failure = error instanceof Error ? error : new Error(String(error));
      failed.abort();
    }
  }
};
