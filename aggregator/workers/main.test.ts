/** Workers of an aggregator as processes: what they say of themselves, and what ends them. */
// needs: initdb
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { enrol, meterList } from "../../config/enrolment/index.ts";
import { openParty } from "../../config/keys/index.ts";
import { TemporaryServer } from "../../config/runtime/postgres/temporary-server.ts";
import { startTestBroker, type TestBroker } from "../../config/runtime/testing/broker.ts";
import { topicOf } from "../../protocol/topics.ts";
import { Processes, type Run } from "../testing/processes.ts";

const root = mkdtempSync(join(tmpdir(), "wattveil-workers-main-"));
const data = join(root, "data");
const processes = new Processes();
let broker: TestBroker;
let server: TemporaryServer;

before(async () => {
  server = await TemporaryServer.start();
  for (const index of [1, 2, 3]) server.addParty(`a-${index}`);
  await enrol({ data, meters: meterList(2, 1) });
  broker = await startTestBroker(openParty(join(data, "keys", "broker")).tls);
});
after(async () => {
  processes.kill();
  await broker.close();
  await server.stop();
  rmSync(root, { recursive: true, force: true });
});

function start(index: number, worker: number): Run {
  const settings = [
    ...[`paths.logs=${join(root, "logs")}`, `broker.tlsPort=${broker.port}`],
    `storage.url=postgresql://127.0.0.1:${server.port}/wattveil`,
  ];
  return processes.start(["--id", String(index), "--worker", String(worker), "--data", data], settings);
}

/** Resolves with the next status of an aggregator that is so. */
function status(index: number, state: string): Promise<void> {
  const topic = topicOf("aggregatorStatus", { agg: String(index) });
  return new Promise((resolve) => {
    const hear = ({ payload }: { payload: Buffer | string }, done: () => void): void => {
      done();
      if (payload.toString() === JSON.stringify({ state })) broker.aedes.unsubscribe(topic, hear, () => resolve());
    };
    broker.aedes.subscribe(topic, hear, () => {});
  });
}

test("the last will of a worker that had the desk does not stand against the one that has it now", async () => {
  const online = status(1, "online");
  const { child, ready, ended } = start(1, 2);
  await Promise.all([ready, online]);
  const again = status(1, "online");
  const packet = { cmd: "publish", qos: 1, dup: false, retain: true } as const;
  const topic = topicOf("aggregatorStatus", { agg: "1" });
  broker.aedes.publish({ ...packet, topic, payload: JSON.stringify({ state: "offline" }) }, () => {});
  await again;
  const offline = status(1, "offline");
  child.kill("SIGTERM");
  assert.equal((await ended).code, 0);
  await offline;
});
