/**
 * Writes one trace of AVR instructions as the body of a JavaScript function: registers and flags become constants, and
 * what is needed of them is stored where the trace is left. The function is given the CPU `c`, its data `d`, the flash
 * bytes `p`, and the cycle `last` before which it may begin anew where it ends at its beginning.
 */

/** What a trace returns. */
export const OUTCOMES = {
  /** Go on at the new program counter. */
  done: 0,
  /** The instruction at the new program counter has to be interpreted. */
  interpret: 1,
  /** Interrupts may have become pending, or been enabled. */
  look: 2,
} as const;
export type Outcome = (typeof OUTCOMES)[keyof typeof OUTCOMES];

export const FLAGS = { C: 0, Z: 1, N: 2, V: 3, S: 4, H: 5, T: 6, I: 7 } as const;
export type Flag = keyof typeof FLAGS;

/** A program counter wraps at the end of flash. */
export const PC_MASK = 0x3fff;
/** RAM without the registers below and with nothing behind. */
const RAM_FIRST = 0x100;
const RAM_LAST = 0x8ff;
const SPL = 93;
const SREG = 95;
/** The stack may grow by this much inside of a trace. */
const STACK_ROOM = 0x100;

export class TraceWriter {
  readonly #lines: string[] = [];
  readonly #registers: (string | undefined)[] = [];
  readonly #dirty = new Set<number>();
  readonly #flags: (string | undefined)[] = [];
  #names = 0;
  #usesStack = false;
  /** Bytes popped, less those pushed. */
  #stackOffset = 0;
  /** Cycles of what is written. */
  cycles = 0;
  /** Cycles before the instruction that is being written. */
  instructionAt = 0;
  /** Where it stands. */
  pc: number;

  readonly #entry: number;
  #isLoop = false;

  constructor(pc: number) {
    this.pc = pc;
    this.#entry = pc;
  }

  /** The function's body. */
  get text(): string {
    const text = this.#lines.join("\n");
    return this.#isLoop ? `for (;;) {\n${text}\n}` : text;
  }

  /** A constant with this value. */
  let(expression: string): string {
    const name = `t${this.#names++}`;
    this.#lines.push(`const ${name} = ${expression};`);
    return name;
  }

  statement(text: string): void {
    this.#lines.push(text);
  }

  register(number: number): string {
    return (this.#registers[number] ??= this.let(`d[${number}]`));
  }

  setRegister(number: number, value: string): void {
    this.#registers[number] = value;
    this.#dirty.add(number);
  }

  /** Two registers, low one first. */
  pair(number: number): string {
    return `(${this.register(number)} | ${this.register(number + 1)} << 8)`;
  }

  setPair(number: number, value: string): void {
    const both = this.let(value);
    this.setRegister(number, this.let(`${both} & 255`));
    this.setRegister(number + 1, this.let(`${both} >> 8 & 255`));
  }

  /** 0 or 1. */
  flag(flag: Flag): string {
    const bit = FLAGS[flag];
    return (this.#flags[bit] ??= this.let(`d[${SREG}] >> ${bit} & 1`));
  }

  setFlag(flag: Flag, value: string): void {
    this.#flags[FLAGS[flag]] = value;
  }

  /** An address in RAM; the trace is left where it is anything else. */
  address(expression: string): string {
    const address = this.let(expression);
    this.#interpretIf(`${address} < ${RAM_FIRST} || ${address} > ${RAM_LAST}`);
    return address;
  }

  push(value: string): void {
    this.#stack();
    this.statement(`d[sp${signed(this.#stackOffset)}] = ${value};`);
    this.#stackOffset -= 1;
  }

  pop(): string {
    this.#stack();
    this.#interpretIf(`sp${signed(this.#stackOffset + 1)} > ${RAM_LAST}`);
    this.#stackOffset += 1;
    return this.let(`d[sp${signed(this.#stackOffset)}]`);
  }

  #stack(): void {
    if (this.#usesStack) return;
    this.#usesStack = true;
    this.statement(`const sp = d[${SPL}] | d[${SPL + 1}] << 8;`);
    this.#interpretIf(`sp < ${RAM_FIRST + STACK_ROOM} || sp > ${RAM_LAST}`);
  }

  /** The stack pointer. */
  stackPointer(): string {
    return this.#usesStack ? this.let(`sp${signed(this.#stackOffset)}`) : this.let(`d[${SPL}] | d[${SPL + 1}] << 8`);
  }

  /** The status register, whole. */
  status(): string {
    return this.let(this.#status());
  }

  #interpretIf(condition: string): void {
    this.statement(
      `if (${condition}) { ${this.#stores()} ${ending(String(this.pc), this.cycles, OUTCOMES.interpret)} }`,
    );
  }

  /** Leaves for another place if the condition holds; where that is the beginning, it goes round as long as it may. */
  leaveIf(condition: string, pc: number, cycles: number): void {
    this.statement(`if (${condition}) { ${this.#goingTo(pc & PC_MASK, this.cycles + cycles)} }`);
  }

  /** Ends the trace at a place that is known. */
  leaveFor(pc: number, cycles: number): void {
    this.statement(this.#goingTo(pc & PC_MASK, this.cycles + cycles));
  }

  /** Ends the trace at a place that is computed. */
  leave(pc: string, cycles: number, outcome: Outcome = OUTCOMES.done): void {
    this.statement(`${this.#stores()} ${ending(`(${pc}) & ${PC_MASK}`, this.cycles + cycles, outcome)}`);
  }

  /**
   * Ends the trace with an access to I/O, for which the CPU must be as it would be: its cycles are those before the
   * instruction and `early` more. `access` may use `c`; the rest of its cycles follow.
   */
  leaveWith(access: string, pc: string, early: number, late: string): void {
    const before = `${this.#stores()} c.cycles += ${this.cycles + early};`;
    this.statement(`${before} ${access} c.pc = (${pc}) & ${PC_MASK}; c.cycles += ${late}; return ${OUTCOMES.look};`);
  }

  #goingTo(pc: number, cycles: number): string {
    const stores = this.#stores();
    if (pc !== this.#entry) return `${stores} ${ending(String(pc), cycles, OUTCOMES.done)}`;
    this.#isLoop = true;
    return `${stores} c.cycles += ${cycles}; if (c.cycles < last) continue; c.pc = ${pc}; return ${OUTCOMES.done};`;
  }

  #stores(): string {
    const stores = [...this.#dirty].map((number) => `d[${number}] = ${this.#registers[number]!};`);
    if (this.#flags.some((flag) => flag !== undefined)) stores.push(`d[${SREG}] = ${this.#status()};`);
    if (this.#stackOffset !== 0) {
      const end = `sp${signed(this.#stackOffset)}`;
      stores.push(`d[${SPL}] = ${end} & 255; d[${SPL + 1}] = ${end} >> 8;`);
    }
    return stores.join(" ");
  }

  #status(): string {
    let kept = 0xff;
    const parts: string[] = [];
    for (const [bit, value] of this.#flags.entries()) {
      if (value === undefined) continue;
      kept &= ~(1 << bit);
      parts.push(bit === 0 ? `(${value})` : `(${value}) << ${bit}`);
    }
    return [`d[${SREG}] & ${kept}`, ...parts].join(" | ");
  }
}

const ending = (pc: string, cycles: number, outcome: Outcome): string =>
  `c.pc = ${pc}; c.cycles += ${cycles}; return ${outcome};`;

const signed = (offset: number): string => (offset === 0 ? "" : offset > 0 ? ` + ${offset}` : ` - ${-offset}`);
