/**
 * What the meter at the head of a feeder measures: what its homes consume, what the line and the meters themselves
 * lose, and the errors of all the meters. Of the line nobody knows the exact figures, so they are drawn around those
 * that a utility would have in its books. Seeded: the same in every process. Sums over one feeder; slots in any order.
 */
import { type Name, nameOf, PURPOSES, RandomStream } from "../loads/random.ts";
import type { SlotEnergy } from "../loads/index.ts";

/** The line as it is drawn; means are those of the defaults of `balance`. */
export interface TrueLine {
  readonly ohm: number;
  readonly voltageV: number;
  readonly noLoadW: number;
}

export interface HeadModelOptions {
  readonly seed: string | number;
  readonly feeder: string;
  /** Ids of the meters behind it. */
  readonly meters: readonly string[];
  readonly slotSeconds: number;
  /** The line in the books. */
  readonly line: TrueLine;
  /** What a home consumes in a slot, whether its meter counts it or not; 0 where there is nothing. */
  readonly consumed: (meter: number, slot: number) => SlotEnergy;
}

/** IEC 62053-22, class 0.5 S, and IEC 62053-21, class 1: limits in shares of the reading; good meters stay well inside. */
const HEAD_CLASS = { sigma: 0.0015, limit: 0.005 };
const METER_CLASS = { sigma: 0.004, limit: 0.01 };
/** Resistance of copper and aluminium by temperature. */
const OHM_PER_K = 0.0039;
const YEAR_SECONDS = 365.25 * 86_400;

interface MeterError {
  readonly gain: number;
  readonly gainPerK: number;
  /** Part of a slot by which the meter's clock is ahead (positive) or behind. */
  readonly skew: number;
  /** Its own consumption, which it does not count. */
  readonly ownW: number;
}

export class HeadModel {
  readonly #options: HeadModelOptions;
  readonly #seed: Name;
  readonly #name: Name;
  readonly #errors: readonly MeterError[];
  readonly #head: { readonly gain: number; readonly gainPerK: number };
  readonly #ohm: number;
  readonly #noLoadW: number;
  readonly #powerFactor: number;

  constructor(options: HeadModelOptions) {
    const { seed, feeder, meters, slotSeconds, line } = options;
    this.#options = options;
    this.#seed = nameOf(String(seed));
    this.#name = nameOf(feeder);
    this.#errors = meters.map((id) => {
      const draw = new RandomStream().enter(this.#seed, nameOf(id), 0, PURPOSES.meterError);
      return {
        gain: clipped(draw.normal(), METER_CLASS),
        gainPerK: 0.0001 * draw.normal(),
        skew: (5 * draw.normal()) / slotSeconds,
        ownW: draw.between(0.5, 2.5),
      };
    });
    const draw = new RandomStream().enter(this.#seed, this.#name, 0, PURPOSES.line);
    this.#head = { gain: clipped(draw.normal(), HEAD_CLASS), gainPerK: 0.00005 * draw.normal() };
    this.#ohm = line.ohm * draw.between(0.75, 1.25);
    this.#noLoadW = line.noLoadW * draw.between(0.9, 1.1);
    this.#powerFactor = draw.between(0.9, 0.99);
  }

  /** Energy through the head in a slot, before the register cuts it to whole watt-hours; never netted below 0 twice. */
  energyAt(slot: number): { importWh: number; exportWh: number } {
    const { consumed, slotSeconds, line } = this.#options;
    const celsius = celsiusAt(slot * slotSeconds);
    const hours = slotSeconds / 3_600;
    let netWh = this.#noLoadW * hours;
    for (const [meter, { gain, gainPerK, skew, ownW }] of this.#errors.entries()) {
      const here = netOf(consumed(meter, slot));
      const beside = skew === 0 ? here : netOf(consumed(meter, skew > 0 ? slot + 1 : slot - 1));
      const part = Math.min(1, Math.abs(skew));
      netWh += (here * (1 - part) + beside * part) * (1 + gain + gainPerK * (celsius - 20)) + ownW * hours;
    }
    const draw = new RandomStream().enter(this.#seed, this.#name, slot, PURPOSES.headSlot);
    const powerFactor = Math.min(1, this.#powerFactor + 0.01 * draw.normal());
    // Power is not even within a slot, and losses go with its square.
    const peaks = 1 + draw.between(0.01, 0.25);
    const ohm = this.#ohm * (1 + OHM_PER_K * (celsius - 20));
    const currentPart = netWh / hours / (line.voltageV * powerFactor);
    netWh += ohm * currentPart ** 2 * peaks * hours;
    netWh *= 1 + this.#head.gain + this.#head.gainPerK * (celsius - 20);
    return { importWh: Math.max(0, netWh), exportWh: Math.max(0, -netWh) };
  }
}

function netOf({ importWh, exportWh }: SlotEnergy): number {
  return importWh - exportWh;
}

function clipped(normal: number, { sigma, limit }: { readonly sigma: number; readonly limit: number }): number {
  return Math.max(-limit, Math.min(limit, sigma * normal));
}

/** Outside, roughly: 10 degrees on average, coldest in mid-January and before sunrise. */
function celsiusAt(time: number): number {
  const year = Math.cos((2 * Math.PI * (time - 15 * 86_400)) / YEAR_SECONDS);
  const day = Math.cos((2 * Math.PI * (time - 5 * 3_600)) / 86_400);
  return 10 - 10 * year - 4 * day;
}
