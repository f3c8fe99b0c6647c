/** A fleet's meters and, behind them in the list, a meter at the head of each feeder. */
import type { SlotRange } from "../../protocol/slots.ts";
import type { MeterPlace, ReadingsSource, SlotEnergy } from "../loads/index.ts";
import { HeadModel, type TrueLine } from "./head-model.ts";

export interface HeadsOptions {
  readonly seed: number;
  /** What the utility's books say of a feeder's line. */
  readonly lineOf: (feeder: string) => TrueLine;
}

/** The heads of all feeders that a fleet begins with: one each, in the order of their names. */
export function headPlaces({ meters }: Pick<ReadingsSource, "meters">): MeterPlace[] {
  const feeders = [...new Set(meters.map(({ feeder }) => feeder))].sort();
  return feeders.map((feeder) => ({ id: `head-${feeder}`.slice(0, 32), feeder }));
}

/** `homes`: what is consumed; `metered`: what the homes' meters count of it. */
export class SourceWithHeads implements ReadingsSource {
  readonly meters: readonly MeterPlace[];
  readonly slotSeconds: number;
  readonly range: SlotRange;
  readonly #metered: ReadingsSource;
  readonly #heads: readonly HeadModel[];
  readonly #homes: number;

  constructor(homes: ReadingsSource, metered: ReadingsSource, { seed, lineOf }: HeadsOptions) {
    this.#metered = metered;
    this.#homes = metered.meters.length;
    this.slotSeconds = metered.slotSeconds;
    this.range = metered.range;
    const places = headPlaces(metered);
    this.meters = [...metered.meters, ...places];
    this.#heads = places.map(({ feeder }) => {
      const own = [...homes.meters.keys()].filter((index) => homes.meters[index]?.feeder === feeder);
      const { slotSeconds } = this;
      return new HeadModel({
        ...{ seed, feeder, slotSeconds, line: lineOf(feeder) },
        meters: own.map((index) => homes.meters[index]!.id),
        consumed: (meter, slot) => homes.read(own[meter]!, slot) ?? { importWh: 0, exportWh: 0 },
      });
    });
  }

  isHead(meterIndex: number): boolean {
    return meterIndex >= this.#homes;
  }

  read(meterIndex: number, slot: number): SlotEnergy | undefined {
    if (!this.isHead(meterIndex)) return this.#metered.read(meterIndex, slot);
    const head = this.#heads[meterIndex - this.#homes];
    if (head === undefined) throw new RangeError(`meterIndex: expected below ${this.meters.length}, got ${meterIndex}`);
    if (slot < this.range.from || slot >= this.range.to) return undefined;
    const { importWh, exportWh } = head.energyAt(slot);
    return { importWh: Math.round(importWh), exportWh: Math.round(exportWh) };
  }

  feederOf(meterIndex: number, slot: number): string {
    if (!this.isHead(meterIndex)) return this.#metered.feederOf(meterIndex, slot);
    return this.meters[meterIndex]!.feeder;
  }

  hasExport(meterIndex: number): boolean {
    return this.isHead(meterIndex) || this.#metered.hasExport(meterIndex);
  }

  /** Heads are read as intervals. */
  registersAt(meterIndex: number, slot: number): SlotEnergy {
    return this.#metered.registersAt?.(meterIndex, slot) ?? { importWh: 0, exportWh: 0 };
  }
}
