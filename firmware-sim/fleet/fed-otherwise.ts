/**
 * What `npm run meters` has fed into a data folder and a run's source does not hold: a meter that came later, another seed, a day
 * without the thefts of this run. The truth of such slots is not known to the run, so nothing of them can be called wrong.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openDatabase } from "../../config/runtime/database.ts";
import { KINDS } from "../../protocol/units.ts";
import type { SlotRange } from "../../protocol/slots.ts";
import type { ReadingsSource, SlotEnergy } from "../loads/index.ts";
import { enrolledRecords } from "./enrolled.ts";

export interface FedOtherwise {
  /** Has the meter been fed something else in a slot of the range? */
  readonly of: (meter: string, range: SlotRange) => boolean;
  /** Feeders with such a meter in the slot. */
  readonly feedersAt: (slot: number) => ReadonlySet<string>;
}

const NO_FEEDERS: ReadonlySet<string> = new Set();
export const NOTHING_OTHERWISE: FedOtherwise = { of: () => false, feedersAt: () => NO_FEEDERS };
const READING_BYTES = 8;

export function fedOtherwise(data: string, source: ReadingsSource): FedOtherwise {
  const ranges = rangesOfMeters(data);
  if (ranges.length === 0) return NOTHING_OTHERWISE;
  const indexOf = new Map(source.meters.map(({ id }, index) => [id, index]));
  const enrolled = enrolledRecords(data);
  const slotsOf = new Map<string, Set<number>>();
  const feeders = new Map<number, Set<string>>();
  for (const { meter, slot, energy } of readingsFed(data, ranges)) {
    const index = indexOf.get(meter);
    const held = index === undefined ? undefined : source.read(index, slot);
    if (held?.importWh === energy.importWh && held.exportWh === energy.exportWh) continue;
    add(slotsOf, meter, slot);
    const places = enrolled.get(meter)?.places ?? [];
    const feeder =
      index === undefined ? places.findLast(({ from }) => from <= slot)?.feeder : source.feederOf(index, slot);
    if (feeder !== undefined) add(feeders, slot, feeder);
  }
  return {
    of: (meter, { from, to }) => [...(slotsOf.get(meter) ?? [])].some((slot) => slot >= from && slot < to),
    feedersAt: (slot) => feeders.get(slot) ?? NO_FEEDERS,
  };
}

function add<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const known = sets.get(key);
  if (known === undefined) sets.set(key, new Set([value]));
  else known.add(value);
}

function rangesOfMeters(data: string): readonly SlotRange[] {
  const file = join(data, "fleet", "meters.json");
  if (!existsSync(file)) return [];
  return (JSON.parse(readFileSync(file, "utf8")) as { fed?: SlotRange[] }).fed ?? [];
}

interface Fed {
  readonly meter: string;
  readonly slot: number;
  readonly energy: SlotEnergy;
}

/** What the meters have read in these slots, by their outboxes. */
function readingsFed(data: string, ranges: readonly SlotRange[]): Fed[] {
  const cells = new Map<string, { meter: string; slot: number; energy: { importWh: number; exportWh: number } }>();
  for (const name of readdirSync(data).filter((folder) => /^meters(-\d+)?$/.test(folder))) {
    const outbox = join(data, name, "outbox.db");
    if (!existsSync(outbox)) continue;
    const database = openDatabase(outbox, { synchronous: "NORMAL", readonly: true });
    try {
      const rows = database.prepare<[number, number], { meter: string; kind: number; first: number; readings: Buffer }>(
        `SELECT meters.meter, kind, first_slot AS first, readings FROM runs JOIN meters ON runs.meter = meters.number
         WHERE first_slot < ? AND first_slot + length(readings) / ${READING_BYTES} > ?`,
      );
      for (const { from, to } of ranges) {
        for (const { meter, kind, first, readings } of rows.all(to, from)) {
          const energyName = kind === KINDS.import ? "importWh" : kind === KINDS.export ? "exportWh" : undefined;
          if (energyName === undefined) continue;
          for (let at = 0; at < readings.length; at += READING_BYTES) {
            const slot = first + at / READING_BYTES;
            if (slot < from || slot >= to) continue;
            const key = `${meter}/${slot}`;
            const cell = cells.get(key) ?? { meter, slot, energy: { importWh: 0, exportWh: 0 } };
            cell.energy[energyName] = readings.readDoubleLE(at);
            cells.set(key, cell);
          }
        }
      }
    } finally {
      database.close();
    }
  }
  return [...cells.values()];
}
