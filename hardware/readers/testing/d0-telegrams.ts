/** IEC 62056-21 meters: their readouts, and one that is asked by its optical port. */
import type { D0Port } from "../d0-session.ts";
import { fixed, type MeterState, totalOf } from "./meter-state.ts";

export const D0_VARIANTS = ["short", "full", "several"] as const;
/** short: codes without medium. full: codes with medium and period. several: more than one value on a line. */
export type D0Variant = (typeof D0_VARIANTS)[number];

export const IDENTIFICATION = "ESY5Q3DA1004 V3.04";

export interface D0Framing {
  /** block: STX, ETX and check character, as answers have. push: bare, as meters send unasked. */
  readonly framing?: "block" | "push";
  readonly identification?: string;
}

/** The whole of what is sent: identification and data. */
export function d0Telegram(variant: D0Variant, state: MeterState, framing: D0Framing = {}): Uint8Array {
  const { framing: kind = "block", identification = IDENTIFICATION } = framing;
  return Buffer.concat([
    Buffer.from(`/${identification}\r\n${kind === "push" ? "\r\n" : ""}`, "latin1"),
    kind === "block"
      ? d0Block(LINES[variant](state))
      : Buffer.from(`${LINES[variant](state).join("\r\n")}\r\n!\r\n`, "latin1"),
  ]);
}

/** Data lines as a block with its check character: exclusive or of all that follows STX, ETX included. */
export function d0Block(lines: readonly string[]): Uint8Array {
  const content = Buffer.from(`${lines.join("\r\n")}\r\n!\r\n\x03`, "latin1");
  return Buffer.concat([Buffer.of(0x02), content, Buffer.of(content.reduce((check, byte) => check ^ byte, 0))]);
}

type Lines = (state: MeterState) => string[];
const split = ({ importWh, exportWh }: MeterState, form: (code: string, energy: number) => string): string[] => [
  ...importWh.map((energy, index) => form(`1.8.${index + 1}`, energy)),
  ...exportWh.map((energy, index) => form(`2.8.${index + 1}`, energy)),
];

export const LINES: Readonly<Record<D0Variant, Lines>> = {
  short: (state) => [
    "F.F(00000000)",
    "C.1.0(30123456)",
    "0.9.1(112030)",
    "0.9.2(260115)",
    ...split(state, (code, energy) => `${code}(${fixed(energy, 6)}*kWh)`),
    // The end of the month before.
    "1.8.1*01(000001.000*kWh)",
    "1.8.1&02(000000.500*kWh)",
    `16.7.0(${fixed(state.powerW, 3)}*kW)`,
  ],
  full: (state) => [
    "1-0:0.0.0*255(1ESY1162232997)",
    `1-0:1.8.0*255(${fixed(totalOf(state.importWh), 7)}*kWh)`,
    `1-0:2.8.0*255(${fixed(totalOf(state.exportWh), 7)}*kWh)`,
    `1-0:1.7.0*255(${fixed(Math.max(state.powerW, 0), 4)}*kW)`,
    `1-0:2.7.0*255(${fixed(Math.max(-state.powerW, 0), 4)}*kW)`,
    "1-0:96.5.5*255(82)",
  ],
  several: (state) => [
    "0.0.0(12345678)",
    split(state, (code, energy) => `${code}(${fixed(energy, 6)}*kWh)`).join(""),
    "1.6.1(01.234*kW)(2601101200)",
    `16.7.0(${fixed(state.powerW, 3)}*kW)`,
  ],
};

export interface SimulatedMeterOptions {
  readonly readout: Uint8Array;
  readonly identification?: string;
  /** The head gives back what it sends. */
  readonly echo?: boolean;
  /** Bytes per chunk of an answer. */
  readonly chunk?: number;
  /** Cuts the answer off after so many bytes; 0 is a meter that does not answer. */
  readonly answerBytes?: number;
}

/** A meter behind an optical head: it understands what comes at the speed that it expects, and answers at its own. */
export class SimulatedD0Meter implements D0Port {
  readonly #options: SimulatedMeterOptions;
  readonly #listeners = new Set<(chunk: Uint8Array) => void>();
  /** What was sent to it, with the speed of the port at that moment. */
  readonly heard: { readonly baud: number; readonly text: string }[] = [];
  #portBaud = 0;
  /** What it will answer, once the port has the speed that it answers with. */
  #pending: { baud: number; bytes: Uint8Array } | undefined;

  constructor(options: SimulatedMeterOptions) {
    this.#options = options;
  }

  setBaud(baud: number): Promise<void> {
    this.#portBaud = baud;
    this.#answer();
    return Promise.resolve();
  }

  write(bytes: Uint8Array): Promise<void> {
    const text = Buffer.from(bytes).toString("latin1");
    this.heard.push({ baud: this.#portBaud, text });
    if (this.#options.echo === true) this.#give(bytes);
    if (this.#portBaud !== 300) return Promise.resolve();
    const { identification = IDENTIFICATION, readout } = this.#options;
    const ack = /^\x060([0-6])0\r\n$/.exec(text);
    if (text === "/?!\r\n") {
      this.#pending = { baud: 300, bytes: Buffer.from(`/${identification}\r\n`, "latin1") };
      const mode = identification[3] ?? "";
      const unasked = { A: 600, B: 1200, C: 2400, D: 4800, E: 9600, F: 19200 }[mode];
      this.#answer();
      if (!/[0-6]/.test(mode)) this.#pending = { baud: unasked ?? 300, bytes: readout };
      if (unasked === undefined) this.#answer();
    } else if (ack !== null) {
      this.#pending = { baud: [300, 600, 1200, 2400, 4800, 9600, 19200][Number(ack[1])]!, bytes: readout };
      this.#answer();
    }
    return Promise.resolve();
  }

  onBytes(listener: (chunk: Uint8Array) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #answer(): void {
    if (this.#pending?.baud !== this.#portBaud) return;
    const { bytes } = this.#pending;
    this.#pending = undefined;
    const { chunk = 16, answerBytes = Number.POSITIVE_INFINITY } = this.#options;
    for (let at = 0; at < Math.min(bytes.length, answerBytes); at += chunk) {
      this.#give(bytes.subarray(at, Math.min(at + chunk, answerBytes)));
    }
  }

  #give(bytes: Uint8Array): void {
    for (const listener of this.#listeners) listener(bytes);
  }
}
