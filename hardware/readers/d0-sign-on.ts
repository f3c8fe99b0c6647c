/**
 * The conversation in which an IEC 62056-21 meter is asked for its readout: request at 300 baud, identification with the
 * meter's speed, acknowledgement, readout at that speed. A pure state machine: it says what to do, and is told what came.
 */
import { D0Reader } from "./d0.ts";
import type { ReaderEvent } from "./reader.ts";

const START_BAUD = 300;
/** Mode C: the meter waits for an acknowledgement that names the speed. */
const MODE_C_BAUD: Readonly<Record<string, number>> = {
  "0": 300,
  "1": 600,
  "2": 1200,
  "3": 2400,
  "4": 4800,
  "5": 9600,
  "6": 19200,
};
/** Mode B: the meter changes its speed without waiting. */
const MODE_B_BAUD: Readonly<Record<string, number>> = { A: 600, B: 1200, C: 2400, D: 4800, E: 9600, F: 19200 };

/** The standard gives 1.5 s to begin an answer, and between two characters; the request itself takes 0.2 s at 300 baud. */
const SILENCE_MS = 1500;
const FIRST_ANSWER_MS = 2500;
const MAX_IDENTIFICATION = 128;

export interface SignOnOptions {
  /** The meter's address, for lines with several; up to 32 characters. */
  readonly address?: string;
  /** The fastest speed that the optical head can do, 19200 by default. */
  readonly maxBaud?: number;
  readonly reader?: D0Reader;
}

/** `send` is done when the last bit is on the line: a speed that changes before that garbles it. */
export type D0Action =
  | { readonly do: "send"; readonly bytes: Uint8Array }
  | { readonly do: "baud"; readonly baud: number };

export interface D0Step {
  /** To be done one after the other. */
  readonly actions: readonly D0Action[];
  readonly events: readonly ReaderEvent[];
  /** Call `timeout` when no byte comes for so long after the actions; undefined: the conversation is over. */
  readonly waitMs: number | undefined;
}

export class D0SignOn {
  readonly #request: Uint8Array;
  readonly #maxBaud: number;
  readonly #reader: D0Reader;
  #state: "off" | "identification" | "data" = "off";
  #line = "";

  /** Throws RangeError for an address that the standard does not allow. */
  constructor(options: SignOnOptions = {}) {
    const address = options.address ?? "";
    if (!/^[0-9A-Za-z ]{0,32}$/.test(address)) {
      throw new RangeError("address: expected up to 32 letters, digits and spaces");
    }
    this.#request = Buffer.from(`/?${address}!\r\n`, "latin1");
    this.#maxBaud = options.maxBaud ?? 19_200;
    this.#reader = options.reader ?? new D0Reader();
  }

  /** Begins; also again, after it was over. */
  start(): D0Step {
    this.#state = "identification";
    this.#line = "";
    const events = this.#reader.end();
    return {
      actions: [
        { do: "baud", baud: START_BAUD },
        { do: "send", bytes: this.#request },
      ],
      events,
      waitMs: FIRST_ANSWER_MS,
    };
  }

  push(chunk: Uint8Array): D0Step {
    if (this.#state === "off") return over([]);
    if (this.#state === "data") return this.#data(chunk);
    for (const [index, byte] of chunk.entries()) {
      const character = String.fromCharCode(byte & 0x7f);
      // Whatever came before is noise; the reader counts it.
      if (character === "/") this.#line = "";
      this.#line += character;
      if (character === "\x15") return this.#fail("rejected", "the meter answers NAK");
      if (this.#line.length > MAX_IDENTIFICATION) return this.#fail("malformed", "no identification, but other bytes");
      if (character !== "\n") continue;
      const line = this.#line.trim();
      this.#line = "";
      // Our own request comes back from the optical head.
      if (line.startsWith("/") && !line.startsWith("/?")) return this.#identified(line, chunk.subarray(index + 1));
    }
    return { actions: [], events: [], waitMs: SILENCE_MS };
  }

  /** Nothing came for as long as the last step said. */
  timeout(): D0Step {
    if (this.#state === "off") return over([]);
    const events = this.#reader.end();
    if (events.some((event) => event.type === "fault" && event.code !== "noise")) {
      this.#state = "off";
      return over(events);
    }
    const heard = this.#state === "data" ? "the meter gave its identification, and then nothing" : "no answer";
    const step = this.#fail("silent", heard);
    return over([...events, ...step.events]);
  }

  #identified(line: string, rest: Uint8Array): D0Step {
    const speed = line[4] ?? "";
    const [modeC, modeB] = [MODE_C_BAUD[speed], MODE_B_BAUD[speed]];
    if (modeB !== undefined && modeB > this.#maxBaud) {
      return this.#fail("unsupported", `the meter goes on at ${modeB} baud, the head can do ${this.#maxBaud}`);
    }
    this.#state = "data";
    const events = this.#reader.push(Buffer.from(`${line}\r\n`, "latin1"));
    const actions: D0Action[] = [];
    if (modeC !== undefined) {
      const [choice, baud] = modeC <= this.#maxBaud ? [speed, modeC] : ["0", START_BAUD];
      // ACK, normal protocol, speed, data readout.
      actions.push({ do: "send", bytes: Buffer.from(`\x060${choice}0\r\n`, "latin1") }, { do: "baud", baud });
    } else if (modeB !== undefined) actions.push({ do: "baud", baud: modeB });
    const more = this.#data(rest);
    return { actions, events: [...events, ...more.events], waitMs: more.waitMs };
  }

  #data(chunk: Uint8Array): D0Step {
    const events = this.#reader.push(chunk);
    if (events.some((event) => event.type === "telegram" || event.code !== "noise")) {
      this.#state = "off";
      return over(events);
    }
    return { actions: [], events, waitMs: SILENCE_MS };
  }

  #fail(code: "rejected" | "malformed" | "silent" | "unsupported", detail: string): D0Step {
    this.#state = "off";
    return over([{ type: "fault", code, detail, bytes: this.#line.length }]);
  }
}

function over(events: readonly ReaderEvent[]): D0Step {
  return { actions: [], events, waitMs: undefined };
}
