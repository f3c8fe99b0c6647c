/** For tests: a broker on free ports with a certificate authority of its own, and real clients for it. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect as connectPlain } from "node:net";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import type { TLSSocket } from "node:tls";
import mqtt from "mqtt";
import type { IClientOptions, IPublishPacket, MqttClient } from "mqtt";
import type { PartyTls } from "../config/keys/index.ts";
import { configSchema } from "../config/schema.ts";
import type { Config } from "../config/schema.ts";
import { createCertificateAuthority } from "../config/enrolment/certificates.ts";
import type { CertificateAuthority, Credentials } from "../config/enrolment/certificates.ts";
import { openDatabase } from "../config/runtime/database.ts";
import type { Directory } from "../protocol/keys/index.ts";
import type { ClientIdentity, Role } from "../protocol/topics.ts";
import { startBroker } from "./broker.ts";
import type { Broker } from "./broker.ts";
import { Revocations } from "./revocations.ts";

export interface Refusal {
  readonly code: string;
  readonly detail: Readonly<Record<string, string | number>>;
}

export interface TestBedOptions {
  readonly settings?: Partial<Config["broker"]>;
  readonly directory?: Pick<Directory, "servers">;
  /** An authority made before: making one takes a while. */
  readonly ca?: CertificateAuthority;
}

export interface TestBed {
  readonly broker: Broker;
  readonly ca: CertificateAuthority;
  readonly revocations: Revocations;
  readonly refusals: readonly Refusal[];
  readonly failures: readonly unknown[];
  /** Resolves with the first refusal of a code, past or to come. */
  refused(code: string): Promise<Refusal>;
  credentials(id: string, role: Role): Promise<Credentials>;
  /** Replaces files in the broker's folder. */
  renew(tls: Partial<PartyTls>): void;
  /** An mqtt.js client over mutual TLS; resolves when it is connected, rejects when it is refused. */
  client(identity: ClientIdentity, options?: IClientOptions): Promise<MqttClient>;
  /** Bytes as they are, over mutual TLS. */
  raw(credentials: Credentials | undefined, id?: string): Promise<TLSSocket>;
  rawPublic(): Promise<Socket>;
  close(): Promise<void>;
}

export const utility: ClientIdentity = { id: "utility", role: "utility" };
export const meter = (id: string): ClientIdentity => ({ id, role: "meter" });
export const aggregator = (index: number): ClientIdentity => ({ id: `a-${index}`, role: "aggregator" });

export async function openTestBed(options: TestBedOptions = {}): Promise<TestBed> {
  const ca = options.ca ?? (await createCertificateAuthority(Date.now() / 1_000));
  const folder = mkdtempSync(join(tmpdir(), "wattveil-broker-"));
  const database = openDatabase(join(folder, "broker.db"), { synchronous: "FULL" });
  const revocations = new Revocations(database, options.directory ?? { servers: new Map() });
  const identity: { tls: PartyTls } = { tls: tlsOf(await ca.issue("broker", "broker", ["127.0.0.1"]), ca) };
  const refusals: Refusal[] = [];
  const failures: unknown[] = [];
  const waiting: { code: string; resolve: (refusal: Refusal) => void }[] = [];
  const broker = await startBroker({
    settings: {
      ...configSchema.parse({}).broker,
      tlsPort: 0,
      wssPort: 0,
      publicPort: 0,
      connectionsPerSecond: 0,
      ...options.settings,
    },
    party: identity,
    revocations,
    refusals: {
      count: (code, detail = {}) => {
        refusals.push({ code, detail });
        for (const entry of waiting) if (entry.code === code) entry.resolve({ code, detail });
      },
    },
    onFailure: (error) => failures.push(error),
  });
  const known = new Map<string, Promise<Credentials>>();
  const clients: MqttClient[] = [];
  const sockets: Duplex[] = [];

  const credentials = (id: string, role: Role): Promise<Credentials> => {
    const name = `${role} ${id}`;
    let made = known.get(name);
    if (made === undefined) known.set(name, (made = ca.issue(id, role)));
    return made;
  };
  const raw = async (own: Credentials | undefined): Promise<TLSSocket> => {
    const tls = own === undefined ? { ca: ca.credentials.certificate } : tlsOf(own, ca);
    const socket = connectTls({
      ...tls,
      host: "127.0.0.1",
      port: broker.ports.tls,
    });
    sockets.push(socket);
    socket.on("error", () => {});
    await once(socket, "secureConnect");
    return socket;
  };
  return {
    broker,
    ca,
    revocations,
    refusals,
    failures,
    refused: (code) => {
      const known = refusals.find((refusal) => refusal.code === code);
      if (known !== undefined) return Promise.resolve(known);
      return new Promise((resolve) => waiting.push({ code, resolve }));
    },
    credentials,
    renew: (tls) => {
      identity.tls = { ...identity.tls, ...tls };
    },
    client: async ({ id, role }, more = {}) => {
      const tls = tlsOf(await credentials(id, role), ca);
      const client = mqtt.connect({
        protocol: "mqtts",
        host: "127.0.0.1",
        port: broker.ports.tls,
        ...tls,
        clientId: id,
        protocolVersion: 4,
        clean: true,
        reconnectPeriod: 0,
        connectTimeout: 60_000,
        ...more,
      });
      clients.push(client);
      return connected(client);
    },
    raw,
    rawPublic: async () => {
      const socket = connectPlain({ host: "127.0.0.1", port: broker.ports.public });
      sockets.push(socket);
      socket.on("error", () => {});
      await once(socket, "connect");
      return socket;
    },
    close: async () => {
      for (const client of clients) client.end(true);
      for (const socket of sockets) socket.destroy();
      await broker.close();
      database.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function tlsOf(own: Credentials, ca: CertificateAuthority): { key: string; cert: string; ca: string } {
  return { key: own.key, cert: own.certificate, ca: ca.credentials.certificate };
}

/** Resolves when the broker has accepted the client; rejects with the reason when it has not. */
export function connected(client: MqttClient): Promise<MqttClient> {
  return new Promise((resolve, reject) => {
    client.once("connect", () => resolve(client));
    client.once("error", reject);
    client.once("close", () => {
      reject(new Error("closed"));
    });
    client.on("error", () => {});
  });
}

export interface Received {
  readonly topic: string;
  readonly text: string;
  readonly packet: IPublishPacket;
}

/** The next message of a client. */
export function nextMessage(client: MqttClient): Promise<Received> {
  return new Promise((resolve) => {
    client.once("message", (topic, payload, packet) => resolve({ topic, text: payload.toString(), packet }));
  });
}

/** Resolves when the connection has ended. */
export async function closed(stream: { once(event: "close", listener: () => void): unknown }): Promise<void> {
  await new Promise<void>((resolve) => stream.once("close", resolve));
}

/** A CONNECT of MQTT 3.1.1 with a clean session. */
export function connectPacket(
  clientId: string,
  options: { keepalive?: number; level?: number; name?: string } = {},
): Buffer {
  const { keepalive = 0, level = 4, name = "MQTT" } = options;
  const body = Buffer.concat([
    text(name),
    Buffer.from([level, 0x02, keepalive >> 8, keepalive & 0xff]),
    ...(level === 5 ? [Buffer.from([0])] : []),
    text(clientId),
  ]);
  return Buffer.concat([Buffer.from([0x10, ...lengthBytes(body.length)]), body]);
}

/** A PUBLISH; with `id` at QoS 1. */
export function publishPacket(topic: string, payload: Buffer, id?: number): Buffer {
  const body = Buffer.concat([
    text(topic),
    id === undefined ? Buffer.alloc(0) : Buffer.from([id >> 8, id & 0xff]),
    payload,
  ]);
  return Buffer.concat([Buffer.from([id === undefined ? 0x30 : 0x32, ...lengthBytes(body.length)]), body]);
}

/** MQTT's remaining length. */
export function lengthBytes(length: number): number[] {
  return length < 128 ? [length] : [(length & 0x7f) | 0x80, ...lengthBytes(Math.floor(length / 128))];
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}
