/**
 * Messages per second that the broker carries: QoS 1, mutual TLS, one publisher connection per meter, three subscribers.
 * The clients write prepared bytes and only count what they receive, so that what is measured is the broker.
 */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:tls";
import type { TLSSocket } from "node:tls";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createCertificateAuthority } from "../config/enrolment/certificates.ts";
import type { CertificateAuthority } from "../config/enrolment/certificates.ts";
import { aggregatorId } from "../protocol/names.ts";
import { filterOf, topicOf } from "../protocol/topics.ts";
import type { Role } from "../protocol/topics.ts";
import type { BrokerFigures } from "./broker-process.ts";

export interface BrokerBenchOptions {
  readonly json: boolean;
  readonly quick: boolean;
}

export interface BrokerBenchResult {
  readonly publishers: number;
  readonly subscribers: number;
  readonly payloadBytes: number;
  readonly seconds: number;
  readonly messagesPerSecond: number;
  /** Processor time of the broker, receiving, delivering and both acknowledgements included. */
  readonly brokerCpuMicrosecondsPerMessage: number;
  /** What the broker alone could carry on one core. */
  readonly messagesPerBrokerSecond: number;
  readonly brokerResidentMiB: number;
}

const SUBSCRIBERS = 3;
/** A sealed share of one slot. */
const PAYLOAD_BYTES = 60;
/** Messages of one publisher waiting for the broker's PUBACK. */
const WINDOW = 64;

export async function run({ json, quick }: BrokerBenchOptions): Promise<BrokerBenchResult> {
  const publishers = quick ? 50 : 200;
  const ca = await createCertificateAuthority(Date.now() / 1_000);
  const child = fork(fileURLToPath(new URL("./broker-process.ts", import.meta.url)));
  try {
    const own = await ca.issue("broker", "broker", ["127.0.0.1"]);
    child.send({ tls: { key: own.key, cert: own.certificate, ca: ca.credentials.certificate } });
    const [{ port }] = (await once(child, "message")) as [BrokerFigures];
    const subscribers = await Promise.all(aggregators().map((index) => subscribe(ca, port, index)));
    const meters = await Promise.all(
      Array.from({ length: publishers }, (_, i) => publisher(ca, port, `m-${String(i + 1).padStart(4, "0")}`)),
    );
    for (const start of meters) start();
    const warmUpSeconds = quick ? 0.5 : 2;
    await sleep(warmUpSeconds * 1_000);
    const before = await figures(child);
    const begin = performance.now();
    await sleep(quick ? 1_500 : 8_000);
    const after = await figures(child);
    const seconds = (performance.now() - begin) / 1_000;
    for (const socket of subscribers) socket.destroy();
    const result = summarize(publishers, seconds, before, after);
    if (Object.keys(after.refused).length > 0) throw new Error(`the broker refused: ${JSON.stringify(after.refused)}`);
    if (!json) print(result);
    return result;
  } finally {
    child.disconnect();
  }
}

function aggregators(): number[] {
  return Array.from({ length: SUBSCRIBERS }, (_, i) => i + 1);
}

function summarize(
  publishers: number,
  seconds: number,
  before: BrokerFigures,
  after: BrokerFigures,
): BrokerBenchResult {
  const messages = after.messagesSent - before.messagesSent;
  const cpu = (after.cpuMicroseconds - before.cpuMicroseconds) / messages;
  return {
    publishers,
    subscribers: SUBSCRIBERS,
    payloadBytes: PAYLOAD_BYTES,
    seconds,
    messagesPerSecond: Math.round(messages / seconds),
    brokerCpuMicrosecondsPerMessage: Math.round(cpu * 100) / 100,
    messagesPerBrokerSecond: Math.round(1e6 / cpu),
    brokerResidentMiB: Math.round(after.residentBytes / 2 ** 20),
  };
}

function print(result: BrokerBenchResult): void {
  process.stdout.write(
    `${result.messagesPerSecond} messages/s (QoS 1, TLS, ${result.publishers} publishers, ` +
      `${result.subscribers} subscribers, ${result.payloadBytes} B); broker: ` +
      `${result.brokerCpuMicrosecondsPerMessage} us of processor time each, ${result.brokerResidentMiB} MiB\n`,
  );
}

async function figures(child: ChildProcess): Promise<BrokerFigures> {
  child.send("figures");
  const [answer] = (await once(child, "message")) as [BrokerFigures];
  return answer;
}

/** A connection that the broker has accepted. */
async function open(ca: CertificateAuthority, port: number, id: string, role: Role): Promise<TLSSocket> {
  const { key, certificate } = await ca.issue(id, role);
  const socket = connect({ host: "127.0.0.1", port, key, cert: certificate, ca: ca.credentials.certificate });
  socket.setNoDelay(true);
  await once(socket, "secureConnect");
  const name = Buffer.from(id);
  socket.write(
    Buffer.from([0x10, 12 + name.length, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 0, 0, name.length, ...name]),
  );
  const [connack] = (await once(socket, "data")) as [Buffer];
  if (connack[3] !== 0) throw new Error(`${id}: the broker refused the connection (${connack[3]})`);
  return socket;
}

/** Acknowledges everything that it receives. */
async function subscribe(ca: CertificateAuthority, port: number, index: number): Promise<TLSSocket> {
  const socket = await open(ca, port, aggregatorId(index), "aggregator");
  const filter = Buffer.from(filterOf("share", { agg: String(index) }));
  socket.write(
    Buffer.concat([Buffer.from([0x82, filter.length + 5, 0, 1, 0, filter.length]), filter, Buffer.from([1])]),
  );
  await once(socket, "data");
  let rest: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const acks = Buffer.allocUnsafe(4 * Math.ceil(bytes.length / 8));
    let acked = 0;
    let at = 0;
    // Every PUBLISH of this benchmark is shorter than 128 bytes: one byte of remaining length.
    while (at + 2 <= bytes.length && at + 2 + bytes[at + 1]! <= bytes.length) {
      const id = at + 4 + bytes.readUInt16BE(at + 2);
      acks.set([0x40, 2, bytes[id]!, bytes[id + 1]!], acked);
      acked += 4;
      at += 2 + bytes[at + 1]!;
    }
    rest = bytes.subarray(at);
    if (acked > 0) socket.write(acks.subarray(0, acked));
  });
  return socket;
}

/** Returns how to start it: it then sends to the aggregators in turn, as fast as it is acknowledged. */
async function publisher(ca: CertificateAuthority, port: number, id: string): Promise<() => void> {
  const socket = await open(ca, port, id, "meter");
  const payload = Buffer.alloc(PAYLOAD_BYTES, 0x5a);
  const batches = [WINDOW, WINDOW / 2].map((count) =>
    Buffer.concat(Array.from({ length: count }, (_, i) => packet(i))),
  );
  function packet(i: number): Buffer {
    const topic = Buffer.from(topicOf("share", { meter: id, agg: String((i % SUBSCRIBERS) + 1) }));
    const head = Buffer.from([0x32, topic.length + 4 + PAYLOAD_BYTES, 0, topic.length]);
    return Buffer.concat([head, topic, Buffer.from([0, i + 1]), payload]);
  }
  let acknowledged = 0;
  socket.on("data", (chunk: Buffer) => {
    acknowledged += chunk.length / 4;
    while (acknowledged >= WINDOW / 2) {
      acknowledged -= WINDOW / 2;
      socket.write(batches[1]!);
    }
  });
  socket.on("error", () => {});
  return () => socket.write(batches[0]!);
}
