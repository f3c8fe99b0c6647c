/**
 * Writes one trace of AVR instructions as the body of a JavaScript function: registers and flags become constants, and
 * what is needed of them is stored where the trace is left. The function is given the CPU `c`, its data `d` and the flash
 * bytes `p`, and returns 1 where the instruction at the new program counter has to be interpreted, else 0.
 */

export const FLAGS = { C: 0, Z: 1, N: 2, V: 3, S: 4, H: 5, T: 6 } as const;
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

  constructor(pc: number) {
    this.pc = pc;
  }

  /** The function's body. */
  get text(): string {
    return this.#lines.join("\n");
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

  #interpretIf(condition: string): void {
    this.statement(`if (${condition}) { ${this.#leaving(String(this.pc), this.cycles, 1)} }`);
  }

  /** Leaves for another place if the condition holds. */
  leaveIf(condition: string, pc: number, cycles: number): void {
    this.statement(`if (${condition}) { ${this.#leaving(String(pc & PC_MASK), this.cycles + cycles, 0)} }`);
  }

  /** Ends the trace. */
  leave(pc: string, cycles: number): void {
    this.statement(this.#leaving(`(${pc}) & ${PC_MASK}`, this.cycles + cycles, 0));
  }

  #leaving(pc: string, cycles: number, result: 0 | 1): string {
    const stores = [...this.#dirty].map((number) => `d[${number}] = ${this.#registers[number]!};`);
    let kept = 0xff;
    const parts: string[] = [];
    for (const [bit, value] of this.#flags.entries()) {
      if (value === undefined) continue;
      kept &= ~(1 << bit);
      parts.push(bit === 0 ? `(${value})` : `(${value}) << ${bit}`);
    }
    if (parts.length > 0) stores.push(`d[${SREG}] = d[${SREG}] & ${kept} | ${parts.join(" | ")};`);
    if (this.#stackOffset !== 0) {
      const end = `sp${signed(this.#stackOffset)}`;
      stores.push(`d[${SPL}] = ${end} & 255; d[${SPL + 1}] = ${end} >> 8;`);
    }
    return `${stores.join(" ")} c.pc = ${pc}; c.cycles += ${cycles}; return ${result};`;
  }
}

const signed = (offset: number): string => (offset === 0 ? "" : offset > 0 ? ` + ${offset}` : ` - ${-offset}`);
