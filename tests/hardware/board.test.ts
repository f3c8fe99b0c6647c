/** A simulated board as a command of its own: provisioned through the real driver, remembered over a replug. */
// needs: socat
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { enrol } from "../../config/enrolment/index.ts";
import { ConstantLoad, pulsesAt } from "../../firmware-sim/board/constant-load.ts";
import { EmulatedDevice } from "../../firmware-sim/emulator/emulated-device.ts";
import { loadFirmware } from "../../firmware-sim/emulator/firmware.ts";
import { GatewayProcess } from "./testing/gateway-process.ts";

const ROOT = mkdtempSync(join(tmpdir(), "wv-board-"));
const PORT = join(ROOT, "board");
const EEPROM = join(ROOT, "board.eeprom");

before(async () => {
  await enrol({ data: ROOT, meters: [{ meter: "m-001", feeder: "f-1" }], simulation: false });
});
after(() => rmSync(ROOT, { recursive: true, force: true }));

interface Plugged {
  readonly child: ChildProcess;
  readonly output: () => string;
}

async function plugIn(...more: readonly string[]): Promise<Plugged> {
  const args = ["config/runtime/start.mjs", "firmware-sim/board-main.ts", "--port", PORT, "--data", ROOT, ...more];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  const told = new Promise<void>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (part: string) => {
        text += part;
        if (text.includes("Ctrl-C unplugs it")) resolve();
      });
    }
    child.once("close", () => resolve());
  });
  await told;
  return { child, output: () => text };
}

async function unplug({ child }: Plugged): Promise<number | null> {
  if (child.exitCode !== null) return child.exitCode;
  child.kill("SIGINT");
  const [code] = (await once(child, "close")) as [number | null];
  return code;
}

async function provision(): Promise<{ code: number | null; text: string }> {
  const words = ["provision", "--port", PORT, "--meter", "m-001", "--pulses-per-kwh", "1000", "--data", ROOT, "--json"];
  const gateway = new GatewayProcess([...words, "--set", `paths.logs=${join(ROOT, "logs")}`]);
  return { code: await gateway.ended, text: gateway.stdout + gateway.stderr };
}

test("a simulated board is provisioned like a real one, and still is after it was unplugged", async () => {
  const first = await plugIn("--jumper");
  assert.match(first.output(), /^simulated board on .*, 500 W as 1000 pulses per kWh, jumper set/);
  const second = await plugIn();
  assert.equal(await unplug(second), 2);
  assert.match(second.output(), /is there already: another board's, or a real one/);
  const provisioned = await provision();
  assert.equal(provisioned.code, 0, provisioned.text);
  assert.equal(await unplug(first), 0);
  assert.equal(existsSync(PORT), false);
  assert.equal(statSync(EEPROM).mode & 0o777, 0o600, "it holds keys");

  const again = await plugIn("--jumper");
  const refused = await provision();
  assert.notEqual(refused.code, 0);
  assert.equal(await unplug(again), 0);
});

test("what is no board is refused with what was wrong", async () => {
  writeFileSync(join(ROOT, "short"), "no EEPROM");
  const short = await plugIn("--eeprom", join(ROOT, "short"));
  assert.equal(await unplug(short), 2);
  assert.match(short.output(), /expected 1024 bytes, got 9/);
  const heavy = await plugIn("--watts", "-5");
  assert.equal(await unplug(heavy), 2);
  assert.match(heavy.output(), /--watts: expected a number from 0 to 100000, got "-5"/);
  const fast = await plugIn("--watts", "60000");
  assert.equal(await unplug(fast), 2);
  assert.match(fast.output(), /60000 W at 1000 pulses per kWh are too many/);
});

test("a constant load gives its pulses, whatever the steps", () => {
  assert.equal(pulsesAt(3_600, 2_000, 1_000), 2_000);
  assert.equal(pulsesAt(7.1, 500, 1_000), 0);
  assert.equal(pulsesAt(7.2, 500, 1_000), 1);
});

test("pulses begin at their time, also when the steps are shorter than a pulse", () => {
  for (const step of [0.005, 0.3, 5]) {
    const device = new EmulatedDevice({ program: loadFirmware(), random: () => 0.5, onData: () => {} });
    const load = new ConstantLoad(device, 3_600, 1_000); // one a second
    for (let at = 0; at < 9.99; at += step) load.run(step);
    assert.equal(device.pulses.begun, 10, `steps of ${step} s`);
  }
});
