/** What instructions compute, written into traces: operands, sums, differences, shifts and products with their flags. */
import type { TraceWriter } from "./trace-writer.ts";

/** Where the trace goes on: a program counter, or undefined where it has ended. */
export type Next = number | undefined;

export const highRegister = (opcode: number): number => ((opcode >> 4) & 15) + 16;
export const d5 = (opcode: number): number => (opcode >> 4) & 31;
export const r5 = (opcode: number): number => (opcode & 15) | ((opcode >> 5) & 16);
export const k8 = (opcode: number): string => String((opcode & 15) | ((opcode >> 4) & 0xf0));

/** Whether an instruction has a second word: an address. */
export function isTwoWords(opcode: number): boolean {
  return (opcode & 0xfc0f) === 0x9000 || (opcode & 0xfe0c) === 0x940c;
}

/** Goes on behind an instruction of so many words. */
export function on(w: TraceWriter, cycles = 1, words = 1): Next {
  w.cycles += cycles;
  return w.pc + words;
}

export function sign(w: TraceWriter): void {
  w.setFlag("S", `${w.flag("N")} ^ ${w.flag("V")}`);
}

export function setZeroNegative(w: TraceWriter, result: string): void {
  w.setFlag("Z", `(${result} === 0 ? 1 : 0)`);
  w.setFlag("N", `(${result} >> 7 & 1)`);
}

export function logic(w: TraceWriter, register: number, expression: string): Next {
  const r = w.let(expression);
  w.setRegister(register, r);
  setZeroNegative(w, r);
  w.setFlag("V", "0");
  sign(w);
  return on(w);
}

export function addition(w: TraceWriter, register: number, a: string, b: string, carry: string | undefined): Next {
  const sum = w.let(carry === undefined ? `${a} + ${b}` : `${a} + ${b} + ${carry}`);
  const r = w.let(`${sum} & 255`);
  w.setRegister(register, r);
  setZeroNegative(w, r);
  w.setFlag("C", `(${sum} >> 8)`);
  w.setFlag("V", `((${r} ^ ${b}) & (${a} ^ ${r}) & 128 ? 1 : 0)`);
  w.setFlag("H", `(1 & (${a} & ${b} | ${b} & ~${r} | ~${r} & ${a}))`);
  sign(w);
  return on(w);
}

/** `carry`: of an SBC or CPC, where Z can only fall. `register`: undefined for a comparison. */
export function subtraction(w: TraceWriter, register: number | undefined, a: string, b: string, carry?: string): Next {
  const r = w.let(carry === undefined ? `${a} - ${b}` : `${a} - ${b} - ${carry}`);
  const zero = carry === undefined ? "1" : w.flag("Z");
  if (register !== undefined) w.setRegister(register, w.let(`${r} & 255`));
  w.setFlag("Z", `(${r} === 0 ? ${zero} : 0)`);
  w.setFlag("N", `(${r} >> 7 & 1)`);
  w.setFlag("C", `(${r} < 0 ? 1 : 0)`);
  w.setFlag("V", `((${a} ^ ${b}) & (${a} ^ ${r}) & 128 ? 1 : 0)`);
  w.setFlag("H", `(1 & (~${a} & ${b} | ${b} & ${r} | ${r} & ~${a}))`);
  sign(w);
  return on(w);
}

/** LSR, ASR, ROR: `top` is the bit that comes in. */
export function shift(w: TraceWriter, register: number, top: string | undefined): Next {
  const value = w.register(register);
  const r = w.let(top === undefined ? `${value} >> 1` : `${value} >> 1 | ${top}`);
  w.setRegister(register, r);
  setZeroNegative(w, r);
  w.setFlag("C", `(${value} & 1)`);
  w.setFlag("V", `(${r} >> 7 & 1 ^ ${value} & 1)`);
  w.setFlag("S", `(${value} & 1)`);
  return on(w);
}

export function wide(w: TraceWriter, opcode: number, isSubtraction: boolean): Next {
  const register = 24 + ((opcode >> 3) & 6);
  const k = (opcode & 15) | ((opcode >> 2) & 0x30);
  const a = w.let(w.pair(register));
  const r = w.let(isSubtraction ? `${a} - ${k}` : `${a} + ${k} & 65535`);
  w.setPair(register, r);
  w.setFlag("Z", `(${r} === 0 ? 1 : 0)`);
  w.setFlag("N", `(${r} >> 15 & 1)`);
  if (isSubtraction) {
    w.setFlag("C", `(${r} < 0 ? 1 : 0)`);
    w.setFlag("V", `((${a} & ~${r}) >> 15 & 1)`);
    w.setFlag("H", `(1 & (~${a} & ${k} | ${k} & ${r} | ${r} & ~${a}))`);
  } else {
    w.setFlag("C", `((~${r} & ${a}) >> 15 & 1)`);
    w.setFlag("V", `((~${a} & ${r}) >> 15 & 1)`);
  }
  sign(w);
  return on(w, 2);
}

export function product(w: TraceWriter, a: string, b: string): Next {
  const r = w.let(`${a} * ${b}`);
  w.setPair(0, r);
  w.setFlag("Z", `((${r} & 65535) === 0 ? 1 : 0)`);
  w.setFlag("C", `(${r} >> 15 & 1)`);
  return on(w, 2);
}

export const signedRegister = (w: TraceWriter, register: number): string => `(${w.register(register)} << 24 >> 24)`;
