/**
 * Listens to a real meter on a line: bytes to its reader, telegrams to whoever wants them, everything else to the
 * counters. Tries the next baud rate while none gives a telegram, and asks for a new opening when a meter falls silent.
 */
import type { Duplex } from "node:stream";
import type { FaultCode, MeterReader, ReaderEvent, Telegram } from "../readers/reader.ts";
import type { PortLog } from "./port-log.ts";
import type { LineUser } from "./port-session.ts";
import type { Line, LineRate } from "./serial-port.ts";

/** A reader on an open line, which may ask the meter and change the rate on the way. */
export type OpenReader = (line: Line) => MeterReader;

export interface MeterLineOptions {
  /** The rates that this kind of meter has, the usual one first. */
  readonly rates: readonly LineRate[];
  readonly reader: OpenReader;
  readonly onTelegram: (telegram: Telegram) => void;
  /** Raw bytes as they come, for a recording. */
  readonly tap?: (chunk: Uint8Array) => void;
  readonly log: PortLog;
  readonly baudSeconds: number;
  readonly silentSeconds: number;
}

/** These faults are told by a meter that was understood: the baud rate is right. */
const UNDERSTOOD: readonly FaultCode[] = ["encrypted", "bad-tag", "replayed", "locked", "unsettled", "rejected"];

export class MeterLine implements LineUser {
  readonly #options: MeterLineOptions;
  #rate = 0;
  /** The rate at hand has given a telegram. */
  #found = false;
  #reader: MeterReader | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stream: Duplex | undefined;
  #onData: ((chunk: Uint8Array) => void) | undefined;

  constructor(options: MeterLineOptions) {
    if (options.rates.length === 0) throw new RangeError("rates: expected at least one");
    this.#options = options;
  }

  rate(): LineRate {
    return this.#options.rates[this.#rate]!;
  }

  opened(line: Line, reopen: (reason: string) => void): void {
    this.#reader = this.#options.reader(line);
    this.#wait(reopen);
    this.#stream = line.stream;
    this.#onData = (chunk) => {
      this.#options.tap?.(chunk);
      this.#options.log.count("bytes", chunk.length);
      if (this.#take(this.#reader?.push(chunk) ?? [])) this.#wait(reopen);
    };
    this.#stream.on("data", this.#onData);
  }

  closed(): void {
    clearTimeout(this.#timer);
    if (this.#onData !== undefined) this.#stream?.off("data", this.#onData);
    this.#take(this.#reader?.end() ?? []);
    this.#reader = undefined;
  }

  /** True when the meter was understood. */
  #take(events: readonly ReaderEvent[]): boolean {
    const { log, onTelegram } = this.#options;
    let understood = false;
    for (const event of events) {
      if (event.type === "telegram") {
        understood = true;
        log.count("telegrams");
        for (const { code, at } of event.skipped) log.refused(`skipped-${code}`, at);
        onTelegram(event);
      } else {
        understood ||= UNDERSTOOD.includes(event.code);
        log.refused(event.code, event.detail);
      }
    }
    if (understood) this.#found = true;
    return understood;
  }

  #wait(reopen: (reason: string) => void): void {
    const { rates, baudSeconds, silentSeconds } = this.#options;
    const searching = rates.length > 1 && !this.#found;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => {
        this.#found = false;
        if (searching) this.#rate = (this.#rate + 1) % rates.length;
        reopen(searching ? "trying the next baud rate" : `no telegram for ${silentSeconds} s`);
      },
      (searching ? baudSeconds : silentSeconds) * 1_000,
    );
  }
}
