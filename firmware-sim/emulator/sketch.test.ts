// needs: make cc simavr avr-gcc
/** The Arduino sketch, built as the IDE builds for an Uno, does what the firmware proper does: in the emulator and on simavr. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { make, withBuildFolder } from "../../hardware/firmware/build/toolchain.ts";
import { Bench, type BenchChip } from "../../hardware/firmware/simavr/bench.ts";
import { Simulator } from "../../hardware/firmware/simavr/simulator.ts";
import { interpolate } from "../../protocol/shamir/interpolate.ts";
import { KINDS } from "../../protocol/units.ts";
import { loadFirmware } from "./firmware.ts";
import { EmulatedChip } from "./testing/emulated-chip.ts";

const ARDUINO_CORE = "/usr/share/arduino/hardware/arduino/avr/cores/arduino";
const SLOT_SECONDS = 16;
const PULSES = 7;
const LATE_MS = 2_000;

/** Continuous integration must have it; a developer without it is told. */
const missing = existsSync(ARDUINO_CORE) || process.env["CI"] === "true" ? false : "arduino-core-avr is not installed";

test("the sketch compiles; on either chip it is provisioned, counts pulses through bouncing and shares a reading", {
  skip: missing,
}, async () => {
  await withBuildFolder(async (folder) => {
    await make(folder, "sketch", "runner");
    const hex = join(folder, "sketch.hex");
    await liveOn(new EmulatedChip(loadFirmware(hex)));
    const simulated = new Simulator(join(folder, "runner"), hex);
    try {
      await liveOn(simulated);
    } finally {
      await simulated.stop();
    }
  });
});

async function liveOn(chip: BenchChip): Promise<void> {
  const bench = new Bench(chip, 3, { slotSeconds: SLOT_SECONDS, pulsesPerKwh: 1000 });
  await bench.runMs(500);
  assert.deepEqual(
    bench.takeFrames().map(({ kind }) => kind),
    ["identity"],
  );
  await bench.provision();
  await bench.connect();

  const base = Math.ceil(bench.time / SLOT_SECONDS) * SLOT_SECONDS;
  await bench.runTo(base + LATE_MS / 1000);
  await bench.pulses({ count: PULSES, lowMs: 32, highMs: 32 });
  // Shorter than half of what S0 promises: bouncing, not pulses.
  await bench.pulses({ count: 20, lowMs: 2, highMs: 3 });
  await bench.runTo(base + SLOT_SECONDS + LATE_MS / 1000);

  assert.deepEqual(bench.shares.map(({ aggregator }) => aggregator).sort(), [1, 2, 3]);
  for (const { share } of bench.shares) {
    assert.equal(share.kind, KINDS.import);
    assert.equal(share.firstSlot, base / SLOT_SECONDS);
  }
  const points = bench.shares.map(({ aggregator, share }) => ({
    x: aggregator,
    y: Buffer.from(share.entries).readBigUInt64BE(),
  }));
  assert.deepEqual(interpolate(points, 2), { value: BigInt(PULSES), spare: 1, disagreeing: 0 });
}
