/** SML files of several makers' meters, made from a meter's state. */
import { type MeterState, totalOf } from "./meter-state.ts";
import { slowKermit, slowX25 } from "./slow-crc.ts";

/** Low byte first, where Kermit's is sent high byte first. */
const x25 = (bytes: Uint8Array): number => {
  const sum = slowX25(bytes);
  return ((sum & 0xff) << 8) | (sum >>> 8);
};

export const SML_VARIANTS = ["plain", "long", "tariffs", "kermit", "hundredths"] as const;
/**
 * plain: tenths of watt-hours in 32 bits. long: 64 bits, and an identification that needs a two-byte length.
 * tariffs: ten-thousandths, tariffs next to totals. kermit: the wrong checksum and a time without its kind (Holley).
 * hundredths: power with two decimals, drawn and fed in apart.
 */
export type SmlVariant = (typeof SML_VARIANTS)[number];

export interface SmlWriting {
  /** What the meter shows before its PIN is entered: whole kilowatt-hours and no power, or nothing at all. */
  readonly locked?: "coarse" | "nothing";
  /** Bytes put into a value, to be escaped. */
  readonly opaque?: Uint8Array;
  /** The meter's clock is right, and shown as a timestamp. */
  readonly clock?: boolean;
}

export function smlTelegram(variant: SmlVariant, state: MeterState, writing: SmlWriting = {}): Uint8Array {
  const crc = variant === "kermit" ? slowKermit : x25;
  const serverId = octets(Buffer.from([0x0a, 0x01, 0x49, 0x53, 0x4b, 0x00, 0x04, 0x7a, 0x55, 0x44])); // 1ISK0075126084
  const time =
    writing.clock === true ? list(unsigned(2, 1), unsigned(state.time, 4)) : list(unsigned(1, 1), unsigned(77, 4));
  const body = list(
    OMITTED,
    serverId,
    octets(Buffer.from("0100620affff", "hex")),
    time,
    list(...entries(variant, state, writing)),
    OMITTED,
    OMITTED,
  );
  return smlFile(
    [
      message(1, 0x0101, list(OMITTED, OMITTED, octets(Buffer.of(1, 2)), serverId, OMITTED, OMITTED), crc),
      message(2, 0x0701, body, crc),
      message(3, 0x0201, list(OMITTED), crc),
    ],
    crc,
  );
}

/** Messages with transport escapes, padding and checksum around them. */
export function smlFile(messages: readonly Uint8Array[], crc: (bytes: Uint8Array) => number = x25): Uint8Array {
  const content = Buffer.concat(messages);
  const escaped = Buffer.from(
    content
      .toString("hex")
      .replace(/(..)/g, "$1 ")
      .replace(/(1b ){4}/g, "1b 1b 1b 1b 1b 1b 1b 1b ")
      .replaceAll(" ", ""),
    "hex",
  );
  const padding = (4 - (escaped.length % 4)) % 4;
  const checked = Buffer.concat([
    ESCAPE,
    Buffer.of(1, 1, 1, 1),
    escaped,
    Buffer.alloc(padding),
    ESCAPE,
    Buffer.of(0x1a, padding),
  ]);
  const sum = crc(checked);
  return Buffer.concat([checked, Buffer.of(sum >>> 8, sum & 0xff)]);
}

const ESCAPE = Buffer.of(0x1b, 0x1b, 0x1b, 0x1b);
const OMITTED = Buffer.of(0x01);

/** One message with its own checksum. */
export function message(
  transaction: number,
  kind: number,
  body: Uint8Array,
  crc: (bytes: Uint8Array) => number = x25,
): Uint8Array {
  const checked = Buffer.concat([
    Buffer.of(0x76),
    octets(Buffer.of(0, 0x63, transaction)),
    unsigned(0, 1),
    unsigned(0, 1),
    list(unsigned(kind, 2), body),
  ]);
  const sum = crc(checked);
  return Buffer.concat([checked, unsigned(sum, 2), Buffer.of(0)]);
}

/** Type-length fields: as many nibbles of length as it needs, but for lists counting themselves. */
function head(type: number, contentLength: number): Buffer {
  for (let fields = 1; ; fields++) {
    const length = type === 7 ? contentLength : contentLength + fields;
    if (length >= 16 ** fields) continue;
    return Buffer.from(
      Array.from({ length: fields }, (_, index) => {
        const nibble = Math.floor(length / 16 ** (fields - 1 - index)) & 0x0f;
        return (index === 0 ? type << 4 : 0) | nibble | (index < fields - 1 ? 0x80 : 0);
      }),
    );
  }
}

export const octets = (content: Uint8Array): Buffer => Buffer.concat([head(0, content.length), content]);
export const list = (...elements: Uint8Array[]): Buffer => Buffer.concat([head(7, elements.length), ...elements]);

export function unsigned(value: number | bigint, bytes: 1 | 2 | 4 | 8): Buffer {
  return integer(6, BigInt.asUintN(8 * bytes, BigInt(value)), bytes);
}

export function signed(value: number | bigint, bytes: 1 | 2 | 4 | 8): Buffer {
  return integer(5, BigInt.asUintN(8 * bytes, BigInt(value)), bytes);
}

function integer(type: number, bits: bigint, bytes: number): Buffer {
  return Buffer.concat([head(type, bytes), Buffer.from(bits.toString(16).padStart(2 * bytes, "0"), "hex")]);
}

/** A value: code as a-b:c.d.e*f in bytes, DLMS unit, power of ten, number. */
export function entry(
  code: readonly number[],
  unit: number | undefined,
  scaler: number | undefined,
  value: Uint8Array,
  time: Uint8Array = OMITTED,
): Buffer {
  return list(
    octets(Uint8Array.from(code)),
    OMITTED,
    time,
    unit === undefined ? OMITTED : unsigned(unit, 1),
    scaler === undefined ? OMITTED : signed(scaler, 1),
    value,
    OMITTED,
  );
}

const [W, WH, V] = [27, 30, 35];
const register = (direction: 1 | 2, tariff = 0): number[] => [1, 0, direction, 8, tariff, 255];

function entries(variant: SmlVariant, state: MeterState, { locked, opaque }: SmlWriting): Buffer[] {
  const maker = entry([1, 0, 96, 50, 1, 1], undefined, undefined, octets(Buffer.from("ISK")));
  const extra = opaque === undefined ? [] : [entry([129, 129, 199, 130, 5, 255], undefined, undefined, octets(opaque))];
  if (locked === "nothing") return [maker, ...extra];
  const [drawn, fed] = [totalOf(state.importWh), totalOf(state.exportWh)];
  if (locked === "coarse") {
    const whole = (energy: number): Buffer => unsigned(Math.floor(energy / 1000) * 10_000, 4);
    return [maker, entry(register(1), WH, -1, whole(drawn)), entry(register(2), WH, -1, whole(fed)), ...extra];
  }
  return [maker, ...READINGS[variant](state, drawn, fed), ...extra];
}

const READINGS: Readonly<Record<SmlVariant, (state: MeterState, drawn: number, fed: number) => Buffer[]>> = {
  plain: ({ powerW }, drawn, fed) => [
    entry(register(1), WH, -1, unsigned(10 * drawn + 3, 4)),
    entry(register(2), WH, -1, unsigned(10 * fed + 9, 4)),
    entry([1, 0, 16, 7, 0, 255], W, 0, signed(powerW, 2)),
  ],
  long: ({ powerW }, drawn, fed) => [
    entry([1, 0, 96, 1, 1, 255], undefined, undefined, octets(Buffer.from("an identification of this length"))),
    entry(register(1), WH, -1, unsigned(10n * BigInt(drawn), 8)),
    entry(register(2), WH, -1, unsigned(10n * BigInt(fed), 8)),
    entry([1, 0, 16, 7, 0, 255], W, 0, signed(powerW, 8)),
    entry([1, 0, 32, 7, 0, 255], V, -1, unsigned(2312, 2)),
  ],
  tariffs: ({ powerW, importWh, exportWh }, drawn, fed) => [
    entry(register(1), WH, -4, unsigned(10_000n * BigInt(drawn) + 9_999n, 8)),
    entry(register(2), WH, -4, unsigned(10_000n * BigInt(fed), 8)),
    ...importWh.map((energy, index) => entry(register(1, index + 1), WH, 0, unsigned(energy, 4))),
    ...exportWh.map((energy, index) => entry(register(2, index + 1), WH, 0, unsigned(energy, 4))),
    // What the register was when the last month ended.
    entry([1, 0, 1, 8, 0, 1], WH, 0, unsigned(1, 4)),
    entry([1, 0, 1, 7, 0, 255], W, -2, signed(100 * powerW, 4)),
  ],
  kermit: ({ powerW }, drawn, fed) => [
    entry(register(1), WH, -1, unsigned(10 * drawn, 4), unsigned(0x0a583b80, 4)),
    entry(register(2), WH, -1, unsigned(10 * fed, 4), unsigned(0x0a583b80, 4)),
    entry([1, 0, 16, 7, 0, 255], W, 0, signed(powerW, 2)),
  ],
  hundredths: ({ powerW }, drawn, fed) => [
    entry(register(1), WH, 0, unsigned(drawn, 4)),
    entry(register(2), WH, 0, unsigned(fed, 4)),
    entry([1, 0, 1, 7, 0, 255], W, -2, unsigned(100 * Math.max(powerW, 0), 4)),
    entry([1, 0, 2, 7, 0, 255], W, -2, unsigned(100 * Math.max(-powerW, 0), 4)),
  ],
};
