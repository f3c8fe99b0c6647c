/**
 * Translates AVR instructions into traces (`trace-writer.ts`), with the results and cycles of avr8js's interpreter. What
 * touches I/O registers or enables interrupts ends a trace, and sleep is not part of any: in between nobody can look.
 */
import {
  type Next,
  highRegister,
  isTwoWords,
  d5,
  r5,
  k8,
  on,
  sign,
  setZeroNegative,
  logic,
  addition,
  subtraction,
  shift,
  wide,
  product,
  signedRegister,
} from "./operations.ts";
import { changeBit, read, skipOnPort, write } from "./register-access.ts";
import { type Flag, PC_MASK, TraceWriter } from "./trace-writer.ts";

/** One trace as a function of the CPU, its data and the bytes of flash. */
export interface Trace {
  /** Body of the function, or undefined where the first instruction has to be interpreted. */
  readonly body: string | undefined;
  /** Cycles after which the last instruction of it begins, at most. */
  readonly lead: number;
}

const MOST_INSTRUCTIONS = 80;
const MOST_CYCLES = 250;
const STATUS_FLAGS: readonly Flag[] = ["C", "Z", "N", "V", "S", "H", "T", "I"];

/** Writes one instruction; `false` where it has to be interpreted. */
type Write = (w: TraceWriter, opcode: number, flash: Uint16Array) => Next | false;

/** Follows the program from a place for as long as it can be foreseen. */
export function translate(flash: Uint16Array, from: number): Trace {
  const w = new TraceWriter(from);
  let lead = 0;
  let written = 0;
  for (let next: Next = from; next !== undefined; ) {
    w.pc = next & PC_MASK;
    if (written > 0 && w.pc === from) {
      w.leaveFor(from, 0);
      break;
    }
    const going: Next | false = written < MOST_INSTRUCTIONS && w.cycles < MOST_CYCLES ? writeOne(w, flash) : false;
    if (going === false) {
      w.leaveFor(w.pc, 0);
      break;
    }
    lead = w.instructionAt;
    written += 1;
    next = going;
  }
  return { body: written === 0 ? undefined : w.text, lead };
}

function writeOne(w: TraceWriter, flash: Uint16Array): Next | false {
  const opcode = flash[w.pc]!;
  w.instructionAt = w.cycles;
  for (const [mask, value, write] of INSTRUCTIONS) if ((opcode & mask) === value) return write(w, opcode, flash);
  return false;
}

type Step = "none" | "after" | "before";

/** LD and ST by a pointer, with the pointer moved or with a displacement. */
function byPointer(w: TraceWriter, opcode: number, pointer: number, step: Step, displacement = 0): Next {
  const isStore = (opcode & 0x200) !== 0;
  const start = step === "before" ? `${w.pair(pointer)} - 1 & 65535` : `${w.pair(pointer)} + ${displacement}`;
  const address = w.address(start);
  const register = d5(opcode);
  const value = isStore ? w.register(register) : w.let(`d[${address}]`);
  if (isStore) w.statement(`d[${address}] = ${value};`);
  if (step === "before") w.setPair(pointer, address);
  if (!isStore) w.setRegister(register, value);
  if (step === "after") w.setPair(pointer, `${address} + 1`);
  return on(w, 2);
}

function withDisplacement(w: TraceWriter, opcode: number): Next {
  const displacement = (opcode & 7) | ((opcode >> 7) & 0x18) | ((opcode >> 8) & 0x20);
  return byPointer(w, opcode, (opcode & 8) === 0 ? 30 : 28, "none", displacement);
}

function direct(w: TraceWriter, opcode: number, flash: Uint16Array): Next | false {
  const at = flash[w.pc + 1]!;
  if (at > 0x8ff || at < 0x20) return false;
  if (at < 0x100) return (opcode & 0x200) === 0 ? read(w, d5(opcode), at, 2) : write(w, at, w.register(d5(opcode)), 2);
  if ((opcode & 0x200) !== 0) w.statement(`d[${at}] = ${w.register(d5(opcode))};`);
  else w.setRegister(d5(opcode), w.let(`d[${at}]`));
  return on(w, 2, 2);
}

function loadProgram(w: TraceWriter, register: number, isMoving: boolean): Next {
  const z = w.let(w.pair(30));
  // Behind the flash there is nothing.
  const value = w.let(`p[${z}] | 0`);
  w.setRegister(register, value);
  if (isMoving) w.setPair(30, `${z} + 1`);
  return on(w, 3);
}

/** A jump is followed. */
function jump(w: TraceWriter, target: number, cycles: number): Next {
  w.cycles += cycles;
  return target;
}

function call(w: TraceWriter, target: number, returnTo: number, cycles: number): Next {
  w.push(String(returnTo & 255));
  w.push(String(returnTo >> 8));
  return jump(w, target, cycles);
}

const relative = (w: TraceWriter, opcode: number): number => w.pc + 1 + (((opcode & 0xfff) << 20) >> 20);

/** RET; after RETI one more instruction runs before the next interrupt. */
function returning(w: TraceWriter, isInterrupt: boolean): Next {
  const high = w.pop();
  const pc = `(${high} << 8) + ${w.pop()}`;
  if (isInterrupt) w.setFlag("I", "1");
  w.leave(pc, 4);
  return undefined;
}

function branch(w: TraceWriter, opcode: number): Next {
  const flag = STATUS_FLAGS[opcode & 7]!;
  const target = w.pc + 1 + (((opcode & 0x3f8) << 22) >> 25);
  const isSet = (opcode & 0x400) === 0;
  w.leaveIf(isSet ? `(${w.flag(flag)}) !== 0` : `(${w.flag(flag)}) === 0`, target, 2);
  return on(w);
}

function skip(w: TraceWriter, condition: string, flash: Uint16Array): Next {
  const words = isTwoWords(flash[w.pc + 1] ?? 0) ? 2 : 1;
  w.leaveIf(condition, w.pc + 1 + words, 1 + words);
  return on(w);
}

function skipOnBit(w: TraceWriter, opcode: number, flash: Uint16Array): Next {
  const bit = `${w.register(d5(opcode))} & ${1 << (opcode & 7)}`;
  return skip(w, `(${bit}) ${(opcode & 0x200) === 0 ? "===" : "!=="} 0`, flash);
}

function setRegister(w: TraceWriter, register: number, expression: string): Next {
  w.setRegister(register, w.let(expression));
  return on(w);
}

function setStatus(w: TraceWriter, opcode: number): Next {
  const flag = STATUS_FLAGS[(opcode >> 4) & 7]!;
  const isSet = (opcode & 0x80) === 0;
  w.setFlag(flag, isSet ? "1" : "0");
  if (flag !== "I" || !isSet) return on(w);
  // After SEI one more instruction runs before an interrupt does.
  w.leaveFor(w.pc + 1, 1);
  return undefined;
}

function count(w: TraceWriter, register: number, by: 1 | -1): Next {
  const value = w.register(register);
  const r = w.let(`${value} + ${by} & 255`);
  w.setRegister(register, r);
  setZeroNegative(w, r);
  w.setFlag("V", `(${value} === ${by === 1 ? 127 : 128} ? 1 : 0)`);
  sign(w);
  return on(w);
}

/** Mask, value under it, what is written. Order matters where masks overlap. */
const INSTRUCTIONS: readonly (readonly [number, number, Write])[] = [
  [0xffff, 0x0000, (w) => on(w)],
  [0xfc00, 0x0c00, (w, o) => addition(w, d5(o), w.register(d5(o)), w.register(r5(o)), undefined)],
  [0xfc00, 0x1c00, (w, o) => addition(w, d5(o), w.register(d5(o)), w.register(r5(o)), w.flag("C"))],
  [0xfc00, 0x1800, (w, o) => subtraction(w, d5(o), w.register(d5(o)), w.register(r5(o)))],
  [0xfc00, 0x0800, (w, o) => subtraction(w, d5(o), w.register(d5(o)), w.register(r5(o)), w.flag("C"))],
  [0xfc00, 0x1400, (w, o) => subtraction(w, undefined, w.register(d5(o)), w.register(r5(o)))],
  [0xfc00, 0x0400, (w, o) => subtraction(w, undefined, w.register(d5(o)), w.register(r5(o)), w.flag("C"))],
  [0xf000, 0x3000, (w, o) => subtraction(w, undefined, w.register(highRegister(o)), k8(o))],
  [0xf000, 0x5000, (w, o) => subtraction(w, highRegister(o), w.register(highRegister(o)), k8(o))],
  [0xf000, 0x4000, (w, o) => subtraction(w, highRegister(o), w.register(highRegister(o)), k8(o), w.flag("C"))],
  [0xfc00, 0x2000, (w, o) => logic(w, d5(o), `${w.register(d5(o))} & ${w.register(r5(o))}`)],
  [0xfc00, 0x2800, (w, o) => logic(w, d5(o), `${w.register(d5(o))} | ${w.register(r5(o))}`)],
  [0xfc00, 0x2400, (w, o) => logic(w, d5(o), `${w.register(d5(o))} ^ ${w.register(r5(o))}`)],
  [0xf000, 0x7000, (w, o) => logic(w, highRegister(o), `${w.register(highRegister(o))} & ${k8(o)}`)],
  [0xf000, 0x6000, (w, o) => logic(w, highRegister(o), `${w.register(highRegister(o))} | ${k8(o)}`)],
  [0xf000, 0xe000, (w, o) => setRegister(w, highRegister(o), k8(o))],
  [0xfc00, 0x2c00, (w, o) => setRegister(w, d5(o), w.register(r5(o)))],
  [
    0xff00,
    0x0100,
    (w, o) => {
      const [low, high] = [w.register(2 * (o & 15)), w.register(2 * (o & 15) + 1)];
      w.setRegister(2 * ((o >> 4) & 15), low);
      w.setRegister(2 * ((o >> 4) & 15) + 1, high);
      return on(w);
    },
  ],
  [0xfc00, 0x9c00, (w, o) => product(w, w.register(d5(o)), w.register(r5(o)))],
  [0xff00, 0x0200, (w, o) => product(w, signedRegister(w, highRegister(o)), signedRegister(w, (o & 15) + 16))],
  [0xff88, 0x0300, (w, o) => product(w, signedRegister(w, ((o >> 4) & 7) + 16), w.register((o & 7) + 16))],
  [0xff00, 0x9600, (w, o) => wide(w, o, false)],
  [0xff00, 0x9700, (w, o) => wide(w, o, true)],
  [
    0xfe0f,
    0x9400,
    (w, o) => {
      const next = logic(w, d5(o), `255 - ${w.register(d5(o))}`);
      w.setFlag("C", "1");
      return next;
    },
  ],
  [0xfe0f, 0x9402, (w, o) => setRegister(w, d5(o), `(${w.register(d5(o))} & 15) << 4 | ${w.register(d5(o))} >> 4`)],
  [0xfe0f, 0x9403, (w, o) => count(w, d5(o), 1)],
  [0xfe0f, 0x940a, (w, o) => count(w, d5(o), -1)],
  [0xfe0f, 0x9405, (w, o) => shift(w, d5(o), `${w.register(d5(o))} & 128`)],
  [0xfe0f, 0x9406, (w, o) => shift(w, d5(o), undefined)],
  [0xfe0f, 0x9407, (w, o) => shift(w, d5(o), `${w.flag("C")} << 7`)],
  [0xff0f, 0x9408, setStatus],
  [
    0xfe08,
    0xfa00,
    (w, o) => {
      w.setFlag("T", w.let(`${w.register(d5(o))} >> ${o & 7} & 1`));
      return on(w);
    },
  ],
  [
    0xfe08,
    0xf800,
    (w, o) => setRegister(w, d5(o), `${w.register(d5(o))} & ${255 & ~(1 << (o & 7))} | (${w.flag("T")}) << ${o & 7}`),
  ],
  [0xf800, 0xf000, branch],
  [0xf800, 0xf400, branch],
  [0xfe08, 0xfc00, skipOnBit],
  [0xfe08, 0xfe00, skipOnBit],
  [0xfc00, 0x1000, (w, o, flash) => skip(w, `${w.register(d5(o))} === ${w.register(r5(o))}`, flash)],
  [0xf000, 0xc000, (w, o) => jump(w, relative(w, o), 2)],
  [0xf000, 0xd000, (w, o) => call(w, relative(w, o), w.pc + 1, 3)],
  [0xffff, 0x940c, (w, _o, flash) => jump(w, flash[w.pc + 1]!, 3)],
  [0xffff, 0x940e, (w, _o, flash) => call(w, flash[w.pc + 1]!, w.pc + 2, 4)],
  [0xffff, 0x9508, (w) => returning(w, false)],
  [0xffff, 0x9518, (w) => returning(w, true)],
  [0xf800, 0xb000, (w, o) => read(w, d5(o), 32 + ((o & 15) | ((o >> 5) & 0x30)), 1)],
  [0xf800, 0xb800, (w, o) => write(w, 32 + ((o & 15) | ((o >> 5) & 0x30)), w.register(d5(o)), 1)],
  [0xfd00, 0x9800, changeBit],
  [0xfd00, 0x9900, skipOnPort],
  [
    0xffff,
    0x95a8,
    (w) => {
      w.leaveWith("c.onWatchdogReset();", String(w.pc + 1), 0, "1");
      return undefined;
    },
  ],
  [
    0xffff,
    0x9409,
    (w) => {
      w.leave(w.pair(30), 2);
      return undefined;
    },
  ],
  [
    0xfe0f,
    0x920f,
    (w, o) => {
      w.push(w.register(d5(o)));
      return on(w, 2);
    },
  ],
  [
    0xfe0f,
    0x900f,
    (w, o) => {
      w.setRegister(d5(o), w.pop());
      return on(w, 2);
    },
  ],
  [0xfc0f, 0x9000, direct],
  [0xfc0f, 0x9001, (w, o) => byPointer(w, o, 30, "after")],
  [0xfc0f, 0x9002, (w, o) => byPointer(w, o, 30, "before")],
  [0xfc0f, 0x9009, (w, o) => byPointer(w, o, 28, "after")],
  [0xfc0f, 0x900a, (w, o) => byPointer(w, o, 28, "before")],
  [0xfc0f, 0x900c, (w, o) => byPointer(w, o, 26, "none")],
  [0xfc0f, 0x900d, (w, o) => byPointer(w, o, 26, "after")],
  [0xfc0f, 0x900e, (w, o) => byPointer(w, o, 26, "before")],
  [0xd000, 0x8000, withDisplacement],
  [0xffff, 0x95c8, (w) => loadProgram(w, 0, false)],
  [0xfe0f, 0x9004, (w, o) => loadProgram(w, d5(o), false)],
  [0xfe0f, 0x9005, (w, o) => loadProgram(w, d5(o), true)],
];
