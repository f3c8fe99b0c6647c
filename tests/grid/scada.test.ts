/**
 * Samples of a control room over real MQTT and from a file, with broker and analytics as processes: they drive the published
 * state, what is wrong with them is named, and where they end the state says that it is old.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { appendFile, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { connectAsync } from "mqtt";
import { bundledGrid, CSV_HEADER, csvOf, type Sample, SimulatedScada } from "../../analytics/grid/index.ts";
import { POINTS } from "../../analytics/grid/scada/scan.ts";
import { startTestBroker } from "../../config/runtime/testing/broker.ts";
import type { GridState } from "../../protocol/grid/index.ts";
import { operatedGrid } from "./testing/operated-grid.ts";

/** Who waits for a state that never comes has failed. */
const LIMIT = { timeout: 180_000 };

const deliveredMw = (grid: { buses: readonly { loadMw: number }[] }): number =>
  grid.buses.reduce((sum, { loadMw }) => sum + loadMw, 0);
const isStale = ({ stale, findings }: GridState): boolean =>
  stale && findings.some(({ kind, element }) => kind === "stale" && element === "grid");

test(
  "samples over MQTT drive the state; a wrong one is named and silences nobody; a lost broker makes it stale",
  LIMIT,
  async (t) => {
    const room = await startTestBroker();
    t.after(() => room.close());
    const url = `mqtt://127.0.0.1:${room.port}`;
    const grid = await operatedGrid(t, {
      ...{ case: "case14", scada: "mqtt", scadaUrl: url, scadaPrefix: "room/scada", scanSeconds: 1 },
      sampleSkewSeconds: 30,
    });
    const subscribed = once(room.aedes, "subscribe");
    await grid.operate();
    await subscribed;
    let sensors = await connectAsync(url);
    t.after(() => sensors.endAsync(true));
    const plant = new SimulatedScada({ grid: bundledGrid("case14"), seed: 5 });
    const send = async ({ kind, element, value }: Sample, more: object = {}): Promise<unknown> =>
      sensors.publishAsync(
        `room/scada/${kind}/${element}`,
        JSON.stringify({ time: Date.now() / 1_000, value, unit: POINTS[kind].unit, ...more }),
        { qos: 1 },
      );
    const scan = async (change: (sample: Sample) => Sample = (sample) => sample): Promise<number> => {
      const { scan: next, truth } = plant.next();
      await Promise.all(next.samples.map((sample) => send(change(sample))));
      return deliveredMw(truth.grid);
    };

    const whole = await scan();
    const first = await grid.until(({ status }) => status === "trusted");
    const { source, simulated, totals, time, sequence } = first.state;
    assert.deepEqual([source, simulated], ["mqtt", false]);
    assert.ok(Math.abs(totals.deliveredMw - whole) < 0.03 * whole, `${totals.deliveredMw} of ${whole} MW`);
    assert.ok(Math.abs(time - Date.now() / 1_000) < 30);

    // Of the year 2096: what comes after it must not be late.
    const voltage: Sample = { kind: "voltage", element: 4, value: 1, simulated: false };
    await send(voltage, { time: 4e9 });
    await send({ ...voltage, element: 99 });
    await scan((sample) =>
      sample.kind === "voltage" && sample.element === 5 ? { ...sample, value: sample.value + 0.08 } : sample,
    );
    const wrong = await grid.until(({ findings }) => findings.some(({ kind }) => kind === "bad-data"));
    assert.ok(wrong.state.sequence > sequence);
    assert.ok(
      wrong.state.findings.some(({ kind, element }) => kind === "bad-data" && element === "voltage:5"),
      JSON.stringify(wrong.state.findings),
    );
    await scan();
    await grid.until((later) => later.sequence > wrong.state.sequence && later.bad.length === 0);
    const log = (await grid.logged()).join("\n");
    assert.match(log, /refused: sample-time/);
    assert.match(log, /room\/scada\/voltage\/4: time: expected within 30 s of \d+, got 4000000000/);
    assert.match(log, /room\/scada\/voltage\/99: element: there is no bus 99 in case14/);

    await room.stop();
    const old = await grid.until(isStale);
    assert.ok(old.state.sequence > sequence && old.state.totals.deliveredMw > 0, "the last state is told");
    await sensors.endAsync(true);
    const again = once(room.aedes, "subscribe");
    await room.start();
    await again;
    sensors = await connectAsync(url);
    await scan();
    await grid.until((later) => !later.stale && later.sequence > old.state.sequence);
  },
);

test(
  "scans of a file drive the state; a bad file is refused at the start, and waited for where it breaks later",
  LIMIT,
  async (t) => {
    const plant = new SimulatedScada({ grid: bundledGrid("case14"), seed: 6, intervalSeconds: 60 });
    const scans = Array.from({ length: 4 }, () => plant.next());
    const text = CSV_HEADER + scans.map(({ scan }) => csvOf(plant.planned, scan)).join("");
    const lines = text.split("\n").length;
    const folder = await mkdtemp(path.join(tmpdir(), "wattveil-scans-"));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const file = path.join(folder, "scans.csv");
    const grid = await operatedGrid(t, { case: "case14", scada: "csv", scadaFile: file, scanSeconds: 0.5 });
    await writeFile(file, `${text}2025-01-16T00:00:00Z,voltage,1,much,pu,true\n`);
    const refused = await grid.refusal();
    assert.equal(refused.code, 2, refused.stderr);
    assert.ok(
      refused.stderr.includes(`scans.csv, line ${lines}: value: expected a number, got "much"`),
      refused.stderr,
    );

    await writeFile(file, text);
    await grid.operate();
    const last = scans.at(-1)!.scan.time;
    for (let time = 0; time < last; ) {
      const { state } = await grid.until(() => true);
      // The first scans may be over before the thread that estimates is there.
      const { truth } = scans.find(({ scan }) => scan.time === state.time)!;
      assert.deepEqual([state.source, state.simulated, state.time > time || state.stale], ["csv", true, true]);
      const whole = deliveredMw(truth.grid);
      assert.ok(
        Math.abs(state.totals.deliveredMw - whole) < 0.03 * whole,
        `${state.totals.deliveredMw} of ${whole} MW`,
      );
      ({ time } = state);
    }
    await appendFile(file, "2025-01-16T00:00:00Z,breaker,1,7,state,true\n");
    assert.equal((await grid.until(isStale)).state.time, last);
    const log = (await grid.logged()).join("\n");
    assert.ok(log.includes(`line ${lines}: value: expected 1 (closed) or 0 (open), got 7`), log);

    const more = plant.next().scan;
    await writeFile(`${file}.new`, text + csvOf(plant.planned, more));
    await rename(`${file}.new`, file);
    assert.equal((await grid.until(({ stale }) => !stale)).state.time, more.time);
    await rm(file);
    await grid.until(isStale);
  },
);
