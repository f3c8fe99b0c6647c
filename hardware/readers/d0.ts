/**
 * Reads readouts of IEC 62056-21 meters, asked for (d0-sign-on.ts) or pushed. A block check character is an exclusive or
 * over bytes, which two errors can pass: so every line must be understood, and registers must look as they did before.
 */
import { type DataSet, valueOf } from "./data-lines.ts";
import { D0Frames, type D0Frame } from "./d0-frames.ts";
import { powerWOf, RegisterError, registersOf } from "./quantities.ts";
import type { FaultCode, MeterReader, ReaderEvent } from "./reader.ts";
import { ShapeWatch } from "./shape-watch.ts";

export interface D0Options {
  /** The longest readout, 16384 bytes by default; a year of monthly registers is some 10 KB. */
  readonly maxBytes?: number;
}

/** A-B: may be left out, E as well; `*F` or `&F` is a billing period, of which 255 is the present. */
const CODE = /^(\d{1,3}-\d{1,3}:)?([0-9A-Z]{1,3}\.[0-9A-Z]{1,3}(?:\.\d{1,3})?)(?:[*&](\d{1,3}))?$/;
const SET = /([^()]*)((?:\([^()]*\))+)/y;
/** Where meters keep their own number. */
const METER_IDS = ["C.1.0", "C.1", "1-0:0.0.0", "0-0:96.1.0", "1-0:96.1.0", "0.0"];

export class D0Reader implements MeterReader {
  readonly #frames: D0Frames;
  readonly #shapes = new ShapeWatch();
  #checkSeen = false;
  #events: ReaderEvent[] = [];

  constructor(options: D0Options = {}) {
    this.#frames = new D0Frames(options.maxBytes ?? 16_384, {
      frame: (frame) => this.#take(frame),
      fault: (fault) => this.#events.push(fault),
    });
  }

  push(chunk: Uint8Array): ReaderEvent[] {
    this.#frames.push(chunk);
    return this.#given();
  }

  end(): ReaderEvent[] {
    this.#frames.end();
    return this.#given();
  }

  #given(): ReaderEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  #take({ identification, text, check, bytes }: D0Frame): void {
    if (check === "absent" && this.#checkSeen) {
      this.#fault("crc-missing", "no block check character, from a meter that has one", bytes);
      return;
    }
    this.#checkSeen ||= check === "valid";
    const sets: DataSet[] = [];
    for (const [index, line] of text.split(/\r?\n/).entries()) {
      const found = line === "" ? [] : parseD0Line(line);
      if (found === undefined) {
        this.#fault("malformed", `line ${index + 1} is no data line`, bytes);
        return;
      }
      sets.push(...found);
    }
    if (sets.length === 0) {
      this.#fault("malformed", "a readout without data", bytes);
      return;
    }
    if (!this.#shapes.same(identification, sets)) {
      this.#fault("unsettled", "other registers than in the readout before, and a weak check", bytes);
      return;
    }
    this.#give(identification, sets, check, bytes);
  }

  #give(model: string, sets: readonly DataSet[], check: D0Frame["check"], bytes: number): void {
    const values = sets.flatMap(({ obis, groups }) => groups.map((group) => valueOf(obis, group)));
    const ids = METER_IDS.map((code) => values.find(({ obis }) => obis === code)?.value);
    const id = ids.find((value) => typeof value === "string" && value.trim() !== "");
    const powerW = powerWOf(values);
    try {
      this.#events.push({
        type: "telegram",
        protocol: "d0",
        check,
        model,
        ...(typeof id === "string" ? { meterId: id.trim() } : {}),
        values,
        registers: registersOf(values),
        ...(powerW === undefined ? {} : { powerW }),
        subMeters: [],
        locked: false,
        skipped: [],
      });
    } catch (error) {
      if (!(error instanceof RegisterError)) throw error;
      this.#fault("bad-register", error.message, bytes);
    }
  }

  #fault(code: FaultCode, detail: string, bytes: number): void {
    this.#events.push({ type: "fault", code, detail, bytes });
  }
}

/** One or more data sets; undefined when the line is not built of them. */
function parseD0Line(line: string): DataSet[] | undefined {
  const sets: DataSet[] = [];
  SET.lastIndex = 0;
  let end = 0;
  for (let match = SET.exec(line); match !== null; match = SET.exec(line)) {
    const [whole, code = "", groups = ""] = match;
    const obis = obisOf(code);
    if (obis === undefined) return undefined;
    sets.push({ obis, groups: [...groups.matchAll(/\(([^()]*)\)/g)].map(([, group = ""]) => group) });
    end += whole.length;
  }
  return end === line.length ? sets : undefined;
}

/** In full where it is a number of an electricity meter; a period other than the present stays with it. */
function obisOf(code: string): string | undefined {
  const match = CODE.exec(code);
  if (match === null) return undefined;
  const [, medium, rest = "", period] = match;
  const electric = medium === undefined && /^\d+\.\d+\.\d+$/.test(rest) ? "1-0:" : "";
  return `${medium ?? electric}${rest}${period === undefined || period === "255" ? "" : `*${period}`}`;
}
