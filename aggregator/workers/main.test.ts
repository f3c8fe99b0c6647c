/** Workers of an aggregator as processes: what they say of themselves, and what ends them. */
// needs: initdb
import assert from "node:assert/strict";
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { enrol, meterList } from "../../config/enrolment/index.ts";
import { openParty } from "../../config/keys/index.ts";
import { TemporaryServer } from "../../config/runtime/postgres/temporary-server.ts";
import { startTestBroker, type TestBroker } from "../../config/runtime/testing/broker.ts";
import { topicOf } from "../../protocol/topics.ts";

const START = join(import.meta.dirname, "../../config/runtime/start.mjs");
const root = mkdtempSync(join(tmpdir(), "wattveil-workers-main-"));
const data = join(root, "data");
const children = new Set<ChildProcess>();
let broker: TestBroker;
let server: TemporaryServer;

before(async () => {
  server = await TemporaryServer.start();
  for (const index of [1, 2, 3]) server.addParty(`a-${index}`);
  await enrol({ data, meters: meterList(2, 1) });
  broker = await startTestBroker(openParty(join(data, "keys", "broker")).tls);
});
after(async () => {
  for (const child of children) child.kill("SIGKILL");
  await broker.close();
  await server.stop();
  rmSync(root, { recursive: true, force: true });
});

interface Run {
  readonly child: ChildProcess;
  readonly ready: Promise<unknown>;
  readonly ended: Promise<{ code: number | null; said: string }>;
}

function start(index: number, worker: number): Run {
  const settings = [
    ...[`paths.logs=${join(root, "logs")}`, `broker.tlsPort=${broker.port}`],
    `storage.url=postgresql://127.0.0.1:${server.port}/wattveil`,
  ];
  const flags = ["--id", String(index), "--worker", String(worker), "--data", data];
  const all = [...flags, ...settings.flatMap((setting) => ["--set", setting])];
  const child = fork(START, ["aggregator/main.ts", ...all], { silent: true });
  children.add(child);
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const ended = once(child, "close").then(([code]) => {
    children.delete(child);
    return { code: code as number | null, said };
  });
  return { child, ready: once(child, "message"), ended };
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
