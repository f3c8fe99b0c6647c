/** What the meters of a fleet count when some of them are tampered with; the homes consume what the inner source says. */
import type { MeterPlace, ReadingsSource, SlotEnergy } from "../loads/index.ts";
import type { SlotRange } from "../../protocol/slots.ts";
import { counted, type Theft } from "./thefts.ts";

const DAY_SECONDS = 86_400;

export class MeteredSource implements ReadingsSource {
  readonly meters: readonly MeterPlace[];
  readonly slotSeconds: number;
  readonly range: SlotRange;
  readonly #homes: ReadingsSource;
  readonly #thefts = new Map<number, Theft>();

  constructor(homes: ReadingsSource, thefts: readonly Theft[]) {
    this.#homes = homes;
    this.meters = homes.meters;
    this.slotSeconds = homes.slotSeconds;
    this.range = homes.range;
    for (const theft of thefts)
      this.#thefts.set(
        this.meters.findIndex(({ id }) => id === theft.meter),
        theft,
      );
  }

  read(meterIndex: number, slot: number): SlotEnergy | undefined {
    const energy = this.#homes.read(meterIndex, slot);
    const theft = this.#thefts.get(meterIndex);
    if (theft === undefined || energy === undefined) return energy;
    const perDay = DAY_SECONDS / this.slotSeconds;
    return counted(energy, theft, (slot - this.range.from) / perDay, perDay);
  }

  feederOf(meterIndex: number, slot: number): string {
    return this.#homes.feederOf(meterIndex, slot);
  }

  hasExport(meterIndex: number): boolean {
    return this.#homes.hasExport(meterIndex);
  }

  /** A register that was set back counts from 0 again. */
  registersAt(meterIndex: number, slot: number): SlotEnergy {
    if (!this.#thefts.has(meterIndex)) {
      return this.#homes.registersAt?.(meterIndex, slot) ?? { importWh: 0, exportWh: 0 };
    }
    let [importWh, exportWh] = [0, 0];
    for (let at = this.range.from; at < slot; at++) {
      const energy = this.read(meterIndex, at);
      importWh = energy === undefined ? 0 : importWh + energy.importWh;
      exportWh += energy?.exportWh ?? 0;
    }
    return { importWh, exportWh };
  }
}
