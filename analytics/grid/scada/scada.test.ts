/** Scans: simulated, from CSV and from MQTT, all alike, and refused by field where they are wrong. */
import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  bundledGrid,
  CSV_HEADER,
  CsvScada,
  csvOf,
  type GridEvent,
  type MessageClient,
  type MqttOptions,
  MqttScada,
  pointName,
  type Scan,
  type ScadaSource,
  SimulatedScada,
  type SimulatedScan,
  violationsOf,
} from "../index.ts";

function run(scada: SimulatedScada, scans: number): SimulatedScan[] {
  return Array.from({ length: scans }, () => scada.next());
}

async function all(source: ScadaSource): Promise<Scan[]> {
  const scans: Scan[] = [];
  for await (const scan of source.scans()) scans.push(scan);
  return scans;
}

test("without events voltages stay within 5 %, every sample is marked, and the same seed tells the same", () => {
  for (const name of ["demo8", "case14", "case33bw"] as const) {
    const plan = { grid: bundledGrid(name), seed: 11 };
    const day = run(new SimulatedScada(plan), 96);
    for (const { scan, truth } of day) {
      assert.ok(
        truth.result.vmPu.every((v) => v >= 0.95 && v <= 1.05),
        name,
      );
      assert.ok(
        scan.samples.every(({ simulated }) => simulated) && truth.wrong.length === 0 && truth.lost.length === 0,
      );
    }
    const demand = day.map(({ truth }) => truth.grid.buses.reduce((sum, { loadMw }) => sum + loadMw, 0));
    // A day has a night and an evening.
    assert.ok(Math.max(...demand.slice(70, 84)) > 1.5 * Math.min(...demand.slice(8, 20)));
    if (name === "demo8") assert.deepEqual(run(new SimulatedScada(plan), 5), day.slice(0, 5));
  }
});

test("events do what they are called, for as long as they last", () => {
  const event = (type: GridEvent["type"], element: number | undefined, size: number): GridEvent => ({
    ...{ type, element, size, fromScan: 2, scans: 3 },
  });
  const play = (one: GridEvent) =>
    run(new SimulatedScada({ grid: bundledGrid("case33bw"), seed: 12, schedule: [one] }), 6);
  const during = (scans: SimulatedScan[]) => scans.slice(2, 5);
  for (const { truth } of during(play(event("sag", undefined, 3.5))))
    assert.ok(truth.result.vmPu.some((v) => v < 0.95));
  for (const { truth } of during(play(event("swell", undefined, 1.07))))
    assert.ok(truth.result.vmPu.every((v) => v > 1.05));
  const overloaded = play(event("overload", 24, 30));
  for (const [i, { truth }] of overloaded.entries()) {
    assert.equal(violationsOf(truth.grid, truth.result).overloads.length > 0, i >= 2 && i < 5, `scan ${i}`);
  }
  // The line heats up while it is overloaded, and cools down after it.
  const hottest = overloaded.map(({ truth }) => Math.max(...truth.temperaturesC));
  assert.ok(hottest[4]! > hottest[1]! + 5 && hottest[5]! < hottest[4]!);
  for (const { truth, scan } of during(play(event("outage", 6, 1)))) {
    assert.ok(truth.result.vmPu[17] === 0 && truth.result.unservedMw > 0);
    const said = new Map(scan.samples.map((sample) => [pointName(sample), sample.value]));
    assert.ok(said.get("breaker:6") === 0 && said.get("voltage:18") === 0);
  }
  for (const { truth, scan } of during(play(event("theft", 24, 0.6)))) {
    const demand = scan.samples.find(({ kind, element }) => kind === "demand" && element === 24)!.value;
    const load = truth.grid.buses[23]!.loadMw;
    assert.ok(Math.abs(demand / load - 0.4) < 0.2 && truth.wrong.some((one) => pointName(one) === "demand:24"));
  }
  const dead = during(play(event("dead-sensor", 24, 0)))[0]!.scan.samples;
  assert.equal(dead.find(({ kind, element }) => kind === "demand" && element === 24)!.value, 0);
});

test("bad and lost samples come at their rates, and drawn events too", () => {
  const plan = { grid: bundledGrid("case14"), seed: 13, badRate: 0.02, lostRate: 0.05 };
  const scans = run(new SimulatedScada({ ...plan, eventRate: 0.3, eventTypes: ["theft", "outage", "sag"] }), 60);
  const samples = scans.reduce((sum, { scan, truth }) => sum + scan.samples.length + truth.lost.length, 0);
  const lost = scans.reduce((sum, { truth }) => sum + truth.lost.length, 0);
  assert.ok(Math.abs(lost / samples - 0.05) < 0.01);
  const seen = new Set(scans.flatMap(({ truth }) => truth.events.map(({ type }) => type)));
  assert.ok(seen.size >= 2, [...seen].join());
  assert.throws(() => new SimulatedScada({ ...plan, badRate: 2 }), {
    message: "badRate: expected a number from 0 to 1, got 2",
  });
});

function folder(t: { after: (work: () => void) => void }): string {
  const made = mkdtempSync(join(tmpdir(), "wattveil-scada-"));
  t.after(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

test("scans go to CSV and back, in kV and A, to the digits that are written", async (t) => {
  for (const name of ["case33bw", "case14"] as const) {
    const scada = new SimulatedScada({ grid: bundledGrid(name), seed: 14, lostRate: 0.1 });
    const scans = run(scada, 3).map(({ scan }) => scan);
    const file = join(folder(t), "scans.csv");
    const text = CSV_HEADER + scans.map((scan) => csvOf(scada.planned, scan)).join("");
    assert.equal(text.includes(",kV,true"), name === "case33bw");
    writeFileSync(file, text);
    const again = await all(new CsvScada(file, scada.planned));
    assert.deepEqual(
      again.map(({ time, source }) => [time, source]),
      scans.map(({ time }) => [time, file]),
    );
    for (const [i, { samples }] of again.entries()) {
      assert.deepEqual(samples.map(pointName), scans[i]!.samples.map(pointName));
      for (const [k, { value }] of samples.entries()) {
        const sent = scans[i]!.samples[k]!.value;
        assert.ok(Math.abs(value - sent) <= 1e-7 * Math.abs(sent));
      }
    }
  }
});

test("faults of a CSV name file, line and field", async (t) => {
  const grid = bundledGrid("case33bw");
  const file = join(folder(t), "x.csv");
  const row = "2025-01-15T00:00:00Z,voltage,1,12.6,kV,false";
  const cases: [string, string][] = [
    ["time,kind\n", "line 1: expected the columns time,kind,element,value,unit,simulated, got time,kind"],
    [`${CSV_HEADER}${row},1\n`, "line 2: expected 6 fields, got 7"],
    [`${CSV_HEADER}${row}\n${row}\n`, "line 3: voltage of 1 is there twice at 2025-01-15T00:00:00Z"],
    [`${CSV_HEADER}${row}\n0,voltage,1,12.6,kV,false\n`, "line 3: time: 0 is before the row above"],
    [
      CSV_HEADER + row.replace("Z,", ","),
      "line 2: time: expected Unix seconds or ISO 8601 with its offset, got 2025-01-15T00:00:00",
    ],
    [
      CSV_HEADER + row.replace("01-15", "02-30"),
      "line 2: time: expected Unix seconds or ISO 8601 with its offset, got 2025-02-30T00:00:00Z",
    ],
    [CSV_HEADER + row.replace("voltage", "volts"), /line 2: kind: expected one of voltage, .*, got volts$/.source],
    [CSV_HEADER + row.replace("voltage,1", "voltage,99"), "line 2: element: there is no bus 99 in case33bw"],
    [CSV_HEADER + row.replace("voltage,1", "current,38"), "line 2: element: there is no branch 38 in case33bw"],
    [CSV_HEADER + row.replace("12.6", "high"), 'line 2: value: expected a number, got "high"'],
    [CSV_HEADER + row.replace("kV", "V"), "line 2: unit: expected pu or kV for voltage, got V"],
    [CSV_HEADER + row.replace("false", "no"), "line 2: simulated: expected true or false, got no"],
    [`${CSV_HEADER}0,temperature,1,1e9,degC,false\n`, "line 2: value: expected -100 to 1000 degC, got 1000000000"],
    [`${CSV_HEADER}0,breaker,1,2,state,false\n`, "line 2: value: expected 1 (closed) or 0 (open), got 2"],
  ];
  for (const [text, message] of cases) {
    writeFileSync(file, text);
    await assert.rejects(all(new CsvScada(file, grid)), (error: Error) => {
      assert.equal(error.name, "ScadaFileError");
      assert.ok(error.message === `${file}, ${message}` || new RegExp(message).test(error.message), error.message);
      return true;
    });
  }
  writeFileSync(file, CSV_HEADER);
  await assert.rejects(all(new CsvScada(file, grid)), { message: `${file} has no samples` });
  writeFileSync(file, `${CSV_HEADER}"a`);
  await assert.rejects(all(new CsvScada(file, grid)), { message: /x\.csv, line 2: no CSV of time,kind/ });
  await assert.rejects(all(new CsvScada(`${file}.none`, grid)), { message: /none cannot be read \(ENOENT\)$/ });
  writeFileSync(file, `${CSV_HEADER}0,voltage,1,12.6,kV,false\n`);
  await assert.rejects(all(new CsvScada(file, bundledGrid("case14"))), {
    message: `${file}, line 2: case14: bus 1 has no base voltage; give voltage in pu`,
  });
});

class FakeClient extends EventEmitter implements MessageClient {
  readonly topics: string[] = [];
  connected = true;
  /** Subscriptions that the broker does not take before it takes one. */
  refusals = 0;

  async subscribeAsync(topic: string): Promise<void> {
    if (this.refusals-- > 0) throw new Error("Subscribe error: not authorised");
    this.topics.push(topic);
    this.emit("subscribed");
  }

  async unsubscribeAsync(topic: string): Promise<void> {
    this.topics.splice(this.topics.indexOf(topic), 1);
  }

  say(topic: string, payload: unknown): void {
    this.emit(
      "message",
      topic,
      new TextEncoder().encode(typeof payload === "string" ? payload : JSON.stringify(payload)),
    );
  }
}

/** A source over a client of paper, at a time that the test sets; `scans` ends with it after so many. */
function heard(most: number, settings: Partial<MqttOptions> = {}) {
  const client = new FakeClient();
  const stop = new AbortController();
  const refused: string[] = [];
  const clock = { time: 0 };
  const source = new MqttScada(client, bundledGrid("case33bw"), {
    ...{ prefix: "scada/f-1", scanSeconds: 60, signal: stop.signal, now: () => clock.time, skewSeconds: 30 },
    onRefused: (topic, reason, code) => refused.push(`${code} ${topic}: ${reason}`),
    ...settings,
  });
  const scans: Scan[] = [];
  const done = (async () => {
    for await (const scan of source.scans()) if (scans.push(scan) === most) stop.abort();
  })();
  /** A sample that is sent at a time by the system's clock, with a time of its own where that differs. */
  const sample = (at: number, point: string, value: number, unit: string, more: object = {}): void => {
    clock.time = at;
    client.say(`scada/f-1/${point}`, { time: at, value, unit, ...more });
  };
  return { client, stop, refused, clock, scans, done, sample };
}

const demandsOf = ({ samples }: Scan): number[] => samples.map(({ element }) => element);

test("messages of an interval make a scan; what is no sample is refused by field", async () => {
  const { client, refused, scans, done, sample } = heard(2);
  await Promise.resolve();
  assert.deepEqual(client.topics, ["scada/f-1/+/+"]);
  sample(120, "voltage/1", 12.66, "kV");
  sample(150, "demand/2", 100, "kW", { simulated: true });
  sample(151, "demand/2", 110, "kW", { simulated: true });
  client.say("scada/other/demand/2", { time: 151, value: 7, unit: "kW" });
  for (const element of ["0x2", "2.0", "2e0", " 2", "+2", "02", ""]) {
    client.say(`scada/f-1/demand/${element}`, { time: 151, value: 7, unit: "kW" });
    assert.match(refused.pop()!, /element: there is no bus .* in case33bw$/, element);
  }
  client.say("scada/f-1/breaker/1", "not JSON");
  client.say("scada/f-1/breaker/1", { time: 151, value: 3, unit: "state" });
  client.say("scada/f-1/breaker/1", { time: 151, value: 1, unit: "state", extra: 1 });
  sample(180, "current/1", 0.1, "pu");
  sample(181, "current/2", 0.1, "pu", { time: 179 });
  sample(240, "current/1", 0.1, "pu");
  await done;
  assert.deepEqual(scans[0]!.samples, [
    { kind: "voltage", element: 1, value: 1, simulated: false },
    { kind: "demand", element: 2, value: 0.11, simulated: true },
  ]);
  assert.deepEqual(
    scans.map(({ time, source: from }) => [time, from]),
    [
      [120, "scada/f-1"],
      [180, "scada/f-1"],
      [240, "scada/f-1"],
    ],
  );
  assert.equal(refused.length, 4);
  assert.match(refused[0]!, /^bad-sample .*breaker\/1: .*JSON/);
  assert.match(refused[1]!, /value: expected 1 \(closed\) or 0 \(open\), got 3$/);
  assert.match(refused[2]!, /extra/);
  assert.match(refused[3]!, /^late-sample scada\/f-1\/current\/2: late: its scan is over$/);
  assert.deepEqual(client.topics, []);
  assert.equal(client.listenerCount("message") + client.listenerCount("connect"), 0);
});

test("a sample of another time is refused, whatever its time, and those after it make scans as before", async () => {
  const { refused, scans, done, sample, clock } = heard(3);
  sample(0, "demand/2", 100, "kW", { time: 1 });
  sample(6_000, "demand/2", 100, "kW", { time: 4e9 });
  sample(6_001, "demand/3", 100, "kW", { time: 6_032 });
  sample(6_001, "demand/3", 100, "kW", { time: 5_970 });
  sample(6_002, "demand/4", 100, "kW");
  sample(6_060, "demand/5", 100, "kW", { time: 1e300 });
  sample(6_061, "demand/6", 100, "kW");
  sample(6_120, "demand/7", 100, "kW");
  sample(6_180, "demand/8", 100, "kW");
  await done;
  assert.deepEqual(scans.slice(0, 3).map(demandsOf), [[4], [6], [7]]);
  assert.deepEqual(
    refused.map((one) => one.replace(/^sample-time scada\/f-1\/demand/, "")),
    [
      "/2: time: expected nothing before the time is known, got 1",
      "/2: time: expected within 30 s of 6000, got 4000000000",
      "/3: time: expected within 30 s of 6001, got 6032",
      "/3: time: expected within 30 s of 6001, got 5970",
      "/5: time: expected within 30 s of 6060, got 1e+300",
    ],
  );
  assert.equal(clock.time, 6_180);
});

test("a sensor whose clock is fast makes nobody late, and a clock that is set back silences nobody", async () => {
  const { refused, scans, done, sample } = heard(4);
  sample(6_050, "demand/2", 100, "kW", { time: 6_075 });
  sample(6_051, "demand/3", 100, "kW");
  sample(6_110, "demand/2", 100, "kW", { time: 6_135 });
  sample(6_111, "demand/3", 100, "kW");
  sample(9_600, "demand/4", 100, "kW");
  // An hour back: what was open is of a time that has not come.
  sample(6_170, "demand/5", 100, "kW");
  sample(6_240, "demand/6", 100, "kW");
  sample(6_300, "demand/7", 100, "kW");
  await done;
  assert.deepEqual(refused, []);
  assert.deepEqual(scans.slice(0, 4).map(demandsOf), [[2, 3], [2, 3], [5], [6]]);
});

test("a lost connection is followed by a subscription, and one that is refused is tried again", async () => {
  const told: string[] = [];
  const { client, stop, done, refused, sample, scans } = heard(99, {
    ...{ onUnsubscribed: (reason) => told.push(reason), retryMilliseconds: 1, settleMilliseconds: 1 },
  });
  assert.equal(client.topics.length, 1);
  // The broker came back without a memory, and has not read its rules yet.
  client.topics.length = 0;
  client.refusals = 2;
  const again = once(client, "subscribed");
  client.emit("connect");
  await again;
  assert.deepEqual([client.topics.length, told.length], [1, 2]);
  assert.equal(told[0], "scada/f-1/+/+: Subscribe error: not authorised");
  sample(6_000, "demand/2", 100, "kW");
  client.connected = false;
  stop.abort();
  await done;
  assert.deepEqual([scans.length, refused.length, client.listenerCount("connect")], [1, 0, 0]);
});
