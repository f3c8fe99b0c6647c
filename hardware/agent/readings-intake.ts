/**
 * Where readings enter the meter: intervals or register samples in, durable runs out. A slot is taken once for each
 * kind, whatever is handed in again after a restart.
 */
import { type BitsByKind, bitsOfKind } from "../../protocol/range/bit-entries.ts";
import { assertSlot } from "../../protocol/slots.ts";
import { isLoadKind, KINDS, type Kind, kindName } from "../../protocol/units.ts";
import type { Batch } from "./batches.ts";
import type { Gap, Outbox } from "./outbox.ts";
import { sharedKind } from "./shared-kind.ts";
import { differenceSample, type RegisterRules, type RegisterSample, type RegisterState } from "./register.ts";

export interface ReadingsIntakeOptions {
  readonly meter: string;
  readonly number: number;
  readonly outbox: Outbox;
  readonly rules: RegisterRules;
  readonly role: "customer" | "head" | undefined;
  readonly bits: BitsByKind;
  readonly registerState: RegisterState;
  /** Takes each run once it is committed. */
  readonly durable: (run: Batch) => void;
  readonly gap: (gap: Gap) => void;
}

export class ReadingsIntake {
  readonly #options: ReadingsIntakeOptions;
  readonly #nextSlot = new Map<Kind, number>();
  readonly #durableSlot = new Map<Kind, number>();
  #registerState: RegisterState;

  constructor(options: ReadingsIntakeOptions) {
    this.#options = options;
    this.#registerState = options.registerState;
    for (const kind of Object.values(KINDS)) {
      const next = options.outbox.nextSlot(options.number, kind);
      this.#nextSlot.set(kind, next);
      this.#durableSlot.set(kind, next);
    }
  }

  /** The slot after the last one taken of a kind. */
  nextSlot(kind: Kind): number {
    return this.#nextSlot.get(kind) ?? 0;
  }

  /** The slot after the last one of a kind that is committed. */
  durableSlot(kind: Kind): number {
    return this.#durableSlot.get(kind) ?? 0;
  }

  /** The slot after the last one taken of any kind. */
  get newestSlot(): number {
    return Math.max(...this.#nextSlot.values());
  }

  get registerSlot(): number | undefined {
    return this.#registerState.import?.slot;
  }

  /**
   * Takes interval readings of consecutive slots, in watt-hours. Throws RangeError on an unknown kind, a value that is
   * not an integer of 0 or more, and a slot that is not above the last one taken of this kind: no slot has two readings.
   * A reading that the bits of its kind do not hold cannot be shared: its slot is a gap (`too-many-bits`).
   */
  addReadings(kind: Kind, firstSlot: number, readings: readonly number[], registerState?: RegisterState): void {
    const { meter, number, outbox } = this.#options;
    const name = kindName(kind);
    for (const value of readings) {
      if (!Number.isSafeInteger(value) || value < 0) {
        throw new RangeError(`readings: ${name} of ${meter} from slot ${firstSlot} must be integers of 0 or more`);
      }
    }
    if (readings.length === 0) return;
    assertSlot(firstSlot);
    assertSlot(firstSlot + readings.length - 1);
    const expected = this.nextSlot(kind);
    if (firstSlot < expected) {
      throw new RangeError(`firstSlot: ${name} of ${meter} is already taken up to slot ${expected}, got ${firstSlot}`);
    }
    const large = readings.findIndex((value) => value > this.#most(kind));
    if (large < 0) {
      this.#take(kind, firstSlot, readings, registerState);
      return;
    }
    const slot = firstSlot + large;
    this.addReadings(kind, firstSlot, readings.slice(0, large), registerState);
    this.#nextSlot.set(kind, slot + 1);
    if (registerState !== undefined) outbox.rememberRegister(number, registerState);
    this.#report({ kind, from: slot, to: slot + 1, reason: "too-many-bits" });
    this.addReadings(kind, slot + 1, readings.slice(large + 1), registerState);
  }

  #most(kind: Kind): number {
    const bits = bitsOfKind(this.#options.bits, kind);
    return bits === 0 ? Number.MAX_SAFE_INTEGER : 2 ** bits - 1;
  }

  #take(kind: Kind, firstSlot: number, readings: readonly number[], registerState?: RegisterState): void {
    const { number, outbox, durable } = this.#options;
    this.#nextSlot.set(kind, firstSlot + readings.length);
    const run = { kind, firstSlot, readings };
    const committed = (): void => {
      this.#durableSlot.set(kind, firstSlot + readings.length);
      durable(run);
    };
    outbox.append(number, run, committed, registerState);
  }

  #report(gap: Gap): void {
    const { number, outbox } = this.#options;
    outbox.rememberGap(number, gap);
    this.#options.gap(gap);
  }

  /** Takes a register sample; its readings and the register's state are committed together. */
  addSample(sample: RegisterSample): void {
    const { number, outbox, rules, role } = this.#options;
    const result = differenceSample(this.#registerState, sample, rules);
    if (result.state === this.#registerState) return;
    this.#registerState = result.state;
    // A balance needs every slot by itself: what a head could only measure across a gap is of no use.
    const readings = result.readings.filter(({ kind }) => role !== "head" || isLoadKind(kind));
    for (const { kind, slot, energyWh } of readings) {
      this.addReadings(sharedKind(kind, role), slot, [energyWh], result.state);
    }
    if (readings.length === 0) outbox.rememberRegister(number, result.state);
    for (const { code, direction, from, to } of result.events) {
      this.#report({ kind: sharedKind(KINDS[direction], role), from, to, reason: code });
    }
  }
}
