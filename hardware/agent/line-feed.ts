/** Where a meter's readings come from outside: a file, a pipe or standard input, line by line. */
import { accessSync, constants, createReadStream, statSync } from "node:fs";
import { createInterface } from "node:readline";
import { type Readable, Transform, type TransformCallback } from "node:stream";
import { UsageError } from "../../config/runtime/role-command.ts";
import { InputLineError } from "./input-line.ts";

/** Opens a file or pipe, `-` for standard input. Throws UsageError for what cannot be read, before anything starts. */
export function openInput(file: string, standard: Readable): Readable {
  if (file === "-") return standard;
  let folder: boolean;
  try {
    folder = statSync(file).isDirectory();
    accessSync(file, constants.R_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason =
      code === "ENOENT" ? "there is no such file" : `it cannot be read by this user (${code ?? "unknown"})`;
    throw new UsageError(`--input ${file}: ${reason}`);
  }
  if (folder) throw new UsageError(`--input ${file}: this is a folder, expected a file or pipe with JSON lines`);
  return createReadStream(file);
}

/** A reading takes a hundred. */
const MOST_LINE_BYTES = 65_536;
const NEWLINE = 0x0a;

/** Lets no line grow without an end: one byte more than is allowed passes of it, by which it is known. */
class LineCap extends Transform {
  #bytes = 0;

  override _transform(chunk: Buffer | string, encoding: BufferEncoding, done: TransformCallback): void {
    const bytes = typeof chunk === "string" ? Buffer.from(chunk, encoding) : chunk;
    for (let at = 0; at < bytes.length; ) {
      const newline = bytes.indexOf(NEWLINE, at);
      const end = newline < 0 ? bytes.length : newline;
      const room = Math.max(0, MOST_LINE_BYTES + 1 - this.#bytes);
      this.push(bytes.subarray(at, Math.min(end, at + room)));
      this.#bytes += end - at;
      if (newline >= 0) {
        this.push(bytes.subarray(newline, newline + 1));
        this.#bytes = 0;
      }
      at = end + 1;
    }
    done();
  }
}

export interface LineFeedOptions {
  readonly input: Readable;
  /** Throws InputLineError for a line that is no reading. */
  readonly take: (line: string) => void;
  readonly refused: (line: number, reason: string) => void;
  readonly signal: AbortSignal;
}

export interface Fed {
  readonly taken: number;
  readonly refused: number;
}

/** Hands in every line until the input or the signal ends it; empty lines are skipped. Rejects when reading fails. */
export async function feedLines({ input, take, refused, signal }: LineFeedOptions): Promise<Fed> {
  const capped = input.pipe(new LineCap());
  const lines = createInterface({ input: capped, crlfDelay: Number.POSITIVE_INFINITY });
  const failed = new Promise<never>((_resolve, reject) => input.once("error", reject));
  const stop = (): void => {
    lines.close();
    input.unpipe(capped).pause();
  };
  signal.addEventListener("abort", stop, { once: true });
  return Promise.race([feed(), failed]);

  async function feed(): Promise<Fed> {
    const fed = { taken: 0, refused: 0 };
    let number = 0;
    for await (const line of lines) {
      number++;
      if (signal.aborted) break;
      if (line.trim() === "") continue;
      try {
        if (line.length > MOST_LINE_BYTES) throw new InputLineError(`a line has at most ${MOST_LINE_BYTES} bytes`);
        take(line);
        fed.taken++;
      } catch (error) {
        if (!(error instanceof InputLineError)) throw error;
        fed.refused++;
        refused(number, error.message);
      }
    }
    return fed;
  }
}
