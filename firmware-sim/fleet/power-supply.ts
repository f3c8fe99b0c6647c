/**
 * When simulated devices restart or are without power, slot by slot. The same seed gives the same failures, in every
 * process and again after a crash, so that what the meters could measure can be computed apart from them.
 */
import type { Config } from "../../config/index.ts";
import { type DeviceEvent, SimulatedDevice } from "../device/index.ts";
import type { ReadingsSource } from "../loads/index.ts";

const DAY_SECONDS = 86_400;

/** A device at one meter, addressed as in the source of readings. */
export interface PowerSupply {
  /** Is it off at the start of a slot, so that its register is not read then? */
  isDown(meterIndex: number, boundary: number): boolean;
  /** Does it lose what it has in RAM during a slot? */
  restartsIn(meterIndex: number, slot: number): boolean;
}

class SimulatedSupply implements PowerSupply {
  readonly #devices: readonly SimulatedDevice[];
  readonly #slotSeconds: number;
  readonly #firstSlot: number;
  /** Events of the day that was last asked for, by meter. */
  readonly #days: { day: number; events: readonly DeviceEvent[] }[] = [];

  constructor(devices: readonly SimulatedDevice[], { slotSeconds, range }: ReadingsSource) {
    this.#devices = devices;
    this.#slotSeconds = slotSeconds;
    this.#firstSlot = range.from;
  }

  isDown(meterIndex: number, boundary: number): boolean {
    // Energy from before the first look at a register belongs to nobody's bill.
    if (boundary <= this.#firstSlot) return false;
    const time = boundary * this.#slotSeconds;
    return this.#eventsOf(meterIndex, time).some(({ at, downSeconds }) => at <= time && time < at + downSeconds);
  }

  restartsIn(meterIndex: number, slot: number): boolean {
    const from = slot * this.#slotSeconds;
    return this.#eventsOf(meterIndex, from).some(({ at }) => at >= from && at < from + this.#slotSeconds);
  }

  #eventsOf(meterIndex: number, time: number): readonly DeviceEvent[] {
    const day = Math.floor(time / DAY_SECONDS);
    const known = this.#days[meterIndex];
    if (known?.day === day) return known.events;
    const device = this.#devices[meterIndex];
    if (device === undefined)
      throw new RangeError(`meterIndex: expected below ${this.#devices.length}, got ${meterIndex}`);
    const events = [...device.events(day * DAY_SECONDS, (day + 1) * DAY_SECONDS)];
    this.#days[meterIndex] = { day, events };
    return events;
  }
}

/** The devices of a run, or undefined where the configuration lets none fail. Replayed readings have no registers. */
export function openPowerSupply({ simulation }: Config, source: ReadingsSource): PowerSupply | undefined {
  const { brownOutsPerYear, brownOutSeconds, rebootsPerYear, seed } = simulation;
  if (source.registersAt === undefined || (brownOutsPerYear === 0 && rebootsPerYear === 0)) return undefined;
  const options = { seed, brownOutsPerYear, brownOutSeconds, rebootsPerYear };
  return new SimulatedSupply(
    source.meters.map(({ id }) => new SimulatedDevice({ ...options, meter: id })),
    source,
  );
}
