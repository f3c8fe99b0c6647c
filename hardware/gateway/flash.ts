/** Puts the committed firmware on a board with avrdude, after checking that the file is the one that was published. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { ExplainedError } from "../../config/faults.ts";
import { readBytes } from "../../config/runtime/text-file.ts";

/** What stands in the way of flashing, in words. */
class FlashError extends ExplainedError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "FlashError";
  }
}

export interface FlashOptions {
  readonly port: string;
  /** Intel HEX. */
  readonly hex: string;
  /** SHA-256 that the file must have; undefined for a file of one's own. */
  readonly sha256: string | undefined;
  /** avrdude's name of the programmer; `arduino` for a boot loader. */
  readonly programmer: string;
  readonly baud: number;
  /** Only says what would be done. */
  readonly dryRun: boolean;
}

/** Reads the SHA-256 of a file as `sha256sum` writes it. Throws FlashError. */
export function publishedHash(file: string): string {
  const text = readFirmware(file).toString("utf8");
  const [, hash] = /^([0-9a-f]{64})\b/.exec(text) ?? [];
  if (hash === undefined) throw new FlashError(`${file}: expected a SHA-256 of 64 hex digits`);
  return hash;
}

/** Throws FlashError when the file is missing, no Intel HEX, or not the one with this hash. Returns its program bytes. */
export function checkHex(file: string, sha256: string | undefined): number {
  const bytes = readFirmware(file);
  const hash = createHash("sha256").update(bytes).digest("hex");
  if (sha256 !== undefined && hash !== sha256) {
    throw new FlashError(`${file} is not the firmware that was published: its SHA-256 is ${hash}, expected ${sha256}`);
  }
  return programBytes(file, bytes.toString("latin1"));
}

/** Bytes of data records; checks every record's own checksum, which a broken copy would fail. */
function programBytes(file: string, text: string): number {
  let bytes = 0;
  let ended = false;
  for (const [at, line] of text.split(/\r?\n/).entries()) {
    if (line === "") continue;
    const record = /^:([0-9A-Fa-f]{2})+$/.test(line) ? Buffer.from(line.slice(1), "hex") : Buffer.alloc(0);
    const sum = record.reduce((total, byte) => (total + byte) & 0xff, 0);
    if (ended || record.length < 5 || record.length !== record[0]! + 5 || sum !== 0) {
      throw new FlashError(`${file}: line ${at + 1} is no record of an Intel HEX file`);
    }
    if (record[3] === 0) bytes += record[0]!;
    ended = record[3] === 1;
  }
  if (!ended || bytes === 0) throw new FlashError(`${file}: the Intel HEX file is not complete`);
  return bytes;
}

function readFirmware(file: string): Buffer {
  try {
    return readBytes(file);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new FlashError(`${file}: ${code === "ENOENT" ? "there is no such file" : `it cannot be read (${code})`}`, {
      cause,
    });
  }
}

/** Arguments of avrdude for an ATmega328P; without erasing first, which a boot loader cannot do. */
export function avrdudeArguments({ port, hex, programmer, baud }: FlashOptions): string[] {
  const target = ["-p", "atmega328p", "-c", programmer, "-P", port, "-b", String(baud)];
  return [...target, ...(programmer === "arduino" ? ["-D"] : []), "-U", `flash:w:${hex}:i`];
}

/** Checks the file, then lets avrdude write and verify it. Rejects with FlashError. */
export async function flash(options: FlashOptions): Promise<{ bytes: number }> {
  const bytes = checkHex(options.hex, options.sha256);
  if (options.dryRun) return { bytes };
  const child = spawn("avrdude", avrdudeArguments(options), { stdio: ["ignore", 2, 2] });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", (cause: NodeJS.ErrnoException) => {
      const missing = "avrdude is not installed (Debian: apt install avrdude; macOS: brew install avrdude)";
      reject(new FlashError(cause.code === "ENOENT" ? missing : `avrdude: ${cause.message}`, { cause }));
    });
    child.once("close", resolve);
  });
  if (code !== 0) {
    throw new FlashError(
      `avrdude could not write to ${options.port} (its words are above): is the board there, is no gateway using the port, is the boot loader one of ${options.baud} baud?`,
    );
  }
  return { bytes };
}
