/**
 * Opens serial ports of the system through node-serialport. What goes wrong is told by a code and in words that say what
 * to do; a port that is pulled out ends with a reason, never with an exception.
 */
import type { Duplex } from "node:stream";
import { ExplainedError } from "../../config/faults.ts";

/** How bytes stand on the line. */
export interface LineRate {
  readonly baudRate: number;
  readonly dataBits: 7 | 8;
  readonly parity: "none" | "even";
}

/** `115200 8N1` */
export function rateText({ baudRate, dataBits, parity }: LineRate): string {
  return `${baudRate} ${dataBits}${parity === "even" ? "E" : "N"}1`;
}

/** An open port. */
export interface Line {
  /** Bytes in both directions. Its errors are taken care of. */
  readonly stream: Duplex;
  /** Resolves when the last bit is on the line. */
  readonly write: (bytes: Uint8Array) => Promise<void>;
  /** Another rate of the same kind, without closing. Rejects when the driver refuses it. */
  readonly setBaud: (baudRate: number) => Promise<void>;
  /** Why the port closed: resolves once, when it has. */
  readonly closed: Promise<string>;
  readonly close: () => Promise<void>;
}

export type OpenPort = (path: string, rate: LineRate) => Promise<Line>;

export type PortErrorCode = "missing" | "denied" | "busy" | "io" | "no-driver";

/** A port cannot be opened. All but `no-driver` may pass: a cable comes back, another program ends. */
export class PortError extends ExplainedError {
  readonly code: PortErrorCode;

  constructor(code: PortErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "PortError";
    this.code = code;
  }
}

/** The driver's errors have texts, not codes. */
const CAUSES: readonly (readonly [RegExp, PortErrorCode, string])[] = [
  [/no such file|file not found/i, "missing", "there is no such port; is the cable in?"],
  [
    /permission denied|access denied/i,
    "denied",
    "this user may not open it; on Linux, add the user to the group dialout and log in again",
  ],
  [/cannot lock|resource busy/i, "busy", "another program has it open"],
];

function explained(path: string, error: Error): PortError {
  const known = CAUSES.find(([pattern]) => pattern.test(error.message));
  const [, code, text] = known ?? [undefined, "io" as const, error.message];
  return new PortError(code, `${path}: ${text}`, { cause: error });
}

async function driver() {
  try {
    const [{ SerialPortStream }, { autoDetect }] = await Promise.all([
      import("@serialport/stream"),
      import("@serialport/bindings-cpp"),
    ]);
    return { SerialPortStream, binding: autoDetect() };
  } catch (cause) {
    const text = "the serial driver @serialport/bindings-cpp does not load on this system; run npm rebuild";
    throw new PortError("no-driver", `${text} @serialport/bindings-cpp`, { cause });
  }
}

/** Opens a port of the system. Rejects with PortError. */
export const openSerialPort: OpenPort = async (path, rate) => {
  const { SerialPortStream, binding } = await driver();
  // Without hang-up on close a board that resets on DTR runs on while a gateway is restarted.
  const port = new SerialPortStream({ binding, path, ...rate, autoOpen: false, hupcl: false });
  let reason = "closed";
  port.on("error", (error: Error) => (reason = error.message));
  const closed = new Promise<string>((resolve) => {
    port.once("close", (error?: Error | null) => {
      // The driver sees a pulled cable as a file that is no longer there.
      resolve(error ? `unplugged (${error.message})` : reason);
      port.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    port.open((error) => (error ? reject(explained(path, error)) : resolve()));
  });
  return {
    stream: port,
    closed,
    write: (bytes) =>
      new Promise((resolve, reject) => {
        const done = (error: Error | null | undefined): void => (error ? reject(explained(path, error)) : resolve());
        port.write(bytes, (error) => (error ? done(error) : port.drain(done)));
      }),
    setBaud: (baudRate) =>
      new Promise((resolve, reject) => {
        port.update({ baudRate }, (error) => (error ? reject(explained(path, error)) : resolve()));
      }),
    close: async () => {
      if (port.isOpen) port.close(() => undefined);
      await closed;
    },
  };
};
