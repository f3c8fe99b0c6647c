/**
 * A port with a device that shares by itself: its meter's connection to the broker, and the relay between the two. Bills
 * come to the household over the same connection.
 */
import { join } from "node:path";
import { openCustomerKey, openParty } from "../../config/keys/index.ts";
import { brokerAddress } from "../../config/runtime/broker-address.ts";
import { connectLink, type Link } from "../../config/runtime/link.ts";
import { Refusals } from "../../config/runtime/refusals.ts";
import { createSimClockFeed } from "../../config/runtime/sim-clock-feed.ts";
import { parseTopic } from "../../protocol/topics.ts";
import type { AgentLink } from "../agent/agent-options.ts";
import { NO_READINGS } from "../../billing/readings-file.ts";
import { BillIntake } from "../agent/bill-intake.ts";
import { meterLastWill } from "../agent/greeting.ts";
import { DEVICE_FLAGS } from "../link/index.ts";
import { DeviceRelay, relaySubscriptions } from "./device-relay.ts";
import { ratesOf } from "./kinds.ts";
import { OnlineAggregators } from "./online-aggregators.ts";
import type { Line } from "./serial-port.ts";
import { keepOpen, type Station } from "./station.ts";

/** Simulated seconds after which a device is told of the link again. */
const SIMULATED_LINK_SECONDS = 30;

/** Runs a device's port. */
export const deviceMeter: Station = async (options, signal) => {
  const { context, settings, log, print, now } = options;
  const { config } = context;
  const { meter } = settings;
  const rate = ratesOf(settings)[0]!;
  const online = new OnlineAggregators();
  const handle: { link?: Link; relay?: DeviceRelay } = {};
  const refusals = new Refusals({ log: context.log, intervalSeconds: config.logging.refusalSeconds });
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
        ...{ meter, line: line.stream, link, online },
        refused: (code, detail) => log.refused(code, detail),
        count: (name) => log.count(name),
        identity: ({ flags, meter: device }) => {
          const isProvisioned = (flags & DEVICE_FLAGS.provisioned) !== 0;
          print?.({ time: now(), meter, event: "identity", device: isProvisioned ? device : "not provisioned" });
        },
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
      if (print === undefined) link.send(will.topic, will.payload, { retain: true }, () => undefined);
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
      const folder = join(config.paths.data, "keys", meter);
      const party = openParty(folder);
      const bills = new BillIntake({
        ...{ config, meter, log: context.log, refusals },
        customerSealKey: openCustomerKey(folder),
        directory: party.directory,
        // They are in the device, which tells them to nobody.
        readings: () => NO_READINGS,
      });
      const clock = createSimClockFeed({ config, directory: party.directory, refusals });
      let repeated = Number.NEGATIVE_INFINITY;
      clock.onTick((time) => {
        if (time - repeated < SIMULATED_LINK_SECONDS) return;
        repeated = time;
        handle.relay?.repeat();
      });
      await connectLink({
        party,
        ...brokerAddress(config),
        settings: config.link,
        will,
        subscriptions: [...relaySubscriptions(meter), bills.subscription, ...clock.subscriptions],
        onMessage: (topic, payload) => {
          const bill = bills.accept(topic, payload);
          if (bill !== undefined) return bill;
          if (clock.accept(topic, payload)) return undefined;
          if (handle.relay !== undefined) handle.relay.onMessage(topic, payload);
          else if (parseTopic(topic)?.name === "aggregatorStatus") {
            online.take(Number(parseTopic(topic)?.parameters.agg), payload);
          }
          return undefined;
        },
        onConnect: (connected) => {
          handle.link = connected;
          handle.relay?.linkChanged();
        },
        onDisconnect: () => {
          online.forget();
          handle.relay?.linkChanged();
        },
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
