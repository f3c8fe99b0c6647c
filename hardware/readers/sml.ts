/** Reads the optical port of German meters: SML version 1, pushed without being asked. */
import { RegisterError } from "./quantities.ts";
import type { FaultCode, MeterReader, ReaderEvent } from "./reader.ts";
import { type SmlFile, SmlFrames } from "./sml-frames.ts";
import { parseMessages, SmlChecksumError, type SmlContent } from "./sml-messages.ts";
import { interpretSml } from "./sml-telegram.ts";
import { SmlSyntaxError } from "./sml-tree.ts";

export interface SmlOptions {
  /** The longest telegram, 4096 bytes by default; meters send 200 to 900. */
  readonly maxBytes?: number;
}

export class SmlReader implements MeterReader {
  readonly #frames: SmlFrames;
  /** Which checksums this meter computes for files and messages; others are then wrong. */
  #checksums: string | undefined;
  #events: ReaderEvent[] = [];

  constructor(options: SmlOptions = {}) {
    this.#frames = new SmlFrames(options.maxBytes ?? 4096, {
      file: (file) => this.#take(file),
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

  #take({ content, crc }: SmlFile): void {
    try {
      const found = parseMessages(content);
      const checksums = `${crc}, ${found.crc ?? "none"}`;
      if ((this.#checksums ?? checksums) !== checksums) {
        this.#fault("bad-crc", `checksums ${checksums} from a meter that has ${this.#checksums ?? ""}`, content.length);
        return;
      }
      this.#checksums = checksums;
      this.#give(found, content.length);
    } catch (error) {
      if (error instanceof SmlChecksumError) this.#fault("bad-crc", error.message, content.length);
      else if (error instanceof SmlSyntaxError) this.#fault("malformed", error.message, content.length);
      else throw error;
    }
  }

  #give({ lists, unknown, attention }: SmlContent, bytes: number): void {
    if (attention) this.#fault("rejected", "the meter refused a request", bytes);
    else if (lists.length === 0)
      this.#fault("unsupported", `no list of values (${unknown.join(", ") || "nothing"})`, bytes);
    for (const list of lists) {
      try {
        const telegram = interpretSml(list, unknown);
        const { importWh, exportWh } = telegram.registers;
        if (importWh === undefined && exportWh === undefined) {
          this.#fault(
            "locked",
            "the meter shows no register: its PIN, or its full data set, is not switched on",
            bytes,
          );
        } else this.#events.push(telegram);
      } catch (error) {
        if (!(error instanceof RegisterError)) throw error;
        this.#fault("bad-register", error.message, bytes);
      }
    }
  }

  #fault(code: FaultCode, detail: string, bytes: number): void {
    this.#events.push({ type: "fault", code, detail, bytes });
  }
}
