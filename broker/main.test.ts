/** The broker as a process: its own keys, its ports announced, its figures written, a clean end. */
import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import mqtt from "mqtt";
import { enrol, meterList } from "../config/enrolment/index.ts";
import { openParty } from "../config/keys/index.ts";
import { readStats } from "../config/runtime/role-report.ts";
import type { ReadyMessage } from "../config/runtime/role-report.ts";
import type { Ports } from "./listeners.ts";
import { connected } from "./test-bed.ts";

const START = join(import.meta.dirname, "../config/runtime/start.mjs");
const data = mkdtempSync(join(tmpdir(), "wattveil-broker-main-"));
after(() => rmSync(data, { recursive: true, force: true }));

const FREE = ["--set", "broker.tlsPort=0", "--set", "broker.wssPort=0", "--set", "broker.publicPort=0"];

test("serves an enrolled meter over mutual TLS, and ends cleanly on SIGTERM", async () => {
  await enrol({ data, meters: meterList(2, 1) });
  const child = fork(START, ["broker/main.ts", "--data", data, "--set", `paths.logs=${join(data, "logs")}`, ...FREE], {
    silent: true,
  });
  const [ready] = (await once(child, "message")) as [ReadyMessage];
  assert.equal(ready.type, "ready");
  const ports = ready.details["ports"] as Ports;

  const { id, tls } = openParty(join(data, "keys", "m-001"));
  const options = { port: ports.tls, host: "127.0.0.1", ...tls, clientId: id, protocolVersion: 4, reconnectPeriod: 0 };
  const client = await connected(mqtt.connect({ ...options, protocol: "mqtts" } as mqtt.IClientOptions));
  await client.publishAsync(`wv/1/m/${id}/status`, "online", { qos: 1, retain: true });
  await client.endAsync();

  child.kill("SIGTERM");
  const [code] = (await once(child, "exit")) as [number];
  assert.equal(code, 0);
  const stats = readStats(data, "broker");
  assert.deepEqual([stats?.role, stats?.counters["messagesReceived"], stats?.refused], ["broker", 1, {}]);
});

test("names the setting of a port that is taken, in one line, and ends with 1", async () => {
  const taken = createServer();
  await once(taken.listen(0, "127.0.0.1"), "listening");
  const { port } = taken.address() as AddressInfo;
  await enrol({ data, meters: meterList(2, 1) });
  const ports = [...FREE, "--set", `broker.publicPort=${port}`];
  const child = fork(START, ["broker/main.ts", "--data", data, "--set", `paths.logs=${join(data, "logs")}`, ...ports], {
    silent: true,
  });
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const [code] = (await once(child, "close")) as [number];
  taken.close();
  assert.equal(code, 1);
  assert.match(said, new RegExp(`^broker\\.publicPort: 127\\.0\\.0\\.1:${port}: another program.*EADDRINUSE\\)\\n$`));
});

test("says which folder is missing when the broker was not enrolled", async () => {
  const nowhere = join(data, "nowhere");
  const child = fork(
    START,
    ["broker/main.ts", "--data", nowhere, "--set", `paths.logs=${join(data, "logs")}`, ...FREE],
    { silent: true },
  );
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const [code] = (await once(child, "close")) as [number];
  assert.equal(code, 2);
  assert.match(said, /^broker is not enrolled here \(no .*keys\/broker\); `npm run enrol` makes the keys .*\n$/);
});
