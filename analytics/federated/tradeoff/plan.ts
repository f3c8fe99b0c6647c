/** Which campaigns a trade-off compares: one thing varied at a time around one setting, each with several seeds. */
import type { Mode, SimulationOptions } from "../simulate.ts";

export const SWEEPS = ["epsilon", "feeder", "homes", "clip", "bits", "drop-out", "large"] as const;
export type Sweep = (typeof SWEEPS)[number];

export interface Run {
  readonly sweep: Sweep;
  /** What is varied, as it is written on an axis. */
  readonly at: string;
  /** The line that the point belongs to. */
  readonly series: string;
  readonly seed: number;
  readonly options: SimulationOptions;
}

export interface Size {
  readonly testDays: number;
  readonly unseen: number;
  readonly homes: number;
  /** Of the sweeps that compare settings alone. */
  readonly fewHomes: number;
  readonly rounds: number;
  readonly seeds: number;
  readonly mostRows: number;
}

export const FULL: Size = { testDays: 7, unseen: 100, homes: 500, fewHomes: 120, rounds: 30, seeds: 3, mostRows: 700 };
/** Shows every part in under a minute; its figures are too few homes' to be quoted. */
export const QUICK: Size = { testDays: 7, unseen: 20, homes: 80, fewHomes: 40, rounds: 12, seeds: 2, mostRows: 300 };

export const NO_NOISE = "none";
export const EPSILONS = ["0.5", "1", "2", "4", "8", NO_NOISE] as const;
export const SERIES = {
  distributed: "homes add noise",
  central: "trusted server adds noise",
  local: "each home for itself",
} as const;
export const LARGE = { homes: 20, hidden: 294 } as const;

/** Of the homes in a campaign: the fewest that are opened, and how many of those may tell their noise. */
export const QUORUM = 0.8;
export const COLLUDERS = 0.05;

interface Varied {
  readonly homes: number;
  readonly epsilon?: number | null;
  readonly mode?: Mode;
  readonly minimum?: number;
  readonly dropOut?: number;
  readonly groupDropOut?: number;
  readonly personalised?: number;
  readonly more?: Partial<SimulationOptions["campaign"]>;
}

/** All runs, the ones that say most first. */
export function planRuns(size: Size, slotSeconds: number): Run[] {
  const { homes, fewHomes, rounds, seeds } = size;
  const runs: Run[] = [];
  const add = (sweep: Sweep, at: string, series: string, varied: Varied): void => {
    for (let seed = 1; seed <= seeds; seed += 1)
      runs.push({ sweep, at, series, seed, options: optionsOf(varied, seed) });
  };
  const optionsOf = (varied: Varied, seed: number): SimulationOptions => {
    const minMeters = Math.max(2, Math.round((varied.minimum ?? QUORUM) * varied.homes));
    const colluders = Math.floor(COLLUDERS * varied.homes);
    const epsilon = varied.epsilon === undefined ? 8 : varied.epsilon;
    return {
      campaign: { homes: varied.homes, minMeters, colluders, rounds, slotSeconds, epsilon, seed, ...varied.more },
      mode: varied.mode ?? "distributed",
      dropOuts: { dropOut: varied.dropOut ?? 0, groups: 10, groupDropOut: varied.groupDropOut ?? 0 },
      validateEvery: Math.max(1, Math.round(rounds / 15)),
      personalised: varied.personalised ?? 0,
    };
  };
  const epsilonOf = (at: string): number | null => (at === NO_NOISE ? null : Number(at));
  for (const at of [NO_NOISE, "8", "1", "2", "4", "0.5"]) {
    add("epsilon", at, SERIES.distributed, { homes, epsilon: epsilonOf(at), personalised: at === "8" ? fewHomes : 0 });
  }
  // Heavy homes pull further here: the clip must leave them room.
  const energy = { objective: "energy", clip: 0.1 } as const;
  for (const at of [NO_NOISE, "8", "1", "0.5"]) {
    add("feeder", at, SERIES.distributed, { homes, epsilon: epsilonOf(at), more: energy });
  }
  for (const count of [20, 50, 100, 200, 500]) {
    if (count >= homes) continue;
    add("homes", String(count), "epsilon 8", { homes: count });
    add("homes", String(count), "no noise", { homes: count, epsilon: null });
  }
  for (const at of ["1", "8"]) {
    add("epsilon", at, SERIES.central, { homes, epsilon: epsilonOf(at), mode: "central" });
    add("epsilon", at, SERIES.local, { homes, epsilon: epsilonOf(at), mode: "local" });
  }
  for (const clip of [0.01, 0.02, 0.05, 0.1, 0.2]) {
    add("clip", String(clip), "epsilon 2", { homes: fewHomes, epsilon: 2, more: { clip } });
  }
  for (const bits of [2, 3, 4, 8, 16]) {
    add("bits", String(bits), "epsilon 8", { homes: fewHomes, more: { bits } });
    add("bits", String(bits), "no noise", { homes: fewHomes, epsilon: null, more: { bits } });
  }
  for (const dropOut of [0, 0.1, 0.3, 0.5]) {
    add("drop-out", String(dropOut), "single homes", { homes: fewHomes, dropOut, minimum: 0.4 });
    add("drop-out", String(dropOut), "whole groups", { homes: fewHomes, groupDropOut: dropOut, minimum: 0.4 });
  }
  const network = { kind: "dense", hidden: LARGE.hidden } as const;
  for (const at of [NO_NOISE, "8"]) {
    add("large", at, SERIES.distributed, { homes: LARGE.homes, epsilon: epsilonOf(at), more: network });
  }
  return runs;
}
