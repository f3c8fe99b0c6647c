// needs: make cc simavr
/**
 * The committed binary on two chips that share no code: simavr's and the emulator's. The same bench gives both the same keys,
 * frames, acks and pulses; they send the same bytes, and end with the same EEPROM and static RAM. Times are not compared:
 * simavr takes 3.4 ms for every EEPROM cell, the chip (and the emulator) half of it for one that is only erased or written.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { COMMITTED_HEX, make, withBuildFolder } from "../../hardware/firmware/build/toolchain.ts";
import { Bench, type BenchChip } from "../../hardware/firmware/simavr/bench.ts";
import { type Ran, Simulator } from "../../hardware/firmware/simavr/simulator.ts";
import { loadFirmware } from "./firmware.ts";
import { EmulatedChip } from "./testing/emulated-chip.ts";

const SLOT_SECONDS = 60;
const AGGREGATORS = 3;
const RAM_START = 0x100;
/** The most that static data may take; between it and the deepest stack nothing is touched. */
const STATIC_BYTES = 640;
const key = (filling: number): Uint8Array => new Uint8Array(32).fill(filling);

/** Passes commands on and keeps what is heard, frame by frame. */
function listening(chip: BenchChip): { chip: BenchChip; heard: string[] } {
  const heard: string[] = [];
  let rest = Buffer.alloc(0);
  const note = async (running: Promise<Ran>): Promise<Ran> => {
    const ran = await running;
    rest = Buffer.concat([rest, ran.sent]);
    for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0)) {
      if (end > 0) heard.push(rest.subarray(0, end).toString("hex"));
      rest = rest.subarray(end + 1);
    }
    return ran;
  };
  return {
    heard,
    chip: {
      send: (bytes) => chip.send(bytes),
      drive: (pin, level) => chip.drive(pin, level),
      runMs: (milliseconds) => note(chip.runMs(milliseconds)),
      runToFrame: (milliseconds) => note(chip.runToFrame(milliseconds)),
      pulses: (train) => note(chip.pulses(train)),
    },
  };
}

/** Keys, hello, and three slots: with pulses, without any, and with one share that is never acknowledged. */
async function live(on: BenchChip): Promise<string[]> {
  const { chip, heard } = listening(on);
  const bench = new Bench(chip, AGGREGATORS, {
    rootKeys: [key(1), key(2), key(3)],
    ...{ polynomialKey: key(9), slotSeconds: SLOT_SECONDS, checkpoint: 16 },
  });
  await bench.runMs(100);
  await bench.provision();
  await bench.connect();
  const base = Math.ceil(bench.time / SLOT_SECONDS) * SLOT_SECONDS;
  await bench.runTo(base + 2.5);
  for (const [slot, count] of [70, 0, 33].entries()) {
    await bench.keepLink();
    await bench.pulses({ count, lowMs: 35, highMs: 90 });
    await bench.exchange({ kind: "ask", what: "status" });
    // Noise, and a frame with a wrong sum.
    await chip.send(Uint8Array.of(0, 7, 200, 3, 0, 5, 4, 3, 2, 1, 0));
    await bench.runTo(base + (slot + 1) * SLOT_SECONDS - 0.5);
    await bench.runMs(3_000);
    await bench.acknowledge(bench.shares.slice(slot === 2 ? -2 : -AGGREGATORS));
  }
  await bench.exchange({ kind: "ask", what: "identity" });
  await bench.runMs(15_000);
  return heard;
}

test("on simavr and in the emulator the binary says the same, and keeps the same", async () => {
  const emulated = new EmulatedChip(loadFirmware());
  const ours = await live(emulated);
  await withBuildFolder(async (folder) => {
    await make(folder, "runner");
    const simulated = new Simulator(join(folder, "runner"), COMMITTED_HEX);
    try {
      const theirs = await live(simulated);
      assert.deepEqual(ours, theirs);
      assert.ok(ours.length > 35, `${ours.length} frames`);
      assert.deepEqual(Buffer.from(emulated.machine.eeprom.image()), await simulated.eeprom());
      const ram = emulated.machine.cpuState!.data.subarray(RAM_START, RAM_START + STATIC_BYTES);
      assert.deepEqual(Buffer.from(ram), (await simulated.memory()).subarray(0, STATIC_BYTES));
    } finally {
      await simulated.stop();
    }
  });
});
