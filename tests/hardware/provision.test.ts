/** A blank device on a pseudo-terminal, and the command that makes it a meter. */
// needs: socat
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { enrol } from "../../config/enrolment/index.ts";
import { openCustomerKey, openMeterSecrets, openParty } from "../../config/keys/index.ts";
import { directionKey } from "../../protocol/envelope/aead.ts";
import { seededRandom } from "../../firmware-sim/emulator/virtual-bed.ts";
import { GatewayProcess } from "./testing/gateway-process.ts";
import { LiveDevice } from "./testing/live-device.ts";

const ROOT = mkdtempSync(join(tmpdir(), "wv-provision-"));
const METERS = ["m-001", "m-002"];

before(async () => {
  await enrol({ data: ROOT, meters: METERS.map((meter) => ({ meter, feeder: "f-1" })), simulation: false });
});
after(() => rmSync(ROOT, { recursive: true, force: true }));

/** All bytes below a folder. */
function diskOf(folder: string): Buffer {
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true });
  return Buffer.concat(
    entries.filter((one) => one.isFile()).map((one) => readFileSync(join(one.parentPath, one.name))),
  );
}

async function provision(device: LiveDevice, meter: string, ...more: string[]) {
  const args = [
    "provision",
    "--port",
    device.port,
    "--meter",
    meter,
    "--pulses-per-kwh",
    "1000",
    "--data",
    ROOT,
    ...more,
  ];
  const command = new GatewayProcess([...args, "--set", `paths.logs=${join(ROOT, "logs")}`]);
  const code = await command.ended;
  return { code, stdout: command.stdout, stderr: command.stderr };
}

test("a blank device takes the keys of its meter once, and the folder forgets them", async () => {
  const folder = join(ROOT, "keys", "m-001");
  const secrets = openMeterSecrets(folder);
  const device = new LiveDevice(seededRandom(1));
  device.device.setJumper(true);
  await device.start();
  try {
    const { code, stdout, stderr } = await provision(device, "m-001", "--json");
    assert.equal(code, 0, stderr);
    const { meter, fingerprint, keysKept } = JSON.parse(stdout) as Record<string, unknown>;
    assert.deepEqual([meter, keysKept], ["m-001", false]);
    assert.match(String(fingerprint), /^[0-9a-f]{32}$/);

    assert.throws(() => openMeterSecrets(folder), { code: "on-device" });
    assert.equal(openParty(folder).id, "m-001", "it still opens the connection");
    // Whatever form they might have been written in, the keys are nowhere below the folder, derived or not.
    const disk = diskOf(folder);
    const text = disk.toString("latin1");
    const rootKeys = [...secrets.rootKeys.values()];
    const derived = rootKeys.flatMap((key) => [directionKey(key, "wv/1/share"), directionKey(key, "wv/1/ack")]);
    for (const key of [...rootKeys, ...derived, secrets.polynomialKey]) {
      assert.equal(disk.includes(Buffer.from(key)), false);
      assert.equal(text.includes(Buffer.from(key).toString("hex")), false);
      assert.equal(text.includes(Buffer.from(key).toString("base64")), false);
    }
    // The same look finds what is there.
    assert.equal(text.includes(Buffer.from(secrets.customerSealKey).toString("hex")), true);
    // On the line they were, once.
    assert.ok(device.traffic.length > 0);

    const again = await provision(device, "m-002");
    assert.equal(again.code, 1);
    assert.match(again.stderr, /^this device is m-001 already, and keeps its keys until its chip is erased/);
    assert.equal(openMeterSecrets(join(ROOT, "keys", "m-002")).meter, "m-002", "nothing was taken from the other");
    const gone = await provision(device, "m-001");
    assert.equal(gone.code, 1);
    assert.match(gone.stderr, /the keys of m-001 are in its device/);
  } finally {
    await device.stop();
  }
});

test("an erased device gets its meter back with new keys, and the check of an installation knows where keys are", () => {
  const folder = join(ROOT, "keys", "m-001");
  const command = (...args: string[]) =>
    spawnSync(process.execPath, ["config/runtime/start.mjs", ...args, "--data", ROOT], { encoding: "utf8" });
  assert.throws(() => openMeterSecrets(folder), { code: "on-device" });
  const checked = command("firmware-sim/validate-main.ts", "--json", "--set", `paths.logs=${join(ROOT, "logs")}`);
  assert.equal(checked.stdout.includes("meter secrets"), false, checked.stdout);
  const customer = openCustomerKey(folder);
  const rekeyed = command("config/enrolment/main.ts", "rekey", "--meter", "m-001", "--offline");
  assert.equal(rekeyed.status, 0, rekeyed.stderr);
  const { rootKeys, keyVersion, customerSealKey } = openMeterSecrets(folder);
  assert.deepEqual([rootKeys.size, keyVersion, customerSealKey], [3, 2, customer]);
});

test("without its jumper a device is waited for, and left without keys", async () => {
  const device = new LiveDevice(seededRandom(2));
  await device.start();
  const args = ["provision", "--port", device.port, "--meter", "m-002", "--pulses-per-kwh", "500", "--keep-keys"];
  const gateway = new GatewayProcess([...args, "--data", ROOT, "--set", `paths.logs=${join(ROOT, "logs")}`]);
  try {
    const told = async (): Promise<void> => {
      while (!gateway.stderr.includes("connect pin 4 to ground"))
        await new Promise((resolve) => setTimeout(resolve, 10));
    };
    await Promise.race([told(), gateway.ended]);
    assert.match(gateway.stderr, /connect pin 4 to ground/);
    device.device.setJumper(true);
    assert.equal(await gateway.ended, 0, gateway.stderr);
    assert.match(gateway.stdout, /m-002 is provisioned, fingerprint [0-9a-f]{32}/);
    assert.match(gateway.stdout, /its keys are still in .*m-002: whoever reads them can read its shares/);
    assert.equal(openMeterSecrets(join(ROOT, "keys", "m-002")).meter, "m-002");
  } finally {
    await gateway.stop();
    await device.stop();
  }
});
