/**
 * What the log says of one port. Everything is counted; of what repeats (noise, a port that comes and goes) the first is
 * written at once and then a sum per interval, so that a broken cable cannot fill a disk.
 */
import { Refusals } from "../../config/runtime/refusals.ts";
import { type LineRate, type PortError, rateText } from "./serial-port.ts";

/** So many lines of one kind that are no fault per interval: a port that somebody plugs in again is told each time. */
const MOST_OPENED = 5;
const MOST_STATUSES = 1;

interface Sink {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
}

export interface PortLogOptions {
  readonly port: string;
  readonly meter: string;
  readonly log: Sink;
  /** Config `gateway.noiseSeconds`. */
  readonly intervalSeconds: number;
  /** Real time in seconds; it only spaces lines. */
  readonly now?: () => number;
}

export class PortLog {
  readonly #options: PortLogOptions;
  readonly #refusals: Refusals;
  readonly #counters: Record<string, number> = {};
  readonly #now: () => number;
  readonly #told = new Map<string, { lines: number; until: number }>();
  #failure = "";

  constructor(options: PortLogOptions) {
    this.#options = options;
    const { log, port, meter, intervalSeconds } = options;
    this.#now = options.now ?? (() => performance.now() / 1_000);
    this.#refusals = new Refusals({
      log: { warn: (fields, message) => log.warn({ port, meter, ...fields }, message) },
      intervalSeconds,
      now: this.#now,
    });
  }

  /** Something on the line was refused. `detail` never holds a value that was read. */
  refused(code: string, detail?: string): void {
    this.#refusals.count(code, detail);
  }

  /** Counts what is no fault: telegrams, frames, readings. */
  count(name: string, by = 1): void {
    this.#counters[name] = (this.#counters[name] ?? 0) + by;
  }

  opened(rate: LineRate): void {
    this.count("opened");
    this.#failure = "";
    this.#sparing({ rate: rateText(rate) }, "port open", MOST_OPENED);
  }

  reopened(reason: string): void {
    this.count("reopened");
    this.#refusals.count("reopened", reason);
  }

  gone(reason: string): void {
    this.#refusals.count("port-gone", reason);
  }

  /** The port could not be opened: one line for each reason, whatever the number of attempts. */
  failed(error: PortError): void {
    this.count("openFailed");
    if (error.message === this.#failure) return;
    this.#failure = error.message;
    this.#refusals.count(`port-${error.code}`, error.message);
  }

  /** What a device says of itself: its figures of this start. */
  status(status: Readonly<Record<string, unknown>>): void {
    this.count("statuses");
    this.#sparing({ status }, "device status", MOST_STATUSES);
  }

  #sparing(fields: Readonly<Record<string, unknown>>, message: string, most: number): void {
    const { log, port, meter, intervalSeconds } = this.#options;
    let told = this.#told.get(message);
    if (told === undefined || this.#now() >= told.until) told = { lines: 0, until: this.#now() + intervalSeconds };
    this.#told.set(message, told);
    told.lines += 1;
    if (told.lines <= most) log.info({ port, meter, ...fields }, message);
  }

  snapshot(): { refused: Record<string, number>; counters: Record<string, number> } {
    return { refused: this.#refusals.snapshot(), counters: { ...this.#counters } };
  }

  /** Writes what the interval held back; to be called before the process ends. */
  flush(): void {
    this.#refusals.flush();
  }
}
