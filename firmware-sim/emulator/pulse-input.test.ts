import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Eeprom } from "./avr/eeprom.ts";
import { CPU_HZ, Machine } from "./avr/machine.ts";
import { type Bounce, PulseInput, SHORTEST_PULSE_SECONDS } from "./pulse-input.ts";
import { seededRandom } from "./virtual-bed.ts";

/** A machine without power: only its surroundings live. Levels with the seconds at which they came. */
function line(seed: number, bounce?: Bounce) {
  const random = seededRandom(seed);
  const machine = new Machine({ program: new Uint16Array(16_384), eeprom: new Eeprom({ random }), random });
  const edges: { level: boolean; at: number }[] = [];
  const setPin = machine.setPin.bind(machine);
  machine.setPin = (port, bit, level) => {
    edges.push({ level, at: machine.now / CPU_HZ });
    setPin(port, bit, level);
  };
  const pulses = new PulseInput({ machine, random, bounce });
  edges.length = 0;
  return { machine, pulses, edges };
}

test("pulses keep their lengths and their part of the time", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 0, max: 1_000 }), (count, seed) => {
      const { machine, pulses, edges } = line(seed);
      pulses.plan(count, 0, 20 * CPU_HZ);
      machine.run(20 * CPU_HZ);
      assert.equal(pulses.begun, count);
      assert.deepEqual(
        edges.map(({ level }) => level),
        Array.from({ length: 2 * count }, (_, i) => i % 2 === 1),
      );
      for (let i = 1; i < edges.length; i++) {
        assert.ok(edges[i]!.at - edges[i - 1]!.at > SHORTEST_PULSE_SECONDS - 1e-6, `edge ${i}`);
      }
    }),
    { numRuns: 40 },
  );
});

test("a contact that bounces swings, and ends at the level that it began to take", () => {
  const { machine, pulses, edges } = line(1, { closings: 3, seconds: 0.002 });
  pulses.plan(2, 0, CPU_HZ);
  machine.run(CPU_HZ);
  assert.equal(pulses.begun, 2);
  assert.equal(edges.length, 4 * 7);
  assert.deepEqual(
    [6, 13, 20, 27].map((i) => edges[i]!.level),
    [false, true, false, true],
  );
});

test("a line that is stuck shows one level, and what is planned goes on behind it", () => {
  const { machine, pulses, edges } = line(1);
  pulses.plan(10, 0, 10 * CPU_HZ);
  machine.run(3 * CPU_HZ);
  pulses.stick(false);
  machine.run(6 * CPU_HZ);
  pulses.stick(undefined);
  machine.run(10 * CPU_HZ);
  assert.equal(pulses.begun, 7);
  assert.equal(edges.filter(({ at }) => at > 3 && at < 6).length, 0);
});

test("more pulses than the line can carry are refused with the number that it can", () => {
  const { pulses } = line(1);
  assert.throws(() => pulses.plan(17, 0, CPU_HZ), /pulses: at most 16 fit into 1 s on an S0 line, got 17/);
  pulses.plan(16, 0, CPU_HZ);
  assert.throws(() => pulses.plan(1, CPU_HZ / 2, CPU_HZ), /from: pulses are planned until/);
});
