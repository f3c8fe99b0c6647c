/** Access to I/O registers, written into traces: what has a hook ends a trace, for then others look at the CPU. */
import { isTwoWords, type Next, on } from "./operations.ts";
import type { TraceWriter } from "./trace-writer.ts";

const SPL = 0x5d;
const SPH = 0x5e;
const SREG = 0x5f;
/** Registers without a hook: the three for general purposes. */
const PLAIN = new Set([0x3e, 0x4a, 0x4b]);

/** IN and LDS: of so many cycles, which are also its words. */
export function read(w: TraceWriter, register: number, at: number, cycles: 1 | 2): Next {
  if (at === SPL) w.setRegister(register, w.let(`${w.stackPointer()} & 255`));
  else if (at === SPH) w.setRegister(register, w.let(`${w.stackPointer()} >> 8`));
  else if (at === SREG) w.setRegister(register, w.status());
  else if (PLAIN.has(at)) w.setRegister(register, w.let(`d[${at}]`));
  else {
    w.leaveWith(`d[${register}] = c.readData(${at});`, String(w.pc + cycles), cycles - 1, "1");
    return undefined;
  }
  return on(w, cycles, cycles);
}

/** OUT and STS. */
export function write(w: TraceWriter, at: number, value: string, cycles: 1 | 2): Next | false {
  if (PLAIN.has(at)) {
    w.statement(`d[${at}] = ${value};`);
    return on(w, cycles, cycles);
  }
  // A stack that is moved is another stack.
  if (at === SPL || at === SPH) return false;
  w.leaveWith(`c.writeData(${at}, ${value});`, String(w.pc + cycles), 0, String(cycles));
  return undefined;
}

const lowRegister = (opcode: number): number => ((opcode >> 3) & 31) + 32;

/** SBI and CBI. */
export function changeBit(w: TraceWriter, opcode: number): Next {
  const at = lowRegister(opcode);
  const mask = 1 << (opcode & 7);
  const isSet = (opcode & 0x200) !== 0;
  const value = isSet ? `c.readData(${at}) | ${mask}` : `c.readData(${at}) & ${~mask}`;
  w.leaveWith(`c.writeData(${at}, ${value}, ${mask});`, String(w.pc + 1), 0, isSet ? "2" : "1");
  return undefined;
}

/** SBIC and SBIS. */
export function skipOnPort(w: TraceWriter, opcode: number, flash: Uint16Array): Next {
  const words = isTwoWords(flash[w.pc + 1] ?? 0) ? 2 : 1;
  const bit = `c.readData(${lowRegister(opcode)}) & ${1 << (opcode & 7)}`;
  const skipped = `const skipped = (${bit}) ${(opcode & 0x200) === 0 ? "===" : "!=="} 0 ? ${words} : 0;`;
  w.leaveWith(skipped, `${w.pc + 1} + skipped`, 0, "1 + skipped");
  return undefined;
}
