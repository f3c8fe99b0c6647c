import assert from "node:assert/strict";
import "reflect-metadata";
import { KeyObject, webcrypto } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { createServer } from "node:tls";
import * as x509 from "@peculiar/x509";
import { Aedes } from "aedes";
import { connectAsync } from "mqtt";
import { linkConditions } from "./conditions.ts";
import { Link } from "./link.ts";
import { startRelay } from "./relay.ts";

const cleanups: (() => Promise<unknown>)[] = [];

after(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function selfSigned(): Promise<{ key: string; cert: string }> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      name: "CN=localhost",
      keys,
      signingAlgorithm: algorithm,
      extensions: [new x509.SubjectAlternativeNameExtension([{ type: "dns", value: "localhost" }])],
    },
    webcrypto,
  );
  const key = KeyObject.from(keys.privateKey).export({ type: "pkcs8", format: "pem" });
  return { key: key.toString(), cert: certificate.toString("pem") };
}

test("forces repeats through TLS with client certificates, without seeing inside", async () => {
  const { key, cert } = await selfSigned();
  const broker = await Aedes.createBroker();
  const server = createServer({ key, cert, ca: cert, requestCert: true, rejectUnauthorized: true }, broker.handle);
  server.on("tlsClientError", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(async () => {
    await new Promise<void>((resolve) => {
      broker.close(resolve);
    });
    await new Promise((resolve) => {
      server.close(resolve);
    });
  });
  const arrived: string[] = [];
  broker.on("publish", (packet, from) => {
    if (from !== null) arrived.push(packet.payload.toString());
  });
  const upstream = { host: "127.0.0.1", port: (server.address() as AddressInfo).port };
  const link = new Link(linkConditions("perfect", { duplicates: 0.4 }), "seed", "m-1");
  const relay = await startRelay({ port: 0, upstream, linkFor: () => link });
  cleanups.push(() => relay.close());
  const tls = { key, cert, ca: cert, servername: "localhost" };
  const publisher = await connectAsync(`mqtts://127.0.0.1:${relay.port}`, { ...tls, reconnectPeriod: 1 });
  publisher.on("error", () => undefined);
  cleanups.push(() => publisher.endAsync(true));
  const expected = Array.from({ length: 40 }, (_, i) => `reading ${i} ${".".repeat(100)}`);
  for (const message of expected) await publisher.publishAsync("wv/1/test", message, { qos: 1 });
  assert.deepEqual([...new Set(arrived)].sort(), [...expected].sort());
  assert.ok(relay.stats().cuts.duplicate >= 2, `${relay.stats().cuts.duplicate} cuts`);
  assert.ok(arrived.length > expected.length, "nothing arrived twice");
});
