/**
 * Where readings come from, simulated or replayed: both answer the same questions, so the fleet does not know which.
 */
import type { SlotRange } from "../../protocol/slots.ts";

/** Energy of one slot in integer watt-hours, both non-negative, never netted. */
export interface SlotEnergy {
  readonly importWh: number;
  readonly exportWh: number;
}

/** A meter and the feeder it hangs on (at the start of the range, where it moves). */
export interface MeterPlace {
  readonly id: string;
  readonly feeder: string;
}

/** Readings of a fleet over a range of slots, in any order of asking. */
export interface ReadingsSource {
  readonly meters: readonly MeterPlace[];
  readonly slotSeconds: number;
  /** Half-open; outside it `read` answers undefined. */
  readonly range: SlotRange;
  /** The energy of a slot, or undefined where the source has a gap. Throws RangeError on an unknown meter index. */
  read(meterIndex: number, slot: number): SlotEnergy | undefined;
  /** The feeder of a meter in a slot; in a gap the one it had last. */
  feederOf(meterIndex: number, slot: number): string;
  /** Whether a meter has anything to export in the whole range: a meter without generation sends no export shares. */
  hasExport(meterIndex: number): boolean;
  /** Whether a meter stands at the head of a feeder; where left out none does. Heads are read as intervals. */
  isHead?(meterIndex: number): boolean;
  /** The cumulative registers at the start of a slot, where the source has registers (a replayed file has intervals). */
  registersAt?(meterIndex: number, slot: number): SlotEnergy;
}
