/** Scans from and to CSV: `time,kind,element,value,unit,simulated`, one sample a row, rows of a scan together. */
import { createReadStream } from "node:fs";
import { CsvError, parse } from "csv-parse";
import { stringify } from "csv-stringify/sync";
import type { Grid } from "../model/grid.ts";
import { inPhysicalUnits, type Sample, SampleError, sampleOf, type ScadaSource, type Scan } from "./scan.ts";

const COLUMNS = ["time", "kind", "element", "value", "unit", "simulated"] as const;
/** So many digits that noise is not coarsened. */
const DIGITS = 8;

/** What is wrong with a file of scans; the message names file and line. */
export class ScadaFileError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ScadaFileError";
  }
}

export const CSV_HEADER = `${COLUMNS.join()}\n`;

/** Rows of one scan, in kV and A where the case names base voltages. */
export function csvOf(grid: Grid, { time, samples }: Scan): string {
  const stamp = new Date(time * 1_000).toISOString().replace(".000Z", "Z");
  return stringify(
    samples.map((sample) => {
      const { value, unit } = inPhysicalUnits(grid, sample);
      return [stamp, sample.kind, sample.element, Number(value.toPrecision(DIGITS)), unit, String(sample.simulated)];
    }),
  );
}

/** A source of scans from a file. Whatever is wrong with a row is thrown, as ScadaFileError, when it is reached. */
export class CsvScada implements ScadaSource {
  readonly #file: string;
  readonly #grid: Grid;

  constructor(file: string, grid: Grid) {
    this.#file = file;
    this.#grid = grid;
  }

  async *scans(): AsyncIterable<Scan> {
    const rows = parse({ bom: true, trim: true, skip_empty_lines: true, relax_column_count: true, info: true });
    const input = createReadStream(this.#file);
    input.on("error", (error) => rows.destroy(error)).pipe(rows);
    let scan: { time: number; samples: Map<string, Sample> } | undefined;
    let header = true;
    const finish = (): Scan => ({ time: scan!.time, source: this.#file, samples: [...scan!.samples.values()] });
    try {
      for await (const item of rows) {
        const { record, info } = item as { record: string[]; info: { lines: number } };
        const fail = (what: string): never => {
          throw new ScadaFileError(`${this.#file}, line ${info.lines}: ${what}`);
        };
        if (header) {
          if (record.join() !== COLUMNS.join())
            fail(`expected the columns ${COLUMNS.join()}, got ${record.join().slice(0, 80)}`);
          header = false;
          continue;
        }
        const { time, sample } = this.#rowOf(record, fail);
        if (scan !== undefined && time < scan.time) fail(`time: ${record[0]!} is before the row above`);
        if (scan !== undefined && time > scan.time) yield finish();
        if (scan?.time !== time) scan = { time, samples: new Map() };
        const name = `${sample.kind}:${sample.element}`;
        if (scan.samples.has(name)) fail(`${sample.kind} of ${sample.element} is there twice at ${record[0]!}`);
        scan.samples.set(name, sample);
      }
    } catch (error) {
      throw this.#explained(error);
    } finally {
      // Whoever stops in the middle leaves no open file.
      input.destroy();
    }
    if (scan === undefined) throw new ScadaFileError(`${this.#file} has no samples`);
    yield finish();
  }

  /** Reads all of it. Throws ScadaFileError for the first row that is wrong. */
  async check(): Promise<void> {
    for await (const _ of this.scans());
  }

  #rowOf(record: readonly string[], fail: (what: string) => never): { time: number; sample: Sample } {
    if (record.length !== COLUMNS.length) fail(`expected ${COLUMNS.length} fields, got ${record.length}`);
    const [stamp = "", kind, element, value, unit, simulated = ""] = record;
    const time = /^\d{1,12}(?:\.\d+)?$/.test(stamp) ? Number(stamp) : Date.parse(zoned(stamp) ? stamp : "") / 1_000;
    if (Number.isNaN(time)) fail(`time: expected Unix seconds or ISO 8601 with its offset, got ${stamp}`);
    if (simulated !== "true" && simulated !== "false") fail(`simulated: expected true or false, got ${simulated}`);
    try {
      return {
        time,
        sample: { ...sampleOf(this.#grid, { kind, element, value, unit }), simulated: simulated === "true" },
      };
    } catch (error) {
      return fail((error as Error).message);
    }
  }

  #explained(error: unknown): unknown {
    if (error instanceof ScadaFileError || error instanceof SampleError) return error;
    if (error instanceof CsvError) {
      return new ScadaFileError(`${this.#file}, line ${String(error["lines"])}: no CSV of ${COLUMNS.join()}`);
    }
    const { code, syscall } = error as NodeJS.ErrnoException;
    return syscall === undefined ? error : new ScadaFileError(`${this.#file} cannot be read (${code ?? "unknown"})`);
  }
}

/** A time without an offset would mean another moment on another machine, and the 30th of February is none anywhere. */
function zoned(stamp: string): boolean {
  const [, date] = /^(\d{4}-\d\d-\d\d)T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)$/.exec(stamp) ?? [];
  const day = new Date(`${date ?? ""}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(date!);
}
