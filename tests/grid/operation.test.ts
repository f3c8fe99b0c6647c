/**
 * The grid in operation with a broker, analytics and the HTTP interface as processes: a released load becomes a state, reaches a
 * browser, and questions are answered.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { stringify } from "yaml";
import { enrol, meterList } from "../../config/enrolment/index.ts";
import { loadConfig } from "../../config/index.ts";
import { openParty } from "../../config/keys/index.ts";
import { connectLink } from "../../config/runtime/link.ts";
import { Supervisor } from "../../firmware-sim/fleet/supervisor.ts";
import type { GridState, Optimised } from "../../protocol/grid/index.ts";
import { topicOf } from "../../protocol/topics.ts";

const QUIET = { info: () => {}, warn: () => {} };
const run = promisify(execFile);
const ROOT = path.resolve(import.meta.dirname, "../..");
const SLOT_SECONDS = 900;

test("a released load becomes a state that a browser sees; questions are answered, and refused by role", async (t) => {
  const data = await mkdtemp(path.join(tmpdir(), "wattveil-grid-"));
  const supervisor = new Supervisor();
  t.after(async () => {
    await supervisor.stopAll();
    await rm(data, { recursive: true, force: true });
  });
  await enrol({ data, meters: meterList(2, 2) });
  const base = loadConfig({ env: {} });
  const configFile = path.join(data, "config.yaml");
  const write = async (tlsPort: number): Promise<void> => {
    const broker = { ...base.broker, tlsPort, wssPort: 0, publicPort: 0 };
    const paths = { data, logs: path.join(data, "logs"), results: path.join(data, "results") };
    // Scans that nothing asks for are an hour apart: what is seen below follows from the load alone.
    const events = [{ type: "dead-sensor" as const, element: 25, fromScan: 1, scans: 1_000, size: 1 }];
    const grid = {
      ...base.grid,
      enabled: true,
      scanSeconds: 3_600,
      loadFactor: 1_000,
      optimiseSeconds: 0,
      requestSeconds: 3,
      events,
    };
    await writeFile(configFile, stringify({ ...base, broker, paths, grid, api: { ...base.api, port: 0 } }));
  };
  await write(0);
  const spec = (name: string, entry: string) => ({ name, entry, args: ["--config", configFile] });
  const { ports } = (await supervisor.start(spec("broker", "broker/main.ts"))) as { ports: { tls: number } };
  await write(ports.tls);
  const [{ address }] = (await Promise.all([
    supervisor.start(spec("api", "utility/api/main.ts")),
    supervisor.start(spec("analytics", "analytics/main.ts")),
  ])) as unknown as [{ address: string }];
  const accounts = path.join(ROOT, "utility/api/accounts-main.ts");
  const signedIn = async (role: string): Promise<{ cookie: string }> => {
    const start = path.join(ROOT, "config/runtime/start.mjs");
    const added = await run(process.execPath, [
      ...[start, accounts, "add", role, "--role", role, "--json", "--config", configFile],
      ...(role === "customer" ? ["--meter", "m-001"] : []),
    ]);
    const { password } = JSON.parse(added.stdout) as { password: string };
    const answer = await fetch(`${address}/session`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name: role, password }),
    });
    return { cookie: answer.headers.getSetCookie()[0]?.split(";")[0] ?? "" };
  };
  const operator = await signedIn("operator");
  const customer = await signedIn("customer");
  const get = (url: string, headers = operator) => fetch(`${address}${url}`, { headers });

  let state = await get("/grid/state");
  while (state.status === 503) {
    await new Promise((wake) => setTimeout(wake, 100));
    state = await get("/grid/state");
  }
  assert.equal(state.status, 200, await state.clone().text());
  assert.equal(((await state.json()) as GridState).loads.source, "case", "no load was released yet");

  const events = await get("/events?types=grid");
  assert.ok(events.body !== null);
  const party = openParty(path.join(data, "keys/utility"));
  const utility = await connectLink({
    ...{ party, host: "127.0.0.1", port: ports.tls, subscriptions: [], onMessage: () => {}, log: QUIET },
  });
  t.after(() => utility.close());
  const slotStart = Math.floor(Date.now() / 1_000 / SLOT_SECONDS - 1) * SLOT_SECONDS;
  const load = (feederId: string, energyWh: number, start = slotStart) =>
    utility.publish(
      topicOf("feederLoad", { feeder: feederId }),
      JSON.stringify({
        ...{ feederId, slotStart: start, slotSeconds: SLOT_SECONDS, energyWh, exportWh: null },
        ...{ powerW: energyWh * 4, meters: 5, status: "final" },
      }),
    );
  const states = messages(events.body as AsyncIterable<Uint8Array>);
  const next = async (): Promise<GridState> => {
    const { value } = await states.next();
    assert.ok(value !== undefined);
    return value;
  };
  await load("f-1", 250);
  const one = await next();
  assert.equal(one.loads.source, "feeders");
  assert.equal(one.simulated, true);
  await load("f-2", 500);
  const two = await next();
  assert.equal(two.loads.slotStart, slotStart);
  // 250 and 500 Wh in a quarter of an hour, a thousandfold: 3 MW.
  assert.ok(Math.abs(two.totals.deliveredMw - 3) < 0.1, `${two.totals.deliveredMw} MW`);
  assert.ok(two.totals.losses.technicalMw > 0.05 && two.totals.efficiency < 1);
  assert.ok(two.findings.some(({ kind, element }) => kind === "dead-sensor" && element === "demand:25"));

  const milliseconds: number[] = [];
  for (let k = 0; k < 5; k++) {
    // Changes are followed at most every 200 ms: what is measured is one change, not the queue behind another.
    await new Promise((wake) => setTimeout(wake, 300));
    const from = performance.now();
    await load("f-1", 300 + 10 * k, slotStart + SLOT_SECONDS * (k + 1));
    assert.equal((await next()).loads.slotStart, slotStart + SLOT_SECONDS * (k + 1));
    milliseconds.push(performance.now() - from);
  }
  t.diagnostic(`from a released load to the event, ms: ${milliseconds.map((ms) => ms.toFixed(0)).join(", ")}`);

  const asked = await fetch(`${address}/grid/optimize`, {
    method: "POST",
    headers: { ...operator, "content-type": "application/json" },
    body: JSON.stringify({ broken: [5] }),
  });
  assert.equal(asked.status, 200, await asked.clone().text());
  const proposal = (await asked.json()) as Optimised;
  // Now is what the broken line leaves: buses in the dark, which lose nothing and cost the more.
  assert.ok(proposal.open.includes(5) && proposal.unservedBeforeMw > 0 && proposal.unservedMw === 0);
  assert.ok(proposal.after.cost < proposal.before.cost);
  assert.equal(proposal.reference.kind, "certified");
  const unknown = await fetch(`${address}/grid/optimize`, {
    method: "POST",
    headers: { ...operator, "content-type": "application/json" },
    body: JSON.stringify({ broken: [99] }),
  });
  assert.equal(unknown.status, 400);
  assert.match(((await unknown.json()) as { detail: string }).detail, /there is no branch 99/);
  assert.equal((await get("/grid/optimize", customer)).status, 404);
  assert.equal((await get("/grid/state", customer)).status, 403);
  assert.equal((await get("/grid/node/99")).status, 404);
  const node = (await (await get("/grid/node/25")).json()) as { findings: { kind: string }[]; recent: unknown[] };
  assert.deepEqual(
    node.findings.map(({ kind }) => kind),
    ["dead-sensor"],
  );
  assert.equal(node.recent.length, 8);
  const risk = (await (await get("/grid/risk?limit=3")).json()) as { items: { risk: number }[] };
  assert.equal(risk.items.length, 3);
  const first = (await (await get("/grid/loss?limit=5")).json()) as { items: { id: number }[]; next: string };
  const rest = (await (await get(`/grid/loss?limit=5&after=${first.next}`)).json()) as typeof first;
  assert.deepEqual(
    [...first.items, ...rest.items].map(({ id }) => id),
    [1, 2, 3, 4, 5, 6, 7, 8],
  );
  assert.equal((await (await get("/grid/loss?format=csv")).text()).trim().split("\n").length, 9);
  const figures = (await (await get("/grid/statistics")).json()) as { scans: number; simulated: boolean };
  assert.deepEqual([figures.scans, figures.simulated], [8, true]);
  const forecast = (await (await get("/grid/forecast?feeder=f-1")).json()) as { items: { feeder: string }[] };
  assert.deepEqual(
    forecast.items.map(({ feeder }) => feeder),
    ["f-1"],
  );
  assert.equal((await get("/grid/forecast?feeder=f-9")).status, 404);
  assert.equal((await get("/grid/topology")).status, 200);

  await supervisor.stop("analytics");
  assert.equal((await get("/grid/state")).status, 200, "the last state is still known");
});

/** The states of a stream of events. */
async function* messages(body: AsyncIterable<Uint8Array>): AsyncGenerator<GridState, undefined> {
  let text = "";
  for await (const chunk of body) {
    text += Buffer.from(chunk).toString("utf8");
    const parts = text.split("\n\n");
    text = parts.pop() ?? "";
    for (const part of parts) {
      const json = /^data: (.*)$/m.exec(part)?.[1];
      if (json !== undefined) yield (JSON.parse(json) as { message: GridState }).message;
    }
  }
  return undefined;
}
