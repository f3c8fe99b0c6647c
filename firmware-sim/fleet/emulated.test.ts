/** Real binaries among simulated meters: plans, refusals, and what is kept of a device between processes. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Flag, loadConfig } from "../../config/index.ts";
import { UsageError } from "../../config/runtime/role-command.ts";
import { createAckSealer } from "../../protocol/envelope/index.ts";
import { AckWatch } from "./ack-watch.ts";
import { DeviceFile } from "./device-file.ts";
import { withEmulated } from "./emulated-plan.ts";
import { planGenerated } from "./fleet-plan.ts";

function configOf(set: Readonly<Record<string, unknown>>) {
  const flags = Object.entries(set).map(([path, value]): Flag => ({ name: "test", path, value }));
  return loadConfig({ profile: "demo", env: {}, flags });
}

const nothingChosen = (): boolean => false;

test("more emulated devices than meters raise the meters, so that simulated ones are beside them", () => {
  const { config, notes } = withEmulated(configOf({ "simulation.emulated": 100 }), nothingChosen);
  assert.equal(config.simulation.meters, 150);
  assert.equal(config.homomorphic.enabled, false);
  assert.match(notes.join(), /without ciphertexts/);
  assert.equal(withEmulated(configOf({ "simulation.emulated": 4 }), nothingChosen).config.simulation.meters, 50);
  assert.deepEqual(withEmulated(configOf({}), nothingChosen).notes, []);
});

test("what does not go together with emulated devices is refused by name", async () => {
  const chosen = (path: string) => (one: string) => one === path;
  const refused = (set: Record<string, unknown>, path: string): void => {
    assert.throws(() => withEmulated(configOf(set), chosen(path)), UsageError);
  };
  refused({ "simulation.emulated": 20, "simulation.meters": 10, "simulation.feeders": 1 }, "simulation.meters");
  refused({ "simulation.emulated": 1, "homomorphic.enabled": true }, "homomorphic.enabled");
  assert.throws(() => configOf({ "simulation.emulated": 1, "system.aggregators": 6 }), /5 aggregators/);
  assert.throws(() => configOf({ "simulation.emulated": 1, "simulation.brownOutsPerYear": 3 }), /supply/);
  const all = configOf({ "simulation.emulated": 50, "homomorphic.enabled": false });
  await assert.rejects(planGenerated(all, undefined), /homes \d+ feed nothing in, .* got 50/);
});

test("emulated devices are spread over the homes that feed nothing in", async () => {
  const { source, emulated } = await planGenerated(configOf({ "simulation.emulated": 10 }), undefined);
  assert.equal(new Set(emulated).size, 10);
  assert.ok(emulated.every((index) => !source.hasExport(index)));
  assert.ok(emulated.some((index) => index < 15) && emulated.some((index) => index > 35));
});

test("a device's file keeps its EEPROM and its register, and is its owner's alone", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "wv-device-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "m-1.device");
  const first = new DeviceFile(path, 123_456_789_012);
  assert.equal(first.image, undefined);
  const image = Uint8Array.from({ length: 1_024 }, (_, i) => i % 251);
  first.save(image);
  first.close();
  const second = new DeviceFile(path, 0);
  assert.deepEqual(second.image, image);
  assert.equal(second.offsetWh, 123_456_789_012);
  second.close();
  assert.equal(statSync(path).mode & 0o777, 0o600);
  writeFileSync(path, "short");
  assert.throws(() => new DeviceFile(path, 0), /m-1\.device: expected 1032 bytes, got 5/);
});

test("acks on their way tell what is settled, who has answered, and who is silent", () => {
  const rootKey = new Uint8Array(32).fill(7);
  let now = 0;
  const watch = new AckWatch({ secrets: { meter: "m-1", rootKeys: new Map([[1, rootKey]]) }, monotonic: () => now });
  const sealer = createAckSealer(rootKey, "m-1", 1);
  const highest = { boot: 0, counter: 0 };
  const hello = { challenge: new Uint8Array(16), boot: 1 };
  assert.equal(watch.ack(1, sealer.seal({ boot: 1, counter: 0 }, { time: 900, highest, entries: [], hello })), 900);
  assert.equal(watch.greeted, 1);
  assert.deepEqual(
    watch.silent(1_000, () => true),
    [],
  );
  now = 2_000;
  assert.deepEqual(
    watch.silent(1_000, () => true),
    [1],
  );
  const entries = [
    { kind: 1, firstSlot: 5, count: 2, code: 0 },
    { kind: 1, firstSlot: 9, count: 1, code: 3 },
  ] as const;
  watch.ack(1, sealer.seal({ boot: 1, counter: 1 }, { time: 1_800, highest, entries }));
  assert.deepEqual(
    watch.silent(1_000, () => true),
    [],
  );
  assert.deepEqual(
    [4, 5, 6, 9].map((slot) => watch.isSettled(1, 1, slot)),
    [false, true, true, true],
  );
  assert.equal(watch.gaps, 1);
  watch.ack(1, sealer.seal({ boot: 1, counter: 2 }, { time: 1_800, highest, entries: [{ ...entries[0], code: 4 }] }));
  assert.equal(watch.isSettled(1, 1, 5), false);
  assert.equal(watch.ack(1, Uint8Array.of(1, 2, 3)), undefined);
});
