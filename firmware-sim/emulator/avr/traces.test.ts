import assert from "node:assert/strict";
import { test } from "node:test";
import { avrInstruction, CPU } from "avr8js";
import { PURPOSES, RandomStream } from "../../loads/random.ts";
import { compileTrace } from "./traces.ts";

const WORDS = 16_384;
/** Where trials begin: relative jumps reach flash in both directions. */
const ORIGIN = 8_000;
/** SLEEP is not part of any trace. */
const END = 0x9588;
const SREG = 95;

const random = new RandomStream().enter([3, 0], [0, 0], 0, PURPOSES.device);

/** Any registers, RAM and flags without I; pointers mostly in RAM. */
function randomCpu(flash: Uint16Array): CPU {
  const cpu = new CPU(flash, 2_048);
  for (let i = 0; i < 32; i++) cpu.data[i] = random.next();
  for (let i = 0x100; i < cpu.data.length; i++) cpu.data[i] = random.next();
  for (const pointer of [26, 28, 30]) {
    if (random.uniform() < 0.9) cpu.dataView.setUint16(pointer, 0x100 + (random.next() % 0x7c0), true);
  }
  cpu.SP = 0x240 + (random.next() % 0x6b0);
  cpu.data[SREG] = random.next() & 0x7f;
  cpu.pc = ORIGIN;
  cpu.cycles = 100;
  return cpu;
}

function copyOf(cpu: CPU): CPU {
  const copy = new CPU(cpu.progMem, 2_048);
  copy.data.set(cpu.data);
  copy.pc = cpu.pc;
  copy.cycles = cpu.cycles;
  return copy;
}

/**
 * Runs the trace on one CPU and the interpreter on its copy, to the same cycle. Returns how many instructions that was.
 * `last`: before this cycle a trace that has come to its beginning goes round again.
 */
function compare(flash: Uint16Array, what: string, last = 0): number {
  const trace = compileTrace(flash, ORIGIN);
  if (trace === undefined) return 0;
  const translated = randomCpu(flash);
  const interpreted = copyOf(translated);
  trace.run(translated, translated.data, translated.progBytes, last);
  let steps = 0;
  while (interpreted.cycles < translated.cycles) {
    avrInstruction(interpreted);
    steps += 1;
  }
  const state = ({ pc, cycles, data }: CPU) => ({ pc, cycles, data: Buffer.from(data).toString("hex") });
  assert.deepEqual(state(translated), state(interpreted), what);
  return steps;
}

test("every instruction does what the interpreter does, or is left to it", () => {
  const flash = new Uint16Array(WORDS).fill(END);
  let translated = 0;
  for (let opcode = 0; opcode < 0x1_0000; opcode++) {
    flash[ORIGIN] = opcode;
    // An address or a program counter for those that have one, else the end.
    const hasAddress = (opcode & 0xfc0f) === 0x9000 || (opcode & 0xfe0c) === 0x940c;
    flash[ORIGIN + 1] = hasAddress ? 0x100 + (random.next() % 0x800) : END;
    if (compare(flash, `opcode ${opcode.toString(16)}`) > 0) translated += 1;
  }
  assert.ok(translated > 50_000, `${translated} of 65536 are translated`);
});

test("random programs end in the same state at the same cycle", () => {
  let steps = 0;
  for (let program = 0; program < 3_000; program++) {
    const flash = new Uint16Array(WORDS).fill(END);
    for (let i = -64; i < 128; i++) flash[ORIGIN + i] = random.next();
    for (let trial = 0; trial < 3; trial++) steps += compare(flash, `program ${program}`, 100 * trial);
  }
  assert.ok(steps > 10_000, `${steps} instructions`);
});

test("a trace begins its last instruction after `lead` cycles at most", () => {
  for (let program = 0; program < 1_000; program++) {
    const flash = new Uint16Array(WORDS).fill(END);
    for (let i = 0; i < 64; i++) flash[ORIGIN + i] = random.next();
    const trace = compileTrace(flash, ORIGIN);
    if (trace === undefined) continue;
    const cpu = randomCpu(flash);
    const interpreted = copyOf(cpu);
    trace.run(cpu, cpu.data, cpu.progBytes, 0);
    let last = interpreted.cycles;
    while (interpreted.cycles < cpu.cycles) {
      last = interpreted.cycles;
      avrInstruction(interpreted);
    }
    assert.ok(last - 100 <= trace.lead, `program ${program}: ${last - 100} cycles, expected at most ${trace.lead}`);
  }
});
