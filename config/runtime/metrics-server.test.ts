/** Figures and readiness of a role, as a scraper and a process manager see them. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { configSchema } from "../schema.ts";
import { startMetrics } from "./metrics-server.ts";
import { Observation } from "./observation.ts";
import { UsageError } from "./role.ts";

const SETTINGS = { ...configSchema.parse({}).metrics, basePort: 0 };

async function started(t: TestContext, observation = new Observation()) {
  const server = await startMetrics({ party: "a-2", observation, settings: SETTINGS, offset: 12 });
  t.after(() => server.close());
  const ask = async (path: string, init?: RequestInit): Promise<[number, string]> => {
    const answer = await fetch(`http://127.0.0.1:${server.port}${path}`, init);
    return [answer.status, await answer.text()];
  };
  return { observation, ask, port: server.port };
}

test("a role is alive from the start, and ready once it has said so and its connections stand", async (t) => {
  const { observation, ask } = await started(t);
  assert.deepEqual(await ask("/live"), [200, "alive\n"]);
  assert.deepEqual(await ask("/ready"), [503, "not ready: it has not finished starting\n"]);
  observation.noteReady();
  assert.deepEqual(await ask("/ready"), [200, "ready\n"]);
  const link = { connected: false };
  const forget = observation.noteLink(link);
  observation.noteLink({ connected: true });
  assert.deepEqual(await ask("/ready"), [503, "not ready: 1 of 2 connections to the broker are down\n"]);
  link.connected = true;
  assert.equal((await ask("/ready"))[0], 200);
  link.connected = false;
  forget(); // closed on purpose
  assert.equal((await ask("/ready"))[0], 200);
});

test("the last figures and refusals are shown under the party's name", async (t) => {
  const { observation, ask } = await started(t);
  observation.noteStats({ role: "aggregator", refused: { stale: 3, gone: 1 }, counters: { sharesStored: 41 } });
  observation.noteStats({ role: "aggregator", refused: { stale: 4 }, counters: { sharesStored: 42 } });
  const [status, text] = await ask("/metrics");
  assert.equal(status, 200);
  const lines = text.split("\n").filter((line) => /^wattveil_(figure|refused|ready|links)\b/.test(line));
  assert.deepEqual(lines, [
    'wattveil_ready{party="a-2"} 0',
    'wattveil_links{state="up",party="a-2"} 0',
    'wattveil_links{state="down",party="a-2"} 0',
    'wattveil_figure{role="aggregator",name="sharesStored",party="a-2"} 42',
    'wattveil_refused{role="aggregator",code="stale",party="a-2"} 4',
  ]);
  assert.match(text, /^wattveil_nodejs_eventloop_lag_p99_seconds/m);
  assert.match(text, /^wattveil_process_resident_memory_bytes/m);
});

test("anything else is refused by name, and a port that is taken is a fault of the configuration", async (t) => {
  const { ask, port } = await started(t);
  assert.deepEqual(await ask("/"), [404, "expected /metrics, /live or /ready\n"]);
  assert.deepEqual(await ask("/metrics", { method: "POST" }), [405, "expected GET\n"]);
  const again = startMetrics({
    ...{ party: "a-2", observation: new Observation(), offset: 2 },
    settings: { ...SETTINGS, basePort: port - 2 },
  });
  await assert.rejects(again, (error) => error instanceof UsageError && error.message.includes(`:${port} cannot`));
});
