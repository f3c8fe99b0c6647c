/** Pulses over a pseudo-terminal, from a GPIO tool that stands for gpiomon, and what a recording plays back. */
// needs: socat stdbuf
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, before, test } from "node:test";
import { enrol } from "../../config/enrolment/index.ts";
import { openDatabase } from "../../config/runtime/database.ts";
import { gpioOpener, gpiomonArguments } from "./gpio.ts";
import { PulseCounter } from "./pulse-counter.ts";
import { pulseMeter } from "./pulse-meter.ts";
import { PtyCable, until } from "./testing/pty.ts";
import { StationRig } from "./testing/station-rig.ts";

const ROOT = mkdtempSync(join(tmpdir(), "wv-pulses-"));
const RATE = { baudRate: 300, dataBits: 8, parity: "none" } as const;

before(async () => {
  await enrol({ data: ROOT, meters: [{ meter: "m-001", feeder: "f-1" }], simulation: false });
});
after(() => rmSync(ROOT, { recursive: true, force: true }));

test("pulses on the receiving pin are counted once each, and kept when the gateway stops", async () => {
  const cable = new PtyCable();
  await cable.plugIn();
  const rig = new StationRig({
    data: ROOT,
    settings: { port: cable.port, kind: "pulse", meter: "m-001", pulsesPerKwh: 500 },
    configure: (config) => ({ ...config, gateway: { ...config.gateway, debounceMilliseconds: 100 } }),
  });
  rig.start(pulseMeter);
  await until(() => rig.counter("opened") === 1, "the port");
  for (let pulse = 1; pulse <= 5; pulse++) {
    // A contact that bounces: three bytes at once are one pulse.
    await cable.send(Uint8Array.of(0, 0xf8, 0));
    await until(() => rig.counter("pulses") === pulse, "a pulse");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  await rig.stop();
  await cable.close();
  assert.equal(rig.counter("pulses"), 5);
  const database = openDatabase(join(ROOT, "m-001", "pulses.db"), { synchronous: "FULL" });
  const counter = new PulseCounter({ database, pulsesPerKwh: 500, saveSeconds: 10, monotonic: () => 0 });
  assert.equal(counter.registerWh, 10);
  database.close();
});

/** A folder with a program that answers like gpiomon of a version and prints given edges. */
function gpiomon(version: string, edges: readonly string[]): string {
  const folder = mkdtempSync(join(ROOT, "bin-"));
  const lines = edges.map((edge) => `echo "${edge}"`).join("\n");
  const script = `#!/bin/sh
if [ "$1" = --version ]; then echo "gpiomon (libgpiod) v${version}"; exit 0; fi
${lines}
exec sleep 60
`;
  writeFileSync(join(folder, "gpiomon"), script);
  chmodSync(join(folder, "gpiomon"), 0o755);
  return folder;
}

async function withPath<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const path = process.env["PATH"] ?? "";
  process.env["PATH"] = `${folder}${delimiter}${path}`;
  try {
    return await work();
  } finally {
    process.env["PATH"] = path;
  }
}

test("GPIO edges become pulses, debounced by their own times", async () => {
  mkdirSync(join(ROOT, "dev"));
  writeFileSync(join(ROOT, "dev", "gpiochip0"), "");
  const open = gpioOpener({ debounceMilliseconds: 20, folder: join(ROOT, "dev") });
  const edges = ["100.5", "100.1000000", "100.900000000", "101.0", "101.10000000", "101.29000000", "102.0"];
  const folder = gpiomon("1.6.3", edges);
  const pulses = await withPath(folder, async () => {
    const line = await open("gpio:gpiochip0/17", RATE);
    let bytes = 0;
    line.stream.on("data", (chunk: Uint8Array) => (bytes += chunk.length));
    await until(() => bytes >= 4, "pulses");
    await line.close();
    return bytes;
  });
  // The second follows the first within a millisecond, the fifth and sixth the fourth within 20.
  assert.equal(pulses, 4);
});

test("where there is no GPIO chip, or no gpiomon, it is said in words", async () => {
  const open = gpioOpener({ debounceMilliseconds: 20, folder: join(ROOT, "dev") });
  await assert.rejects(open("gpio:gpiochip9/17", RATE), /this computer has no GPIO chip gpiochip9/);
  const path = process.env["PATH"];
  process.env["PATH"] = join(ROOT, "nothing");
  try {
    await assert.rejects(open("gpio:gpiochip0/17", RATE), /need gpiomon of libgpiod, which is not installed/);
  } finally {
    process.env["PATH"] = path;
  }
  const rig = new StationRig({
    data: ROOT,
    settings: { port: "gpio:gpiochip9/17", kind: "pulse", meter: "m-001", pulsesPerKwh: 500 },
    open,
  });
  rig.start(pulseMeter);
  await assert.rejects(rig.ended, /no GPIO chip/);
});

test("gpiomon is asked in the words of its version", () => {
  const at = { chip: "gpiochip0", line: "17" };
  assert.deepEqual(gpiomonArguments(1, at, 20).slice(-2), ["gpiochip0", "17"]);
  const two = gpiomonArguments(2, at, 20).join(" ");
  assert.match(two, /^--chip gpiochip0 --edges falling --bias pull-up --debounce-period 20ms .* 17$/);
});
