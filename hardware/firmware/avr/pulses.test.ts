// needs: make cc simavr
/** The committed image on the simulated chip: which contacts are pulses, and that none is lost while it computes. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { interpolate } from "../../../protocol/shamir/interpolate.ts";
import { COMMITTED_HEX, make } from "../build/toolchain.ts";
import { Bench } from "../simavr/bench.ts";
import { Simulator } from "../simavr/simulator.ts";

const SLOT_SECONDS = 60;
const THRESHOLD = 2;
const CONTACT = "D2";

let folder: string;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "wattveil-pulses-"));
  await make(folder, "runner");
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** Puts a device on a bench, waits for its base, lets `use` work its contact, and gives the next slot's pulses. */
async function countedIn(use: (bench: Bench, chip: Simulator) => Promise<void>): Promise<number> {
  const chip = new Simulator(join(folder, "runner"), COMMITTED_HEX);
  try {
    const bench = new Bench(chip, 3, { slotSeconds: SLOT_SECONDS, pulsesPerKwh: 1000, threshold: THRESHOLD });
    await bench.runMs(100);
    await bench.provision();
    await bench.connect();
    const base = Math.ceil(bench.time / SLOT_SECONDS) * SLOT_SECONDS;
    await bench.runTo(base + 3);
    await use(bench, chip);
    assert.ok(bench.time < base + SLOT_SECONDS, "the contact is worked within one slot");
    await bench.runTo(base + SLOT_SECONDS + 3);
    assert.deepEqual(
      bench.shares.map(({ share }) => share.firstSlot),
      [1, 2, 3].map(() => base / SLOT_SECONDS),
    );
    const points = bench.shares.map(({ aggregator, share }) => ({
      x: aggregator,
      y: Buffer.from(share.entries).readBigUInt64BE(),
    }));
    return Number(interpolate(points, THRESHOLD).value);
  } finally {
    await chip.stop();
  }
}

test("the fastest S0 train is counted to the pulse, also while frames are answered", async () => {
  const counted = await countedIn(async (bench) => {
    for (let round = 0; round < 10; round++) {
      await bench.pulses({ count: 40, lowMs: 30, highMs: 30 });
      assert.equal(await bench.exchange({ kind: "ask", what: "identity" }), "done");
    }
  });
  assert.equal(counted, 400);
});

test("bouncing, glitches and half waves of hum are no pulses", async () => {
  const counted = await countedIn(async (bench) => {
    await bench.pulses({ count: 500, lowMs: 0.05, highMs: 0.05 });
    await bench.pulses({ count: 100, lowMs: 10, highMs: 10 });
    await bench.pulses({ count: 100, lowMs: 2, highMs: 40 });
    await bench.runMs(50);
  });
  assert.equal(counted, 0);
});

test("a contact that bounces when it closes and when it opens gives one pulse", async () => {
  const counted = await countedIn(async (bench) => {
    for (let pulse = 0; pulse < 20; pulse++) {
      await bench.pulses({ count: 6, lowMs: 0.4, highMs: 0.3 });
      await bench.pulses({ count: 1, lowMs: 30, highMs: 0.2 });
      await bench.pulses({ count: 6, lowMs: 0.3, highMs: 0.4 });
      await bench.runMs(30);
    }
  });
  assert.equal(counted, 20);
});

test("a contact that sticks is one pulse, however long", async () => {
  const counted = await countedIn(async (bench, chip) => {
    await chip.drive(CONTACT, 0);
    await bench.runMs(20_000);
    await chip.drive(CONTACT, 1);
    await bench.runMs(1_000);
  });
  assert.equal(counted, 1);
});

test("pulses that come while a reading is sealed and sent are counted in the next one", async () => {
  const counted = await countedIn(async (bench) => {
    // Three shares take 15 ms of computing and as long on the line: a train across them, then the rest of the slot.
    await bench.pulses({ count: 100, lowMs: 30, highMs: 30 });
    assert.equal(await bench.exchange({ kind: "ask", what: "hello" }), "done");
    await bench.pulses({ count: 100, lowMs: 30, highMs: 30 });
  });
  assert.equal(counted, 200);
});
