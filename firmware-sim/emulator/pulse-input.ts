/**
 * The S0 output of a meter on a device's pin: open collector, low for the length of a pulse. It can bounce, and it can
 * stick at either level. Times are cycles of the machine.
 */
import type { Machine } from "./avr/machine.ts";

/** EN 62053-31: a pulse lasts at least 30 ms, and so does the time between two. */
export const SHORTEST_PULSE_SECONDS = 0.03;

const PIN = { port: "D", bit: 2 } as const;

export interface Bounce {
  /** Closings of the contact besides the one that stays, at each edge. */
  readonly closings: number;
  /** All of them happen within this time. */
  readonly seconds: number;
}

export interface PulseInputOptions {
  readonly machine: Machine;
  readonly random: () => number;
  readonly bounce?: Bounce | undefined;
}

interface Edge {
  readonly at: number;
  readonly level: boolean;
  /** With this one a pulse begins. */
  readonly begins: boolean;
}

export class PulseInput {
  readonly #options: PulseInputOptions;
  readonly #alarm;
  #edges: Edge[] = [];
  #head = 0;
  #stuck: boolean | undefined;
  #level = true;
  /** Pulses that have begun on a line that was not stuck. */
  begun = 0;
  bounce: Bounce | undefined;

  constructor(options: PulseInputOptions) {
    this.#options = options;
    this.bounce = options.bounce;
    this.#alarm = options.machine.addAlarm(() => this.#edge());
    options.machine.setPin(PIN.port, PIN.bit, true);
  }

  /**
   * Plans `pulses` evenly between two cycles, each within its part of the time. Throws RangeError when they do not fit,
   * or when the stretch begins before what is planned already ends.
   */
  plan(pulses: number, from: number, to: number): void {
    if (pulses === 0) return;
    const { cpuHz } = this.#options.machine;
    const shortest = SHORTEST_PULSE_SECONDS * cpuHz;
    const part = (to - from) / pulses;
    if (part < 2 * shortest) {
      const seconds = ((to - from) / cpuHz).toFixed(0);
      const most = Math.floor((to - from) / (2 * shortest));
      throw new RangeError(`pulses: at most ${most} fit into ${seconds} s on an S0 line, got ${pulses}`);
    }
    const last = this.#edges.at(-1);
    if (last !== undefined && last.at > from) throw new RangeError(`from: pulses are planned until ${last.at} already`);
    for (let i = 0; i < pulses; i++) {
      const slack = part - 2 * shortest;
      const begin = from + i * part + this.#options.random() * slack;
      this.#addEdge(begin, false);
      this.#addEdge(begin + shortest, true);
    }
    this.#begin();
  }

  /** Forgets what is planned and lets go of the contact: the meter itself has lost its power. */
  clear(): void {
    this.#edges = [];
    this.#head = 0;
    this.#level = true;
    this.#options.machine.schedule(this.#alarm, Number.POSITIVE_INFINITY);
    this.#options.machine.setPin(PIN.port, PIN.bit, this.#stuck ?? true);
  }

  /** The line stays at a level, whatever the meter does; undefined lets go of it. */
  stick(level: boolean | undefined): void {
    this.#stuck = level;
    this.#options.machine.setPin(PIN.port, PIN.bit, level ?? this.#level);
  }

  #addEdge(at: number, level: boolean): void {
    if (this.bounce !== undefined) {
      const { random, machine } = this.#options;
      const { closings, seconds } = this.bounce;
      const times = Array.from({ length: 2 * closings }, () => at + random() * seconds * machine.cpuHz);
      times.sort((a, b) => a - b);
      // The contact swings between both levels before it stays.
      let swing = level;
      for (const time of [at, ...times]) {
        this.#edges.push({ at: time, level: swing, begins: !level && time === at });
        swing = !swing;
      }
    } else this.#edges.push({ at, level, begins: !level });
  }

  #begin(): void {
    const next = this.#edges[this.#head];
    if (next !== undefined) this.#options.machine.schedule(this.#alarm, next.at);
  }

  #edge(): void {
    const edge = this.#edges[this.#head++]!;
    if (this.#head === this.#edges.length) {
      this.#edges = [];
      this.#head = 0;
    }
    this.#level = edge.level;
    if (this.#stuck === undefined) {
      if (edge.begins) this.begun += 1;
      this.#options.machine.setPin(PIN.port, PIN.bit, edge.level);
    }
    this.#begin();
  }
}
