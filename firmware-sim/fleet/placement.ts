/** Which meter hangs on which feeder when: as the source of readings says, and as the system has enrolled it. */
import { join } from "node:path";
import type { MeterPlace } from "../../config/enrolment/index.ts";
import { openParty, openRoll } from "../../config/keys/index.ts";
import type { SlotRange } from "../../protocol/slots.ts";
import type { MembershipRecord } from "../../protocol/messages/enrolment.ts";
import type { ReadingsSource } from "../loads/index.ts";
import { enrolledRecords, spreadOf } from "./enrolled.ts";
import type { FleetPlan } from "./fleet-plan.ts";

/** The meters were enrolled otherwise than the readings have them: their loads could not be compared. */
export class PlacementError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "PlacementError";
  }
}

const REMEDY = "use another --data folder, or --fresh to begin this one anew";

/** Every meter of a source with its moves, for enrolment. */
export function placesOf(source: ReadingsSource): MeterPlace[] {
  const { from, to } = source.range;
  return source.meters.map(({ id, feeder }, index) => {
    const moves: { feeder: string; from: number }[] = [];
    let last = feeder;
    for (let slot = from; slot < to; slot++) {
      const here = source.feederOf(index, slot);
      if (here === last) continue;
      moves.push({ feeder: here, from: slot });
      last = here;
    }
    return { meter: id, feeder, moves };
  });
}

/** The meters of a system that has been enrolled, beside those of the run. */
export interface Enrolled {
  readonly meters: number;
  /** Active in the run's first slot, but not among its meters. */
  readonly silent: readonly string[];
}

/**
 * May the run go on with the meters that the folder has? Throws PlacementError for a meter that is enrolled in another
 * feeder than the plan has it in, and where all enrolled meters are others. To be asked before anything is enrolled.
 */
export function assertPlacement(data: string, { feed, source, range }: PlacedPlan): void {
  const records = enrolledRecords(data);
  assertKnown(data, records, { feed, source, range });
  for (const [index, { id }] of source.meters.entries()) {
    const places = records.get(id)?.places;
    if (places === undefined) continue; // it will be enrolled where the plan has it
    for (let slot = range.from; slot < range.to; slot++) {
      const enrolled = places.find((place) => place.from <= slot && slot < (place.to ?? Number.POSITIVE_INFINITY));
      const wanted = source.feederOf(index, slot);
      if (enrolled?.feeder === wanted) continue;
      const time = new Date(slot * source.slotSeconds * 1000).toISOString();
      const is = `${id} is enrolled in ${enrolled?.feeder ?? "no feeder"}`;
      if (feed.kind === "replayed") {
        throw new PlacementError(`${is} at ${time}, but the readings have it in ${wanted}: ${REMEDY}`);
      }
      const feeders = spreadOf(records);
      const spread = new Set(feed.meters.map(({ feeder }) => feeder)).size;
      if (feeders === undefined || feeders === spread) {
        throw new PlacementError(`${is} at ${time}, but this run would have it in ${wanted}: ${REMEDY}`);
      }
      throw new PlacementError(
        `this folder has ${feeders} ${feeders === 1 ? "feeder" : "feeders"}, not ${spread} (${is}, not in ${wanted}): ` +
          `add --feeders ${feeders}, or ${REMEDY}`,
      );
    }
  }
}

type PlacedPlan = Pick<FleetPlan, "feed" | "source" | "range">;

/** Meters of another system would all stay silent, and be billed for what is missing. */
function assertKnown(
  data: string,
  records: ReadonlyMap<string, MembershipRecord>,
  { feed, source, range }: PlacedPlan,
): void {
  if (source.meters.some(({ id }) => records.has(id))) return;
  const others = [...records.values()]
    .filter(({ places }) => places.some(({ to }) => to === null || to > range.from))
    .map(({ meter }) => meter)
    .sort();
  const [first] = others;
  if (first === undefined) return;
  const names = others.length === 1 ? `meter (${first})` : `meters (${first} to ${String(others.at(-1))})`;
  const own = feed.kind === "replayed" ? `those of ${feed.file}` : "those of this run";
  throw new PlacementError(
    `${data} has ${others.length} other ${names} and none of ${own}; they would stay silent in it: ${REMEDY}`,
  );
}

/** The meters of the folder beside those of the run, after enrolment. */
export function enrolledBeside(data: string, source: ReadingsSource, range: SlotRange): Enrolled {
  const roll = openRoll(openParty(join(data, "keys", "authority")));
  const own = new Set(source.meters.map(({ id }) => id));
  const active = roll.meters().filter((id) => roll.isActive(id, range.from) && !roll.isHead(id));
  return { meters: active.length, silent: active.filter((id) => !own.has(id)).sort() };
}
