/**
 * The traces of one program, made when a place in it has been passed often enough. All chips that run a program share
 * them. A trace is run whole: whoever calls it makes sure that nothing is due before its last instruction begins.
 */
import { compileFunction } from "node:vm";
import type { CPU } from "avr8js";
import type { Outcome } from "./trace-writer.ts";
import { translate } from "./translate.ts";

export interface CompiledTrace {
  /** Runs at least once, and again before cycle `last` where it ends at its beginning. */
  readonly run: (cpu: CPU, data: Uint8Array, flash: Uint8Array, last: number) => Outcome;
  /** Cycles after which its last instruction begins, at most. */
  readonly lead: number;
}

/** Passes of a place that is interpreted before it is worth a trace. */
const WORTH_PASSES = 500;

const NOTHING = 65535;

export class ProgramTraces {
  static readonly #known = new WeakMap<Uint16Array, ProgramTraces>();
  /** By program counter. */
  readonly compiled: (CompiledTrace | undefined)[];
  readonly #flash: Uint16Array;
  readonly #passes: Uint16Array;

  private constructor(flash: Uint16Array) {
    this.#flash = flash;
    this.compiled = Array.from({ length: flash.length }, () => undefined);
    this.#passes = new Uint16Array(flash.length);
  }

  static of(flash: Uint16Array): ProgramTraces {
    const known = ProgramTraces.#known.get(flash) ?? new ProgramTraces(flash);
    ProgramTraces.#known.set(flash, known);
    return known;
  }

  /** Takes note that the interpreter was at a place. */
  pass(pc: number): void {
    const passes = this.#passes[pc]!;
    if (passes === NOTHING) return;
    this.#passes[pc] = passes + 1;
    if (passes + 1 < WORTH_PASSES) return;
    this.#passes[pc] = NOTHING;
    this.compiled[pc] = compileTrace(this.#flash, pc);
  }
}

/** The trace of a place; undefined where its first instruction has to be interpreted. */
export function compileTrace(flash: Uint16Array, pc: number): CompiledTrace | undefined {
  const { body, lead } = translate(flash, pc);
  if (body === undefined) return undefined;
  return { run: compileFunction(body, ["c", "d", "p", "last"]) as CompiledTrace["run"], lead };
}
