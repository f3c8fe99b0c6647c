/** The broker, and how parties keep their connection to it. */
import { z } from "zod";
import { port, seconds, text, whole } from "./schema-fields.ts";

const NODE = z
  .string()
  .regex(/^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?$/, "a node: host, or host:port; IPv6 addresses in brackets");

export const broker = z.strictObject({
  kind: z
    .enum(["embedded", "external"])
    .default("embedded")
    .meta({
      description:
        "Which broker carries the messages: the one of `npm run broker`, or another one with the rules that " +
        "`npm run broker -- export` writes.",
    }),
  otherNodes: z.array(NODE).max(64).default([]).meta({
    description: "Further nodes of an external broker; who cannot reach one tries the next.",
    allowed: "hosts, or host:port; without a port `tlsPort` holds",
  }),
  bulkPort: whole(
    0,
    65_535,
    0,
    "Port of an external broker for the meters' second connections, where the engine needs one; 0 for `tlsPort`.",
  ),
  deliveryQos: z
    .union([z.literal(0), z.literal(1)])
    .default(1)
    .meta({
      description:
        "MQTT quality of service of what parties subscribe to. 0 for NATS, which keeps a queue of its own for every " +
        "filter of every client otherwise; nothing depends on it, since what counts is acknowledged end to end.",
    }),
  host: text("127.0.0.1", "Where the parties find the broker: host name or address."),
  listen: text("127.0.0.1", "Address on which the broker accepts mqtts and WebSocket clients; `0.0.0.0` for all."),
  tlsPort: port(8883, "Port of MQTT over mutual TLS"),
  wssPort: port(8884, "Port of MQTT over WebSocket over mutual TLS"),
  publicPort: port(1883, "Loopback-only port on which any MQTT client may read public topics"),
  connectBytes: whole(256, 65_536, 4_096, "Largest CONNECT packet.", { unit: "B" }),
  maxPacketBytes: whole(1_024, 268_435_455, 300_000, "Largest packet of an identified client.", { unit: "B" }),
  messagesPerSecond: whole(0, 1_000_000, 0, "Messages accepted from one client (acks count too); 0 for no limit.", {
    unit: "1/s",
  }),
  maxInFlight: whole(1, 65_535, 16_384, "Unacknowledged messages towards one client.", { unit: "messages" }),
  maxQueuedBytes: whole(65_536, 4_294_967_296, 67_108_864, "Bytes waiting for one slow client before it is cut off.", {
    unit: "B",
  }),
  connectionsPerSecond: whole(0, 100_000, 500, "New connections accepted; 0 for no limit.", { unit: "1/s" }),
  maxSubscriptions: whole(1, 65_535, 64, "Filters that one client may hold.", { unit: "filters" }),
  maxConnections: whole(1, 1_000_000, 20_000, "Clients connected at the same time.", { unit: "clients" }),
  idleSeconds: seconds(1, 86_400, 120, "Silence after which a client without keepalive is cut off."),
  slowSeconds: seconds(0.1, 3_600, 10, "Time a new connection may take to identify itself, or a full queue to drain."),
  sysSeconds: seconds(1, 3_600, 10, "Interval of the broker's own counters on `$SYS/...`."),
});

export const link = z.strictObject({
  keepaliveSeconds: whole(1, 3_600, 30, "A party pings the broker this often.", { unit: "s" }),
  connectSeconds: seconds(0.1, 300, 10, "Wait for the broker to answer a new connection."),
  retryMinSeconds: seconds(0.01, 60, 0.1, "First wait before reconnecting; doubles, with jitter."),
  retryMaxSeconds: seconds(0.01, 600, 5, "Longest wait before reconnecting."),
  takeovers: whole(
    2,
    1_000,
    5,
    "A server gives up after so many connections in a row that were cut off as they began: another has its keys.",
    { unit: "connections" },
  ),
  ackSeconds: seconds(
    0.1,
    3_600,
    30,
    "A broker that acknowledges nothing for so long, while something waits for it, is given up for the next connection.",
  ),
  deafSeconds: seconds(
    0.1,
    3_600,
    30,
    "Where the broker has several nodes: a party that waits in vain for so long tries the next; each time twice as long.",
  ),
  closeSeconds: seconds(0, 60, 2, "Wait for outstanding messages when a party stops."),
  maxInFlight: whole(1, 32_767, 16_384, "Messages of one connection waiting for the broker.", { unit: "messages" }),
  maxUnsentBytes: whole(65_536, 4_294_967_296, 67_108_864, "Bytes of one connection waiting to be sent.", {
    unit: "B",
  }),
  maxPending: whole(1, 1_000_000, 1_000, "Received messages still being handled before the broker is held back.", {
    unit: "messages",
  }),
});
