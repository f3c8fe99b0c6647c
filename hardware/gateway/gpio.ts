/**
 * A GPIO line of this computer as a source of pulses, through gpiomon of libgpiod: the kernel's own interface, which any
 * Raspberry Pi has, without native code in this process. Where there is none, it says so.
 */
import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { Duplex } from "node:stream";
import { promisify } from "node:util";
import { type OpenPort, PortError } from "./serial-port.ts";

const run = promisify(execFile);
const STDERR_BYTES = 500;

export interface GpioOptions {
  readonly debounceMilliseconds: number;
  /** Where chips are; `/dev`. */
  readonly folder?: string;
}

/** `gpio:gpiochip0/17` */
function gpioLineOf(port: string): { chip: string; line: string } | undefined {
  const [, chip, line] = /^gpio:([^/]+)\/(\d+)$/.exec(port) ?? [];
  return chip === undefined || line === undefined ? undefined : { chip, line };
}

/** Opens GPIO lines; each pulse (a falling edge, pulled up when open) is a byte. Rejects with PortError. */
export function gpioOpener({ debounceMilliseconds, folder = "/dev" }: GpioOptions): OpenPort {
  return async (port) => {
    const at = gpioLineOf(port);
    if (at === undefined) throw new PortError("missing", `${port}: expected gpio:<chip>/<line>`);
    if (!existsSync(`${folder}/${at.chip}`)) {
      const text = `this computer has no GPIO chip ${at.chip}; gpiodetect lists those that it has`;
      throw new PortError("no-driver", `${port}: ${text}`);
    }
    const version = await gpiomonVersion(port);
    const child = spawn("stdbuf", ["-oL", "gpiomon", ...gpiomonArguments(version, at, debounceMilliseconds)], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const stream = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
    const filter = debounce(debounceMilliseconds);
    createInterface({ input: child.stdout }).on("line", (line) => {
      // Version 2 leaves debouncing to the kernel.
      if (version >= 2 || filter(line)) stream.push(Buffer.of(1));
    });
    let complaint = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      if (complaint.length < STDERR_BYTES) complaint += text;
    });
    const closed = new Promise<string>((resolve) => {
      child.once("error", (error) => resolve(error.message));
      child.once("close", () => resolve(complaint.trim() || "gpiomon ended"));
    });
    return {
      stream,
      closed,
      write: () => Promise.reject(new PortError("io", `${port}: nothing can be written to a pulse input`)),
      setBaud: () => Promise.reject(new PortError("io", `${port}: a GPIO line has no baud rate`)),
      close: async () => {
        child.kill();
        await closed;
        stream.destroy();
      },
    };
  };
}

async function gpiomonVersion(port: string): Promise<number> {
  try {
    const { stdout } = await run("gpiomon", ["--version"]);
    return Number(/v(\d+)\./.exec(stdout)?.[1] ?? 1);
  } catch (cause) {
    const text = "GPIO pulses need gpiomon of libgpiod, which is not installed (Debian: apt install gpiod)";
    throw new PortError("no-driver", `${port}: ${text}`, { cause });
  }
}

/** Options of gpiomon differ between libgpiod 1 (Debian 12) and 2 (Debian 13). */
export function gpiomonArguments(
  version: number,
  { chip, line }: { readonly chip: string; readonly line: string },
  debounceMilliseconds: number,
): string[] {
  if (version < 2) return ["--falling-edge", "--bias=pull-up", "--line-buffered", "--format=%s.%n", chip, line];
  return [
    ...["--chip", chip, "--edges", "falling", "--bias", "pull-up"],
    ...["--debounce-period", `${debounceMilliseconds}ms`, "--format", "%e", line],
  ];
}

/** Tells whether an edge, given by its time in `seconds.nanoseconds`, begins a pulse. */
function debounce(milliseconds: number): (line: string) => boolean {
  let last = Number.NEGATIVE_INFINITY;
  return (line) => {
    const [seconds = "0", nanoseconds = "0"] = line.trim().split(".");
    const at = Number(seconds) * 1_000 + Number(nanoseconds) / 1_000_000;
    const begins = at - last >= milliseconds;
    last = at;
    return begins;
  };
}
