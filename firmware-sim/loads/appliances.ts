/**
 * Appliances that run a program when somebody starts them. Starts are a Poisson process over the day with a density of
 * its own; from density and program follows the load to be expected per quarter hour, which is taken off the standard
 * profile, so that the mean over many homes stays the standard profile.
 */
import { QUARTERS_PER_DAY } from "./h0.ts";

/** One stretch of constant power, relative to the start of the program. */
export interface Block {
  readonly fromSeconds: number;
  readonly seconds: number;
  readonly powerW: number;
}

/** Starts are equally likely within a window of local hours; `weight` is the share of starts in it. */
export interface Window {
  readonly fromHour: number;
  readonly toHour: number;
  readonly weight: number;
}

export interface Appliance {
  readonly name: string;
  /** Part of the home's standard profile energy that this appliance takes where it is owned. */
  readonly share: number;
  readonly ownedBy: number;
  readonly program: readonly Block[];
  readonly windows: readonly Window[];
}

const minutes = (from: number, length: number, powerW: number): Block => ({
  fromSeconds: from * 60,
  seconds: length * 60,
  powerW,
});

/** Programs and shares are typical figures of ours; at no quarter hour do they add up to more than the profile. */
export const APPLIANCES: readonly Appliance[] = [
  {
    name: "kettle",
    share: 0.02,
    ownedBy: 1,
    program: [minutes(0, 5, 2000)],
    windows: [
      { fromHour: 6, toHour: 9, weight: 0.45 },
      { fromHour: 9, toHour: 22, weight: 0.55 },
    ],
  },
  {
    name: "hob",
    share: 0.07,
    ownedBy: 1,
    program: [minutes(0, 8, 2200), minutes(8, 20, 900)],
    windows: [
      { fromHour: 11, toHour: 13.5, weight: 0.45 },
      { fromHour: 17, toHour: 20, weight: 0.55 },
    ],
  },
  {
    name: "oven",
    share: 0.03,
    ownedBy: 0.9,
    program: [minutes(0, 12, 2500), minutes(12, 33, 800)],
    windows: [
      { fromHour: 10.5, toHour: 13, weight: 0.4 },
      { fromHour: 16.5, toHour: 19.5, weight: 0.6 },
    ],
  },
  {
    name: "washing machine",
    share: 0.045,
    ownedBy: 0.96,
    program: [minutes(3, 18, 2000), minutes(21, 54, 150), minutes(75, 10, 450)],
    windows: [{ fromHour: 7.5, toHour: 20.5, weight: 1 }],
  },
  {
    name: "dryer",
    share: 0.06,
    ownedBy: 0.42,
    program: [minutes(0, 75, 1100), minutes(75, 15, 250)],
    windows: [{ fromHour: 9, toHour: 21, weight: 1 }],
  },
  {
    name: "dishwasher",
    share: 0.05,
    ownedBy: 0.72,
    program: [minutes(2, 14, 2000), minutes(16, 40, 70), minutes(56, 12, 2000)],
    windows: [
      { fromHour: 8, toHour: 15, weight: 0.4 },
      { fromHour: 18.5, toHour: 22, weight: 0.6 },
    ],
  },
];

/** What the generator needs of an appliance, computed once. */
export interface ApplianceModel {
  readonly appliance: Appliance;
  /** Energy of one run in Wh. */
  readonly runWh: number;
  /** The last second of the program. */
  readonly runSeconds: number;
  /** startCdf[q]: chance that a start lies before local quarter hour q; 97 entries. */
  readonly startCdf: Float64Array;
  /** Share of a day's expected energy that falls into each local quarter hour; sums to 1. */
  readonly kernel: Float64Array;
}

const MINUTES_PER_DAY = 1440;

/** Works out start distribution and expected load of an appliance, on a grid of minutes. */
export function modelAppliance(appliance: Appliance): ApplianceModel {
  const density = new Float64Array(MINUTES_PER_DAY);
  for (const { fromHour, toHour, weight } of appliance.windows) {
    for (let m = fromHour * 60; m < toHour * 60; m += 1) {
      density[m] = (density[m] ?? 0) + weight / ((toHour - fromHour) * 60);
    }
  }
  const runWh = appliance.program.reduce((sum, block) => sum + (block.powerW * block.seconds) / 3600, 0);
  const kernel = new Float64Array(QUARTERS_PER_DAY);
  for (const [start, chance] of density.entries()) {
    if (chance === 0) continue;
    for (const { fromSeconds, seconds, powerW } of appliance.program) {
      for (let m = 0; m < seconds / 60; m += 1) {
        // A start lies on average half a minute into its minute: half of each minute's load belongs to the next.
        const at = start + fromSeconds / 60 + m;
        for (const minute of [at, at + 1]) {
          const quarter = Math.floor((minute % MINUTES_PER_DAY) / 15);
          kernel[quarter] = (kernel[quarter] ?? 0) + (chance * powerW) / 120 / runWh;
        }
      }
    }
  }
  const startCdf = new Float64Array(QUARTERS_PER_DAY + 1);
  for (let quarter = 0; quarter < QUARTERS_PER_DAY; quarter += 1) {
    let mass = 0;
    for (let m = 0; m < 15; m += 1) mass += density[quarter * 15 + m] ?? 0;
    startCdf[quarter + 1] = (startCdf[quarter] ?? 0) + mass;
  }
  const runSeconds = Math.max(...appliance.program.map((block) => block.fromSeconds + block.seconds));
  return { appliance, runWh, runSeconds, startCdf, kernel };
}

/** Local second of the day at which a start with the given uniform draw falls. */
export function startSecond(startCdf: Float64Array, uniform: number): number {
  let low = 0;
  let high = QUARTERS_PER_DAY;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((startCdf[middle] ?? 1) <= uniform) low = middle;
    else high = middle;
  }
  const from = startCdf[low] ?? 0;
  const mass = (startCdf[high] ?? 1) - from;
  return (low + (mass > 0 ? Math.min((uniform - from) / mass, 1) : 0)) * 900;
}
