/** Which meter hangs on which feeder when: as the source of readings says, and as the system has enrolled it. */
import { join } from "node:path";
import type { MeterPlace } from "../../config/enrolment/index.ts";
import { openParty, openRoll } from "../../config/keys/index.ts";
import type { SlotRange } from "../../protocol/slots.ts";
import type { ReadingsSource } from "../loads/index.ts";

/** The meters were enrolled otherwise than the readings have them: their loads could not be compared. */
export class PlacementError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "PlacementError";
  }
}

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

/** Throws PlacementError for a meter that is enrolled in another feeder than the source has it in. */
export function assertPlacement(data: string, source: ReadingsSource, range: SlotRange): Enrolled {
  const roll = openRoll(openParty(join(data, "keys", "authority")));
  for (const [index, { id }] of source.meters.entries()) {
    const places = roll.record(id)?.places ?? [];
    for (let slot = range.from; slot < range.to; slot++) {
      const enrolled = places.find((place) => place.from <= slot && slot < (place.to ?? Number.POSITIVE_INFINITY));
      const wanted = source.feederOf(index, slot);
      if (enrolled?.feeder === wanted) continue;
      const time = new Date(slot * source.slotSeconds * 1000).toISOString();
      throw new PlacementError(
        `${id} is enrolled in ${enrolled?.feeder ?? "no feeder"} at ${time}, but the readings have it in ${wanted}: ` +
          `use another --data folder, or --fresh to begin this one anew`,
      );
    }
  }
  const own = new Set(source.meters.map(({ id }) => id));
  const active = roll.meters().filter((id) => roll.isActive(id, range.from));
  return { meters: active.length, silent: active.filter((id) => !own.has(id)).sort() };
}
