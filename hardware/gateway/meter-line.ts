/**
 * Listens to a real meter on a line: bytes to its reader, telegrams to whoever wants them, everything else to the
 * counters. Tries the next baud rate while none gives a telegram, and asks for a new opening when a meter falls silent.
 */
import type { Duplex } from "node:stream";
import type { FaultCode, MeterReader, ReaderEvent, Telegram } from "../readers/reader.ts";
import type { PortLog } from "./port-log.ts";
import type { LineUser } from "./port-session.ts";
import type { Line, LineRate } from "./serial-port.ts";

/** A reader for a line that was just opened. */
export type OpenReader = () => MeterReader;

export interface MeterLineOptions {
  /** The rates that this kind of meter has, the usual one first. */
  readonly rates: readonly LineRate[];
  readonly reader: OpenReader;
  /** For a meter that speaks only when asked: asks it once, and gives what came of it. */
  readonly ask?: ((line: Line) => Promise<ReaderEvent[]>) | undefined;
  readonly askSeconds: number;
  readonly onTelegram: (telegram: Telegram) => void;
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
  #pause: NodeJS.Timeout | undefined;
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
    const { ask, reader, log } = this.#options;
    this.#wait(reopen);
    this.#stream = line.stream;
    this.#onData = (chunk) => {
      log.count("bytes", chunk.length);
      if (this.#take(this.#reader?.push(chunk) ?? [])) this.#wait(reopen);
    };
    this.#stream.on("data", this.#onData);
    if (ask === undefined) this.#reader = reader();
    else void this.#askAgain(line, ask, reopen);
  }

  async #askAgain(
    line: Line,
    ask: NonNullable<MeterLineOptions["ask"]>,
    reopen: (reason: string) => void,
  ): Promise<void> {
    while (this.#stream === line.stream) {
      // A port that fails in the middle closes, and is opened again.
      const events = await ask(line).catch(() => []);
      if (this.#stream !== line.stream) return;
      if (this.#take(events)) this.#wait(reopen);
      await this.#untilNextAsk(line);
    }
  }

  async #untilNextAsk({ stream }: Line): Promise<void> {
    let over = (): void => undefined;
    await new Promise<void>((resolve) => {
      over = resolve;
      this.#pause = setTimeout(resolve, this.#options.askSeconds * 1_000);
      stream.once("close", resolve);
    });
    // A line that is asked for months keeps nothing of it.
    stream.off("close", over);
  }

  closed(byUs: boolean): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#pause);
    if (this.#onData !== undefined) this.#stream?.off("data", this.#onData);
    this.#stream = undefined;
    const rest = this.#reader?.end() ?? [];
    // That a telegram is cut off is no fault of the meter when it is us who stop listening.
    this.#take(byUs ? rest.filter(({ type }) => type === "telegram") : rest);
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
    const { rates, baudSeconds, ask, askSeconds } = this.#options;
    const silentSeconds = this.#options.silentSeconds + (ask === undefined ? 0 : askSeconds);
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
