/** The broker as its clients see it: who gets what, over TLS, WebSocket and the public listener. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import mqtt from "mqtt";
import { aggregator, connected, meter, nextMessage, openTestBed, utility } from "./test-bed.ts";
import type { TestBed } from "./test-bed.ts";

let bed: TestBed;
before(async () => {
  bed = await openTestBed();
});
after(() => bed.close());

test("a share goes from its meter to its aggregator, and the ack back", async () => {
  const a1 = await bed.client(aggregator(1));
  await a1.subscribeAsync("wv/1/m/+/share/1", { qos: 1 });
  const m1 = await bed.client(meter("m-001"));
  await m1.subscribeAsync("wv/1/a/+/ack/m-001", { qos: 1 });

  const share = nextMessage(a1);
  await m1.publishAsync("wv/1/m/m-001/share/1", "sealed", { qos: 1 });
  assert.deepEqual(pick(await share), { topic: "wv/1/m/m-001/share/1", text: "sealed" });

  const ack = nextMessage(m1);
  await a1.publishAsync("wv/1/a/1/ack/m-001", "stored", { qos: 1 });
  assert.deepEqual(pick(await ack), { topic: "wv/1/a/1/ack/m-001", text: "stored" });
  await Promise.all([a1.endAsync(), m1.endAsync()]);
});

function pick({ topic, text }: { topic: string; text: string }): { topic: string; text: string } {
  return { topic, text };
}

test("a WebSocket client is held to the same identity and rules", async () => {
  const { key, certificate } = await bed.credentials("m-ws", "meter");
  const m = await connected(
    mqtt.connect(`wss://127.0.0.1:${bed.broker.ports.wss}`, {
      key,
      cert: certificate,
      ca: bed.ca.credentials.certificate,
      clientId: "m-ws",
      protocolVersion: 4,
      reconnectPeriod: 0,
    } as mqtt.IClientOptions),
  );
  const u = await bed.client(utility);
  await u.subscribeAsync("wv/1/m/+/status", { qos: 1 });
  const status = nextMessage(u);
  await m.publishAsync("wv/1/m/m-ws/status", "online", { qos: 1, retain: true });
  assert.equal((await status).text, "online");
  await assert.rejects(m.subscribeAsync("wv/1/m/+/status"));
  await Promise.all([m.endAsync(), u.endAsync()]);
});
