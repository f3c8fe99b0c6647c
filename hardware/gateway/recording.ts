/**
 * Raw bytes of a port, kept in a file and played back through the same code that reads the port. JSON lines: first what
 * was recorded, then each portion with its time since the beginning. Such a file holds what the meter said: only its
 * owner can read it.
 */
import { closeSync, createReadStream, openSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { Duplex } from "node:stream";
import { z } from "zod";
import { PORT_KINDS, type PortKind } from "../../config/schema-gateway.ts";
import { ExplainedError } from "../../config/faults.ts";
import { faultWords } from "../../config/runtime/system-fault.ts";
import type { Line, OpenPort } from "./serial-port.ts";
import { rateText } from "./serial-port.ts";

const head = z.strictObject({
  recording: z.literal("wattveil"),
  version: z.literal(1),
  port: z.string(),
  kind: z.enum(PORT_KINDS),
  /** Unix seconds. */
  start: z.number().min(0),
});
const entry = z.union([
  z.strictObject({
    at: z.number().min(0),
    hex: z
      .string()
      .regex(/^([0-9a-f]{2})*$/)
      .max(1 << 20),
  }),
  z.strictObject({ at: z.number().min(0), event: z.string().max(200) }),
]);

/** A file is no recording, or cannot be written or read. */
class RecordingError extends ExplainedError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "RecordingError";
  }
}

export class Recorder {
  readonly #file: number;
  readonly #path: string;
  readonly #start: number;
  readonly #now: () => number;

  /** Begins a new file; refuses one that is there. `now` gives Unix seconds. */
  constructor(path: string, what: { readonly port: string; readonly kind: PortKind }, now: () => number) {
    this.#path = path;
    this.#now = now;
    this.#start = now();
    try {
      this.#file = openSync(path, "wx", 0o600);
    } catch (cause) {
      throw new RecordingError(`--record ${path}: ${wordsOf(cause)}`, { cause });
    }
    const { port, kind } = what;
    this.#write({ recording: "wattveil", version: 1, port, kind, start: this.#start });
  }

  bytes(chunk: Uint8Array): void {
    this.#write({ at: this.#at, hex: Buffer.from(chunk).toString("hex") });
  }

  event(event: string): void {
    this.#write({ at: this.#at, event });
  }

  close(): void {
    closeSync(this.#file);
  }

  get #at(): number {
    return Math.max(0, Math.round((this.#now() - this.#start) * 1_000) / 1_000);
  }

  #write(line: object): void {
    try {
      writeSync(this.#file, `${JSON.stringify(line)}\n`);
    } catch (cause) {
      throw new RecordingError(`${this.#path}: ${wordsOf(cause)}`, { cause });
    }
  }
}

/** Ports opened this way leave a copy of all that comes in. */
export function recorded(open: OpenPort, recorder: Recorder): OpenPort {
  return async (path, rate) => {
    const line = await open(path, rate);
    recorder.event(`open ${rateText(rate)}`);
    line.stream.on("data", (chunk: Uint8Array) => recorder.bytes(chunk));
    void line.closed.then((reason) => recorder.event(`closed: ${reason}`));
    return line;
  };
}

export interface Replay {
  readonly kind: PortKind;
  readonly port: string;
  /** Unix seconds by the recording. */
  readonly now: () => number;
  /** A line that gives the recorded bytes as fast as they are taken, and closes at their end. Writes go nowhere. */
  readonly line: Line;
  /** Begins; resolves at the end. Rejects with RecordingError, naming the line. */
  readonly play: () => Promise<void>;
}

/** Opens a recording. Rejects with RecordingError where the file is none. */
export async function openReplay(path: string): Promise<Replay> {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })[
    Symbol.asyncIterator
  ]();
  let number = 0;
  const next = async (): Promise<unknown> => {
    number++;
    const result = await lines.next().catch((cause: unknown) => {
      throw new RecordingError(`--replay ${path}: ${wordsOf(cause)}`, { cause });
    });
    return result.done === true ? undefined : parsed(result.value);
  };
  const { start, kind, port } = checked(head, await next(), `--replay ${path}: this is no recording of a gateway`);
  let now = start;
  let close = (_reason: string): void => undefined;
  const closed = new Promise<string>((resolve) => (close = resolve));
  const stream = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  const end = (): void => {
    close("the end of the recording");
    stream.destroy();
  };
  return {
    kind,
    port,
    now: () => now,
    line: {
      stream,
      closed,
      write: () => Promise.resolve(),
      setBaud: () => Promise.resolve(),
      close: async () => end(),
    },
    play: async () => {
      for (let line = await next(); line !== undefined; line = await next()) {
        const one = checked(entry, line, `--replay ${path}: line ${number} is no part of a recording`);
        if (!("hex" in one)) continue;
        now = start + one.at;
        stream.push(Buffer.from(one.hex, "hex"));
        // Each portion is taken at its own time.
        await new Promise((resolve) => setImmediate(resolve));
      }
      end();
    },
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function checked<T>(schema: z.ZodType<T>, value: unknown, fault: string): T {
  const result = schema.safeParse(value);
  if (!result.success) throw new RecordingError(fault);
  return result.data;
}

function wordsOf(cause: unknown): string {
  const { code = "", message } = cause as NodeJS.ErrnoException;
  if (code === "EEXIST") return "this file is there already; take another name";
  return faultWords(code) ?? message;
}
