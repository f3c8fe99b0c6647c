import assert from "node:assert/strict";
import { test } from "node:test";
import { KINDS } from "../../protocol/units.ts";
import type { DeviceFaults } from "./emulated-device.ts";
import { loadFirmware } from "./firmware.ts";
import { keptState } from "./kept-state.ts";
import { type HeldReading, heldTogether } from "./testing/held.ts";
import { seededRandom, START, virtualBed, type VirtualBed, type VirtualBedOptions } from "./virtual-bed.ts";

const SLOT_SECONDS = 900;
const FIRST = START / SLOT_SECONDS;
const program = loadFirmware();

/** Provisioned, told of its link, and past its first boundary. */
function started(options: Omit<VirtualBedOptions, "program"> = {}): VirtualBed {
  const bed = virtualBed({ program, ...options });
  bed.host.linkUp();
  bed.device.run(62);
  return bed;
}

/** Pulses of slot after slot, kept away from its boundaries, and some seconds for the last acks. */
function runSlots(
  { device }: VirtualBed,
  pulses: readonly number[],
  during: (slot: number) => void = () => undefined,
): void {
  for (const [slot, count] of pulses.entries()) {
    device.planPulses(count, 20, SLOT_SECONDS - 60);
    during(slot);
    device.run(SLOT_SECONDS);
  }
  device.run(60);
}

const imports = (pulses: readonly number[]): HeldReading[] =>
  pulses.map((energyWh, i) => ({ kind: KINDS.import, slot: FIRST + i, energyWh }));

const faultsOf = ({ aggregators }: VirtualBed): string[] => aggregators.flatMap(({ faults }) => faults);

test("the committed binary counts pulses into slots, and all aggregators together hold them exactly", () => {
  const bed = started();
  const pulses = [500, 0, 1, 9_000];
  runSlots(bed, pulses);
  assert.deepEqual(faultsOf(bed), []);
  assert.deepEqual(heldTogether(bed.aggregators, 2), imports(pulses));
});

for (const [n, t] of [
  [2, 1],
  [5, 3],
] as const) {
  test(`${n} aggregators, ${t} of which are enough`, () => {
    const bed = started({ aggregators: n, threshold: t });
    runSlots(bed, [40, 2]);
    assert.deepEqual(faultsOf(bed), []);
    assert.deepEqual(heldTogether(bed.aggregators, t), imports([40, 2]));
  });
}

function lossy(seed: number): () => boolean {
  const random = seededRandom(seed);
  return () => random() < 0.2;
}

test("messages that get lost are sent again until they are acknowledged", () => {
  const bed = started({ isLost: lossy(5) });
  const pulses = [10, 20, 30, 40];
  runSlots(bed, pulses);
  bed.device.run(600);
  assert.deepEqual(faultsOf(bed), []);
  assert.deepEqual(heldTogether(bed.aggregators, 2), imports(pulses));
  assert.ok(bed.aggregators.some(({ repeats }) => repeats > 0));
});

const FAULTS: readonly (readonly [string, DeviceFaults])[] = [
  ["a crystal that is 100 ppm fast", { driftPpm: 100 }],
  ["a crystal that is 100 ppm slow", { driftPpm: -100 }],
  ["a line that is 1.5 % fast, on top of the divisor's 2.1 %", { baudErrorPpm: 15_000 }],
  ["a line that is 1.5 % slow", { baudErrorPpm: -15_000 }],
  ["noise that hurts one frame in twenty", { noise: { flip: 4e-4, drop: 2e-4, invent: 2e-4 } }],
  ["contacts that bounce for 3 ms", { bounce: { closings: 6, seconds: 0.003 } }],
];

for (const [name, faults] of FAULTS) {
  test(`${name}: nothing is lost or counted twice`, () => {
    const bed = started({ faults, seed: 3 });
    const pulses = [150, 0, 2_000, 77];
    runSlots(bed, pulses);
    bed.device.run(600);
    assert.deepEqual(faultsOf(bed), []);
    assert.deepEqual(heldTogether(bed.aggregators, 2), imports(pulses));
  });
}

test("a line that is 6 % wrong carries nothing; when it is right again the energy comes with its slots", () => {
  const bed = started();
  bed.device.line.setBaud(115_200 * 0.92);
  runSlots(bed, [100, 200]);
  assert.deepEqual(heldTogether(bed.aggregators, 2), []);
  bed.device.line.setBaud(115_200);
  bed.device.run(900);
  assert.deepEqual(faultsOf(bed), []);
  assert.deepEqual(heldTogether(bed.aggregators, 2).slice(0, 2), imports([100, 200]));
});

test("a contact that sticks counts once, however long, and the meter's own pulses are not seen meanwhile", () => {
  const bed = started();
  const { device } = bed;
  runSlots(bed, [20, 30, 40], (slot) => {
    if (slot !== 1) return;
    device.run(5);
    device.pulses.stick(false);
    device.run(880);
    device.pulses.stick(undefined);
  });
  const readings = heldTogether(bed.aggregators, 2);
  assert.deepEqual(faultsOf(bed), []);
  assert.equal(
    readings.reduce((sum, { energyWh }) => sum + energyWh, 0),
    20 + 1 + 40,
  );
});

test("a flipped bit in a reading's record is no reading: damage is told, and nothing is counted twice", () => {
  const bed = started();
  const { device, host, aggregators } = bed;
  runSlots(bed, [100, 200, 300]);
  const before = heldTogether(aggregators, 2);
  const random = seededRandom(9);
  for (let round = 0; round < 30; round++) {
    // Rings begin behind the keys of three aggregators.
    device.machine.eeprom.flip(272 + Math.floor(random() * 752), Math.floor(random() * 8));
    device.machine.powerDown();
    device.machine.powerUp();
    host.linkUp();
    device.run(5);
    device.planPulses(50, 10, SLOT_SECONDS - 40);
    device.run(SLOT_SECONDS);
  }
  device.run(2 * SLOT_SECONDS);
  assert.deepEqual(faultsOf(bed), []);
  const after = heldTogether(aggregators, 2);
  assert.deepEqual(after.slice(0, before.length), before);
  const energy = after.reduce((sum, { energyWh }) => sum + energyWh, 0);
  assert.ok(energy <= 600 + 30 * 50, `${energy} Wh`);
});

test("cells that wear out are passed over: the device counts on, and says that cells have failed", () => {
  const bed = started({ faults: { endurance: 120 }, checkpoint: 16, seed: 4 });
  const { device, host } = bed;
  const pulses = Array.from({ length: 8 }, () => 6_000);
  runSlots(bed, pulses);
  assert.deepEqual(faultsOf(bed), []);
  const held = heldTogether(bed.aggregators, 2);
  assert.ok(device.machine.eeprom.wear > 120);
  assert.deepEqual(held, imports(pulses));
  host.send({ kind: "ask", what: "status" });
  device.run(1);
  assert.ok(host.status !== undefined && (host.status.flags & 32) !== 0, `flags ${host.status?.flags}`);
});

test("what the EEPROM tells from outside is what aggregators hold", () => {
  const bed = started();
  const pulses = [7, 8, 9];
  assert.equal(keptState(new Uint8Array(1_024).fill(0xff)), undefined);
  runSlots(bed, pulses);
  const kept = keptState(bed.device.machine.eeprom.image());
  assert.deepEqual(
    kept?.boundaries.map(({ slot, kind, energyWh, isSettled }) => ({ slot, kind, energyWh, isSettled })),
    [
      { slot: FIRST - 1, kind: 0, energyWh: 0, isSettled: true },
      ...imports(pulses).map((reading) => ({ ...reading, isSettled: true })),
    ],
  );
  assert.equal(kept.pulses, 24);
});
