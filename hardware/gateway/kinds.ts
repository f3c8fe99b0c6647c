/** What each kind of meter needs of its line: the rates to try, and the reader that understands it. */
import { readFileSync } from "node:fs";
import type { PortSettings } from "../../config/schema-gateway.ts";
import { UsageError } from "../../config/runtime/role-command.ts";
import { D0Reader } from "../readers/d0.ts";
import { readD0 } from "../readers/d0-session.ts";
import { P1Reader } from "../readers/p1.ts";
import type { ReaderEvent } from "../readers/reader.ts";
import { SmlReader } from "../readers/sml.ts";
import type { OpenReader } from "./meter-line.ts";
import type { Line, LineRate } from "./serial-port.ts";

/** Kinds that speak of registers. */
export type MeterKind = "p1" | "sml" | "d0";

const EIGHT = { dataBits: 8, parity: "none" } as const;
const SEVEN = { dataBits: 7, parity: "even" } as const;

/** DSMR 4 and later, then DSMR 2 and 3, then Swedish and Hungarian meters that are set otherwise. */
const P1_RATES: readonly LineRate[] = [
  { baudRate: 115_200, ...EIGHT },
  { baudRate: 9_600, ...SEVEN },
  { baudRate: 9_600, ...EIGHT },
];

/** The rates of a port, the one to begin with first; a baud rate that is set leaves only how bytes stand on it. */
export function ratesOf({ kind, baud, signOn }: PortSettings): readonly LineRate[] {
  switch (kind) {
    case "p1":
      if (baud === undefined) return P1_RATES;
      return (baud > 9_600 ? [EIGHT] : [SEVEN, EIGHT]).map((bits) => ({ baudRate: baud, ...bits }));
    case "sml":
      return [{ baudRate: baud ?? 9_600, ...EIGHT }];
    case "d0":
      // IEC 62056-21 begins at 300 baud; meters that speak by themselves mostly use 9600.
      return [{ baudRate: baud ?? (signOn === true ? 300 : 9_600), ...SEVEN }];
    case "pulse":
      return [{ baudRate: baud ?? 300, ...EIGHT }];
    case "wattveil":
      return [{ baudRate: baud ?? 115_200, ...EIGHT }];
  }
}

/** Throws UsageError when the file with the key cannot be used. */
export function readerOf(settings: PortSettings & { readonly kind: MeterKind }): OpenReader {
  const { kind, keyFile } = settings;
  switch (kind) {
    case "p1": {
      const keys = keyFile === undefined ? undefined : readP1Keys(keyFile);
      return () => new P1Reader({ keys });
    }
    case "sml":
      return () => new SmlReader();
    case "d0":
      return () => new D0Reader();
  }
}

/** How a meter is asked that does not speak by itself; undefined for all others. */
export function askerOf({ kind, signOn }: PortSettings): ((line: Line) => Promise<ReaderEvent[]>) | undefined {
  if (kind !== "d0" || signOn !== true) return undefined;
  return ({ stream, write, setBaud }) =>
    readD0({
      write,
      setBaud,
      onBytes: (listener) => {
        stream.on("data", listener);
        return () => stream.off("data", listener);
      },
    });
}

/** The key that opens, and in some countries a second line with the one that authenticates. */
function readP1Keys(file: string) {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new UsageError(`keyFile ${file}: it cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown"})`);
  }
  const keys = text.split(/\s+/).filter((word) => word !== "");
  if (keys.length < 1 || keys.length > 2 || !keys.every((key) => /^[0-9a-fA-F]{32}$/.test(key))) {
    throw new UsageError(`keyFile ${file}: expected 32 hex digits, and perhaps 32 more on a second line`);
  }
  const [decryption, authentication] = keys.map((key) => Buffer.from(key, "hex"));
  return { decryption: decryption!, authentication };
}
