/** A constant load as pulses on a device's input, while time passes in steps of any length. */
import type { EmulatedDevice } from "../emulator/emulated-device.ts";

/** Pulses are planned so long at a time: a step may be shorter than the shortest pulse of an S0 output. */
const PLANNED_SECONDS = 1;

/** Pulses so far of a constant load. */
export function pulsesAt(seconds: number, watts: number, pulsesPerKwh: number): number {
  return Math.floor((seconds * watts * pulsesPerKwh) / 3_600_000);
}

export class ConstantLoad {
  readonly #device: Pick<EmulatedDevice, "planPulses" | "run">;
  readonly #pulsesAt: (seconds: number) => number;
  #lived = 0;
  #planned = 0;

  constructor(device: Pick<EmulatedDevice, "planPulses" | "run">, watts: number, pulsesPerKwh: number) {
    this.#device = device;
    this.#pulsesAt = (seconds) => pulsesAt(seconds, watts, pulsesPerKwh);
  }

  /** Lets so many true seconds pass. Throws RangeError for a load of more pulses than an S0 output can give. */
  run(seconds: number): void {
    while (this.#planned < this.#lived + seconds) {
      const until = this.#planned + PLANNED_SECONDS;
      const pulses = this.#pulsesAt(until) - this.#pulsesAt(this.#planned);
      this.#device.planPulses(pulses, this.#planned - this.#lived, PLANNED_SECONDS);
      this.#planned = until;
    }
    this.#device.run(seconds);
    this.#lived += seconds;
  }
}
