/**
 * What the meters of a run could measure: the readings of the source, less the slots whose boundaries fell into a time
 * without power. The energy across such a gap is not lost: the register shows it once, as catch-up, in the slot before
 * the boundary at which it was read again.
 */
import type { SlotRange } from "../../protocol/slots.ts";
import type { ReadingsSource, SlotEnergy } from "../loads/index.ts";
import type { PowerSupply } from "./power-supply.ts";

export interface Measured {
  /** Energy of a slot, or undefined where it is a gap. */
  read(meterIndex: number, slot: number): SlotEnergy | undefined;
  /** Sum of what was read and of what was caught up within a range. */
  over(meterIndex: number, range: SlotRange): MeasuredEnergy;
}

export interface MeasuredEnergy extends SlotEnergy {
  readonly catchupImportWh: number;
  readonly catchupExportWh: number;
}

export function measuredBy(source: ReadingsSource, power: PowerSupply | undefined): Measured {
  const isGap = (index: number, slot: number): boolean =>
    power !== undefined && (power.isDown(index, slot) || power.isDown(index, slot + 1));
  const read = (index: number, slot: number): SlotEnergy | undefined =>
    isGap(index, slot) ? undefined : source.read(index, slot);
  return {
    read,
    over: (index, { from, to }) => {
      const total = { importWh: 0, exportWh: 0, catchupImportWh: 0, catchupExportWh: 0 };
      // A gap may have begun before the range: its catch-up counts where it ends.
      let slot = from;
      while (slot > source.range.from && isGap(index, slot - 1) && power?.isDown(index, slot) === true) slot -= 1;
      const missed = { importWh: 0, exportWh: 0 };
      for (; slot < to; slot++) {
        const energy = source.read(index, slot) ?? { importWh: 0, exportWh: 0 };
        if (!isGap(index, slot)) {
          total.importWh += energy.importWh;
          total.exportWh += energy.exportWh;
          continue;
        }
        missed.importWh += energy.importWh;
        missed.exportWh += energy.exportWh;
        if (power?.isDown(index, slot + 1) === true) continue;
        total.catchupImportWh += missed.importWh;
        total.catchupExportWh += missed.exportWh;
        Object.assign(missed, { importWh: 0, exportWh: 0 });
      }
      return total;
    },
  };
}
