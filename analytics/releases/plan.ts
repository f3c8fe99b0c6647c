/** A release as a learning round: what homes are asked, in which integers, and with how much noise for its epsilon. */
import type { ReleaseSettings } from "../../config/schema-releases.ts";
import { precisionOf, type ReleaseTask, type RoundContent } from "../../protocol/learning/index.ts";
import { KINDS } from "../../protocol/units.ts";
import { type Encoding, epsilonSpent, planRounds } from "../federated/round-plan.ts";

const DAY_SECONDS = 86_400;
/** Of the fewest homes so many are reckoned as colluders where nobody says: what homes ask for by default. */
const COLLUDER_SHARE = 0.1;
/** Numbers of releases whose cost together is told. */
const SERIES = [10, 100, 365];

/** All but when, and which one it is. */
export interface ReleasePlan {
  readonly encoding: Encoding;
  readonly task: (firstSlot: number) => ReleaseTask;
}

/** Slots of one release's days. */
export function slotsOf({ days }: Pick<ReleaseSettings, "days">, slotSeconds: number): number {
  return (days * DAY_SECONDS) / slotSeconds;
}

/** Throws RangeError where nothing fits: too many homes for an element, or an epsilon out of reach. */
function planRelease(release: ReleaseSettings, slotSeconds: number): ReleasePlan {
  const { minMeters, maxMeters, epsilon, delta, mechanism, bits } = release;
  const task = taskOf(release, slotSeconds);
  const length = release.type === "load" ? slotsOf(release, slotSeconds) : release.edgesWh.length + 1;
  const colluders = release.colluders ?? Math.ceil(COLLUDER_SHARE * minMeters);
  const wanted = { minMeters, homes: maxMeters, colluders, epsilon, delta, mechanism, bits };
  const clip = clipOf(release, slotSeconds);
  return { encoding: planRounds({ ...wanted, clip, rounds: 1, bound: "none", binary: true }, length), task };
}

function clipOf(release: ReleaseSettings, slotSeconds: number): number {
  if (release.type === "load") return release.clipWh;
  // All in one bucket: the longest vector of counts there is.
  return release.clip ?? (release.of === "day-energy" ? release.days : slotsOf(release, slotSeconds));
}

function taskOf(release: ReleaseSettings, slotSeconds: number): ReleasePlan["task"] {
  const kind = KINDS[release.kind];
  return (firstSlot) => {
    const slots = { from: firstSlot, to: firstSlot + slotsOf(release, slotSeconds) };
    if (release.type === "load") return { type: "load", kind, slots };
    const { of, edgesWh } = release;
    return { type: "histogram", of, kind, slots, daySlots: DAY_SECONDS / slotSeconds, edges: [...edgesWh] };
  };
}

/** The round that asks for the days from a slot on. */
export function contentOf(
  release: ReleaseSettings,
  slotSeconds: number,
  at: { readonly firstSlot: number; readonly step: number; readonly closesAt: number },
): RoundContent {
  const { encoding, task } = planRelease(release, slotSeconds);
  const { firstSlot, step, closesAt } = at;
  return { v: 1, campaign: release.name, step, task: task(firstSlot), closesAt, ...encoding };
}

/** What a release would say and cost, before anybody is asked. */
export interface Forecast {
  readonly values: number;
  readonly unit: string;
  /** At the fewest homes, in `unit`. */
  readonly noiseSd: number;
  readonly clip: number;
  readonly colluders: number;
  readonly bits: number;
  /** Epsilon of one, and of so many together, at the release's delta. */
  readonly epsilon: number;
  readonly together: readonly { readonly releases: number; readonly epsilon: number }[];
}

export function forecastOf(release: ReleaseSettings, slotSeconds: number): Forecast {
  const { encoding, task } = planRelease(release, slotSeconds);
  const { vector, noise, minMeters } = encoding;
  const { unit, noiseSd } = precisionOf({ ...encoding, task: task(0) }, minMeters);
  const spent = (releases: number): number => epsilonSpent(encoding, releases, release.delta) ?? 0;
  const together = SERIES.map((releases) => ({ releases, epsilon: spent(releases) }));
  const { length: values, clip, bits } = vector;
  return { values, unit, noiseSd, clip, colluders: noise.colluders, bits, epsilon: spent(1), together };
}
