/** The HTTP interface as a process, beside a broker as one: its keys, its accounts from the command line, its events. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { stringify } from "yaml";
import { enrol } from "../../config/enrolment/index.ts";
import { loadConfig } from "../../config/index.ts";
import { openParty } from "../../config/keys/index.ts";
import { connectLink } from "../../config/runtime/link.ts";
import { Supervisor } from "../../firmware-sim/fleet/supervisor.ts";
import { type Alert, alert } from "../../protocol/messages/public.ts";
import { topicOf } from "../../protocol/topics.ts";

const QUIET = { info: () => {}, warn: () => {} };
const run = promisify(execFile);

test("a load reaches a browser, an alert everybody, once; the process holds no key that signs", async (t) => {
  const data = await mkdtemp(path.join(tmpdir(), "wattveil-api-"));
  const supervisor = new Supervisor();
  t.after(async () => {
    await supervisor.stopAll();
    await rm(data, { recursive: true, force: true });
  });
  await enrol({ data, meters: [] });
  assert.deepEqual((await readdir(path.join(data, "keys/api"))).toSorted(), [
    ...["authority.pub", "ca.crt", "directory.cose", "identity.crt", "identity.key"],
  ]);
  const base = loadConfig({ env: {} });
  const configFile = path.join(data, "config.yaml");
  const write = async (tlsPort: number): Promise<void> => {
    const broker = { ...base.broker, tlsPort, wssPort: 0, publicPort: 0 };
    const paths = { data, logs: path.join(data, "logs"), results: path.join(data, "results") };
    await writeFile(configFile, stringify({ ...base, broker, paths, api: { ...base.api, port: 0 } }));
  };
  await write(0);
  const spec = (name: string, entry: string) => ({ name, entry, args: ["--config", configFile] });
  const { ports } = (await supervisor.start(spec("broker", "broker/main.ts"))) as { ports: { tls: number } };
  await write(ports.tls);
  const accounts = path.resolve(import.meta.dirname, "../../utility/api/accounts-main.ts");
  const added = await run(process.execPath, [
    ...[
      "--import",
      import.meta.resolve("tsx"),
      accounts,
      "add",
      "eva",
      "--role",
      "operator",
      "--json",
      "--config",
      configFile,
    ],
  ]);
  const { password } = JSON.parse(added.stdout) as { password: string };
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const { port } = taken.address() as AddressInfo;
  const api = path.resolve(import.meta.dirname, "../../utility/api/main.ts");
  const beside = ["--import", import.meta.resolve("tsx"), api, "--config", configFile, "--set", `api.port=${port}`];
  await assert.rejects(run(process.execPath, beside), {
    code: 2,
    stderr: `api.port: 127.0.0.1:${port} cannot be listened on (EADDRINUSE)\n`,
  });
  taken.close();
  const { address } = (await supervisor.start(spec("api", "utility/api/main.ts"))) as { address: string };
  const signedIn = await fetch(`${address}/session`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "eva", password }),
  });
  assert.equal(signedIn.status, 200);
  const cookie = signedIn.headers.getSetCookie()[0]?.split(";")[0] ?? "";
  const events = await fetch(`${address}/events?types=load,alert`, { headers: { cookie } });
  assert.ok(events.body !== null);

  const party = openParty(path.join(data, "keys/utility"));
  const published: string[] = [];
  const utility = await connectLink({
    ...{
      party,
      host: "127.0.0.1",
      port: ports.tls,
      subscriptions: [topicOf("alert", { topic: "notice" })],
      log: QUIET,
    },
    onMessage: (_topic, payload) => void published.push(Buffer.from(payload).toString("utf8")),
  });
  // The interface subscribes when it is connected: until then nothing it would see is published.
  while ((await health(address)).parts.broker !== "ok") await new Promise((wake) => setTimeout(wake, 50));
  const notice: Alert = { time: 1, code: "witness-silent", message: "witness w-1 is silent" };
  await utility.publish(topicOf("alert", { topic: "log" }), JSON.stringify(notice));
  while (published.length === 0) await new Promise((wake) => setTimeout(wake, 50));
  const raised = alert.parse(JSON.parse(published[0]!));
  assert.deepEqual(
    [raised.code, raised.state, raised.message, raised.element],
    ["notice", "firing", notice.message, "notice:witness-silent"],
  );
  await utility.publish(topicOf("feederLoad", { feeder: "f-1" }), JSON.stringify({ feederId: "f-1", energyWh: 7 }));
  let text = "";
  for await (const chunk of events.body as AsyncIterable<Uint8Array>) {
    text += Buffer.from(chunk).toString("utf8");
    if (text.includes("energyWh")) break;
  }
  assert.match(
    text,
    /event: load\ndata: {"topic":"wv\/1\/pub\/feeder\/f-1\/load","message":{"feederId":"f-1","energyWh":7}}\n/,
  );
  const alerts = [...text.matchAll(/event: alert\ndata: \{"topic":"([^"]*)"/g)].map(([, topic]) => topic);
  assert.deepEqual(alerts, ["wv/1/pub/alert/notice", "wv/1/pub/alert/log"], "not a second time as the broker's echo");
  await utility.close();

  await supervisor.stop("broker");
  while ((await health(address)).parts.broker !== "away") await new Promise((wake) => setTimeout(wake, 50));
  assert.equal((await health(address)).status, "degraded");
});

async function health(address: string): Promise<{ status: string; parts: { broker: string } }> {
  return (await (await fetch(`${address}/health`)).json()) as { status: string; parts: { broker: string } };
}
