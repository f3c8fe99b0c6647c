/** What the flags of the optimiser's verbs say: the goal, and which switches are fixed. */
import type { OptionValues } from "../../../config/runtime/role.ts";
import { type FixedSwitches, type Goal, type Grid, withAssumedRatings, withLoadScale } from "../index.ts";
import { gridNamed, idsOf, numberOf } from "./request.ts";

export function goalOf(options: OptionValues): Goal {
  const given = {
    riskWeight: numberOf(options, "risk-weight"),
    violationWeight: numberOf(options, "violation-weight"),
    vMinPu: numberOf(options, "v-min"),
    vMaxPu: numberOf(options, "v-max"),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** Switches as `7,9,14`; undefined where the flag is left out. */
export function listOf(options: OptionValues, flag: string): number[] | undefined {
  const text = options[flag.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())] as string | undefined;
  return text === undefined ? undefined : idsOf(text, flag);
}

export function fixedOf(options: OptionValues): FixedSwitches {
  const given = {
    broken: listOf(options, "broken"),
    keepOpen: listOf(options, "keep-open"),
    keepClosed: listOf(options, "keep-closed"),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** With the ratings and the loads that the flags say. Ratings are assumed from the case's own loads. */
export function chosenGrid(name: string | undefined, options: OptionValues): Grid {
  const grid = gridNamed(name);
  const rated = options["assumedRatings"] === true ? withAssumedRatings(grid) : grid;
  return withLoadScale(rated, numberOf(options, "load-scale", 1));
}
