import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { afterEach, test } from "node:test";
import { Aedes } from "aedes";
import Database from "better-sqlite3";
import { loadConfig } from "../../../config/index.ts";
import { until } from "../testing/pty.ts";
import { HomeAssistantPublisher } from "./publisher.ts";
import { ShownMeter } from "./shown-meter.ts";
import { Totals } from "./totals.ts";

const QUIET = { info: () => undefined, warn: () => undefined };

/** The household's broker: remembers the last message of each topic, as retained, until it is restarted. */
class HouseholdBroker {
  readonly topics = new Map<string, string>();
  readonly all: [string, string][] = [];
  #aedes: Aedes | undefined;
  #server: Server | undefined;
  port = 0;

  async start(): Promise<void> {
    const aedes = await Aedes.createBroker({ concurrency: 0 });
    aedes.on("publish", ({ topic, payload, retain }, client) => {
      if (client === null || topic.startsWith("$SYS")) return;
      const text = payload.toString();
      this.all.push([topic, text]);
      if (retain) this.topics.set(topic, text);
    });
    const server = createServer(aedes.handle).listen(this.port, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    assert.ok(typeof address === "object" && address !== null);
    ({ port: this.port } = address);
    this.#aedes = aedes;
    this.#server = server;
  }

  async say(topic: string, payload: string): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#aedes?.publish(
        { cmd: "publish", topic, payload: Buffer.from(payload), qos: 0, retain: false, dup: false },
        () => resolve(),
      );
    });
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => this.#aedes?.close(() => resolve()));
    await new Promise<void>((resolve) => this.#server?.close(() => resolve()));
    this.topics.clear();
  }
}

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function open() {
  const broker = new HouseholdBroker();
  await broker.start();
  closing.push(() => broker.stop());
  const settings = { ...loadConfig({ env: {} }).homeAssistant, url: `mqtt://127.0.0.1:${broker.port}` };
  const publisher = new HomeAssistantPublisher({ settings, name: "gateway-m-001", log: QUIET });
  closing.push(() => publisher.close());
  const meter = new ShownMeter({
    ...{ meter: "m-001", publisher, mostWhPerSecond: 100, everySeconds: 10, power: true },
    totals: new Totals(new Database(":memory:")),
  });
  const state = (): Record<string, number> =>
    JSON.parse(broker.topics.get("wattveil/m-001/state") ?? "{}") as Record<string, number>;
  return { broker, publisher, meter, state };
}

const CONFIG = "homeassistant/sensor/wattveil-m-001/importKwh/config";

test("a meter appears with what Home Assistant needs of an energy sensor", async () => {
  const { broker, meter, state } = await open();
  meter.take({ time: 1_000, importWh: 1_234_567, exportWh: 8_000 }, -250);
  await until(() => state()["importKwh"] !== undefined && broker.topics.has(CONFIG), "the state");
  assert.deepEqual(state(), { importKwh: 1_234.567, exportKwh: 8, powerW: -250 });
  const sensor = JSON.parse(broker.topics.get(CONFIG) ?? "") as Record<string, unknown>;
  assert.equal(sensor["unique_id"], "wattveil-m-001-importKwh");
  assert.deepEqual(
    [sensor["device_class"], sensor["state_class"], sensor["unit_of_measurement"]],
    ["energy", "total_increasing", "kWh"],
  );
  assert.equal(sensor["state_topic"], "wattveil/m-001/state");
  assert.equal(sensor["value_template"], "{{ value_json.importKwh }}");
  const topics = sensor["availability"] as { topic: string }[];
  for (const { topic } of topics) assert.equal(broker.topics.get(topic), "online", topic);
  assert.deepEqual((sensor["device"] as { identifiers: string[] }).identifiers, ["wattveil-m-001"]);
  assert.equal((sensor["origin"] as { name: string }).name, "Wattveil");
});

test("everything is published anew when Home Assistant starts, and after the broker has forgotten it", async () => {
  const { broker, meter, state } = await open();
  meter.take({ time: 1_000, importWh: 5_000 }, undefined);
  await until(() => state()["importKwh"] === 5, "the state");
  broker.topics.clear();
  await broker.say("homeassistant/status", "online");
  await until(() => broker.topics.has(CONFIG) && state()["importKwh"] === 5, "what was said before");

  await broker.stop();
  meter.take({ time: 1_020, importWh: 5_100 }, undefined);
  await broker.start();
  await until(() => broker.topics.has(CONFIG) && state()["importKwh"] === 5.1, "the state of meanwhile");
  assert.equal(broker.topics.get("wattveil/gateway-m-001/availability"), "online");
});

test("a meter that is lost is unavailable until it speaks again, and its total never dips", async () => {
  const { broker, meter, state } = await open();
  const availability = "wattveil/m-001/availability";
  meter.take({ time: 1_000, importWh: 5_000 }, undefined);
  await until(() => broker.topics.get(availability) === "online", "the meter");
  meter.lost();
  await until(() => broker.topics.get(availability) === "offline", "its loss");
  // Exchanged meanwhile.
  meter.take({ time: 5_000, importWh: 3 }, undefined);
  await until(() => broker.topics.get(availability) === "online", "its return");
  meter.take({ time: 5_010, importWh: 10 }, undefined);
  await until(() => state()["importKwh"] === 5.007, "its total");
  const totals = broker.all
    .filter(([topic]) => topic === "wattveil/m-001/state")
    .map(([, text]) => (JSON.parse(text) as { importKwh: number }).importKwh);
  assert.deepEqual(
    totals,
    [...totals].sort((a, b) => a - b),
  );
});

test("states are sent at most as often as set", async () => {
  const { broker, meter, state } = await open();
  for (let second = 0; second <= 30; second++) meter.take({ time: 1_000 + second, importWh: 5_000 + second }, 10);
  await until(() => state()["importKwh"] === 5.03, "the last state");
  const states = broker.all.filter(([topic]) => topic === "wattveil/m-001/state");
  assert.ok(states.length <= 5, `${states.length}`);
});
