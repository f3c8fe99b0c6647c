/**
 * Pulses on a line. On a serial port the S0 output of a meter pulls the receiving pin low, which reads as some byte; what
 * follows within the debounce time is the same pulse. A GPIO line comes debounced: a byte is a pulse.
 */
import type { Duplex } from "node:stream";
import type { PortLog } from "./port-log.ts";
import type { LineUser } from "./port-session.ts";
import type { Line, LineRate } from "./serial-port.ts";

export interface PulseLineOptions {
  readonly rate: LineRate;
  /** 0 where the source has done it. */
  readonly debounceMilliseconds: number;
  readonly monotonic: () => number;
  readonly pulses: (count: number) => void;
  readonly log: PortLog;
}

export class PulseLine implements LineUser {
  readonly #options: PulseLineOptions;
  #stream: Duplex | undefined;
  #lastByteAt = Number.NEGATIVE_INFINITY;

  constructor(options: PulseLineOptions) {
    this.#options = options;
  }

  rate(): LineRate {
    return this.#options.rate;
  }

  opened(line: Line): void {
    this.#stream = line.stream;
    this.#stream.on("data", this.#take);
  }

  closed(): void {
    this.#stream?.off("data", this.#take);
  }

  readonly #take = (chunk: Uint8Array): void => {
    const { debounceMilliseconds, monotonic, pulses, log } = this.#options;
    if (debounceMilliseconds === 0) {
      pulses(chunk.length);
      return;
    }
    const now = monotonic();
    const quiet = now - this.#lastByteAt;
    // Counted from the last byte: a contact that bounces for longer is still one pulse.
    this.#lastByteAt = now;
    if (quiet >= debounceMilliseconds) pulses(1);
    else log.count("bounces", chunk.length);
  };
}
