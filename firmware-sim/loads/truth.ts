/** Writes the readings that were fed as a CSV file that `openReplay` reads back. */
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { stringify } from "csv-stringify";
import type { ReadingsSource } from "./readings-source.ts";

export interface TruthRow {
  readonly meter: string;
  readonly slotStart: number;
  readonly importWh: number;
  readonly exportWh: number;
  readonly feeder: string;
}

/** An open truth file; rows may come in any order, each (meter, slot) once. */
export class TruthFile {
  private readonly rows = stringify({
    header: true,
    columns: ["meter", "slot_start", "energy_wh", "feeder", "export_wh"],
  });
  private readonly written: Promise<void>;

  constructor(path: string) {
    this.written = pipeline(this.rows, createWriteStream(path));
    // A failure is thrown by `write` or `close`, not as an unhandled rejection in between.
    this.written.catch(() => undefined);
  }

  /** Resolves when more may be written. Throws what the file system threw. */
  async write(row: TruthRow): Promise<void> {
    if (this.rows.destroyed) await this.written;
    const { meter, slotStart, importWh, feeder, exportWh } = row;
    if (!this.rows.write([meter, slotStart, importWh, feeder, exportWh])) {
      await Promise.race([once(this.rows, "drain"), this.written]);
    }
  }

  /** Resolves when every row is in the file. */
  async close(): Promise<void> {
    this.rows.end();
    await this.written;
  }
}

/** Writes every reading of a source, slot by slot; gaps have no row. `onSlot` is told how many slots are written. */
export async function writeTruth(
  path: string,
  source: ReadingsSource,
  onSlot: (done: number) => void = () => {},
): Promise<void> {
  const file = new TruthFile(path);
  for (let slot = source.range.from; slot < source.range.to; slot += 1) {
    for (const [index, { id }] of source.meters.entries()) {
      const energy = source.read(index, slot);
      if (energy === undefined) continue;
      await file.write({
        meter: id,
        slotStart: slot * source.slotSeconds,
        feeder: source.feederOf(index, slot),
        ...energy,
      });
    }
    onSlot(slot + 1 - source.range.from);
  }
  await file.close();
}
