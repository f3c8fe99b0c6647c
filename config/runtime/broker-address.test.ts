import assert from "node:assert/strict";
import { test } from "node:test";
import { loadConfig } from "../index.ts";
import { configSchema } from "../schema.ts";
import { brokerAddress, bulkAddress } from "./broker-address.ts";

function external(set: Readonly<Record<string, unknown>>) {
  return { broker: { ...configSchema.parse({}).broker, kind: "external" as const, host: "b1", ...set } };
}

test("nodes have the port of the first one unless they name another; addresses of IPv6 stand in brackets", () => {
  const otherNodes = ["b2", "b3:8884", "[::1]", "[fd00::2]:9"];
  assert.deepEqual(brokerAddress(external({ otherNodes })), {
    host: "b1",
    port: 8883,
    deliveryQos: 1,
    others: [
      { host: "b2", port: 8883 },
      { host: "b3", port: 8884 },
      { host: "::1", port: 8883 },
      { host: "fd00::2", port: 9 },
    ],
  });
});

test("second connections go to every node's port for them, or where the first ones go", () => {
  const plain = brokerAddress(external({ otherNodes: ["b2:1"] }));
  assert.deepEqual(bulkAddress(plain), { ...plain, host: "b1", port: 8883 });
  const own = brokerAddress(external({ otherNodes: ["b2:1"], bulkPort: 8885 }));
  const others = [{ host: "b2", port: 8885 }];
  assert.deepEqual(bulkAddress(own), { host: "b1", port: 8885, others, deliveryQos: 1 });
});

test("what is no node is refused, and other nodes of the embedded broker", () => {
  const load = (path: string, value: unknown) => loadConfig({ env: {}, flags: [{ name: "test", path, value }] });
  for (const node of ["", "a b", "host:", "::1", "mqtts://b2"]) {
    assert.throws(() => load("broker.otherNodes", [node]), /otherNodes/, node);
  }
  assert.throws(() => load("broker.otherNodes", ["b2"]), /need `kind: external`/);
  assert.throws(() => load("broker.bulkPort", 8885), /need `kind: external`/);
  assert.throws(() => load("broker.deliveryQos", 0), /need `kind: external`/);
});
