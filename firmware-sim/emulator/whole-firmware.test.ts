/**
 * The committed binary, run twice on the same inputs: as traces, and instruction by instruction by avr8js's interpreter.
 * Looked at again and again, at cycles that nobody chose, both hold the same in every register, in RAM and in the EEPROM,
 * and have sent the same bytes at the same cycles.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { loadFirmware } from "./firmware.ts";
import { seededRandom, virtualBed } from "./virtual-bed.ts";

const SLOT_SECONDS = 60;
const LOOKS = 60;
const SEED = 31;

interface Seen {
  readonly cycle: number;
  readonly busyCycles: number;
  readonly pc: number | undefined;
  /** SHA-256 of registers, I/O and RAM. */
  readonly data: string;
  readonly eeprom: string;
  /** Of bytes sent so far and their cycles. */
  readonly sent: string;
}

const digest = (...parts: readonly (Uint8Array | string)[]): string => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex").slice(0, 16);
};

/** A life with pulses, noise, chatter, lost messages, power cuts and resets by pin. */
function live(interpretsOnly: boolean): { looks: Seen[]; shares: number; faults: string[] } {
  const random = seededRandom(SEED);
  const losing = seededRandom(SEED + 1);
  const { device, host, aggregators } = virtualBed({
    ...{ program: loadFirmware(), seed: SEED, slotSeconds: SLOT_SECONDS, checkpoint: 16, interpretsOnly },
    faults: {
      noise: { flip: 4e-4, drop: 2e-4, invent: 2e-4 },
      bounce: { closings: 3, seconds: 0.002 },
      driftPpm: 30,
    },
    isLost: () => losing() < 0.1,
  });
  const { machine, line, pulses } = device;
  let sent = "";
  const transmitted = line.transmitted.bind(line);
  line.transmitted = (byte, cyclesPerBit) => {
    sent = digest(sent, `${byte} ${machine.now}`);
    transmitted(byte, cyclesPerBit);
  };
  const looks: Seen[] = [];
  host.linkUp();
  for (let look = 0; look < LOOKS; look++) {
    const seconds = (SLOT_SECONDS / 2) * random();
    pulses.clear();
    device.planPulses(Math.floor(10 * random() * seconds), 0, seconds);
    device.run(seconds);
    const state = machine.cpuState;
    looks.push({
      ...{ cycle: machine.now, busyCycles: machine.busyCycles, pc: state?.pc, sent },
      data: digest(state?.data ?? ""),
      eeprom: digest(machine.eeprom.image()),
    });
    const chance = random();
    if (chance < 0.06) {
      machine.powerDown();
      device.run(random());
      machine.powerUp();
    } else if (chance < 0.1) machine.reset("external");
    host.linkUp();
  }
  return { looks, shares: host.shares, faults: aggregators.flatMap(({ faults }) => faults) };
}

test("translated and interpreted, the whole firmware is in the same state whenever one looks", () => {
  const [translated, interpreted] = [live(false), live(true)];
  for (const [look, seen] of interpreted.looks.entries())
    assert.deepEqual(translated.looks[look], seen, `look ${look}`);
  assert.deepEqual([translated.shares, translated.faults], [interpreted.shares, []]);
  assert.ok(interpreted.shares > 3 * 8, `${interpreted.shares} shares`);
  const { eeprom, sent } = interpreted.looks[0]!;
  assert.ok(eeprom !== interpreted.looks.at(-1)!.eeprom && sent !== interpreted.looks.at(-1)!.sent);
});
