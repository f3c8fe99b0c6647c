/** P1 telegrams of every variant, made from a meter's state. */
import { createCipheriv } from "node:crypto";
import { fixed, type MeterState, totalOf } from "./meter-state.ts";
import { slowArc } from "./slow-crc.ts";

export const P1_VARIANTS = [
  "dsmr2.2",
  "dsmr3",
  "dsmr4",
  "dsmr5",
  "belgium",
  "luxembourg",
  "sweden",
  "hungary",
] as const;
export type P1Variant = (typeof P1_VARIANTS)[number];

export interface P1Writing {
  /** How the checksum is written; by default as the variant has it. */
  readonly crc?: "upper" | "lower" | "unpadded" | "none" | "wrong";
  /** Central European summer time, as the meter's clock sees it. */
  readonly summer?: boolean;
}

/** Variants whose standard has no checksum. */
export const WITHOUT_CRC: readonly P1Variant[] = ["dsmr2.2", "dsmr3"];

export function p1Telegram(variant: P1Variant, state: MeterState, writing: P1Writing = {}): Uint8Array {
  const summer = writing.summer === true && variant !== "sweden"; // Swedish meters keep winter time
  return seal(
    LINES[variant](state, (time) => stamp(time, summer)).join("\r\n"),
    writing.crc ?? (WITHOUT_CRC.includes(variant) ? "none" : "upper"),
  );
}

/** `body`, up to the last line, as a telegram with its checksum. */
export function seal(body: string, crc: NonNullable<P1Writing["crc"]> = "upper"): Uint8Array {
  const checked = `${body}\r\n!`;
  const sum = slowArc(Buffer.from(checked, "latin1"));
  const hex = sum.toString(16).toUpperCase();
  const written = {
    upper: hex.padStart(4, "0"),
    lower: hex.padStart(4, "0").toLowerCase(),
    unpadded: hex,
    none: "",
    wrong: (sum ^ 0x0100).toString(16).toUpperCase().padStart(4, "0"),
  }[crc];
  return Buffer.from(`${checked}${written}\r\n`, "latin1");
}

export interface P1Cipher {
  readonly key: Uint8Array;
  readonly authenticationKey?: Uint8Array;
  readonly systemTitle?: Uint8Array;
  readonly frameCounter: number;
}

/** `telegram` as a DLMS general-global-cipher frame (Green Book 9.2.7; security suite 0). */
export function encryptP1(telegram: Uint8Array, cipher: P1Cipher): Uint8Array {
  const title = cipher.systemTitle ?? Buffer.from("SAG12345", "latin1");
  const counter = Buffer.alloc(4);
  counter.writeUInt32BE(cipher.frameCounter);
  const authentication = cipher.authenticationKey ?? Buffer.from("00112233445566778899AABBCCDDEEFF", "hex");
  const gcm = createCipheriv("aes-128-gcm", cipher.key, Buffer.concat([title, counter]), { authTagLength: 12 });
  gcm.setAAD(Buffer.concat([Buffer.of(0x30), authentication]));
  const content = Buffer.concat([gcm.update(telegram), gcm.final()]);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(1 + 4 + content.length + 12);
  return Buffer.concat([
    Buffer.of(0xdb, 0x08),
    title,
    Buffer.of(0x82),
    length,
    Buffer.of(0x30),
    counter,
    content,
    gcm.getAuthTag(),
  ]);
}

/** YYMMDDhhmmss and S or W. */
function stamp(time: number, summer: boolean): string {
  const local = new Date((time + (summer ? 7200 : 3600)) * 1000).toISOString();
  return `${local.slice(2, 19).replace(/[-T:]/g, "")}${summer ? "S" : "W"}`;
}

type Lines = (state: MeterState, at: (time: number) => string) => string[];

const hex = (text: string): string => Buffer.from(text, "latin1").toString("hex").toUpperCase();
const drawn = ({ powerW }: MeterState): number => Math.max(powerW, 0);
const fed = ({ powerW }: MeterState): number => Math.max(-powerW, 0);

function tariffs(state: MeterState, digits: number): string[] {
  return (["1", "2"] as const).flatMap((direction) =>
    (direction === "1" ? state.importWh : state.exportWh).map(
      (energy, index) => `1-0:${direction}.8.${index + 1}(${fixed(energy, digits)}*kWh)`,
    ),
  );
}

function totals(state: MeterState, digits: number): string[] {
  return [
    `1-0:1.8.0(${fixed(totalOf(state.importWh), digits)}*kWh)`,
    `1-0:2.8.0(${fixed(totalOf(state.exportWh), digits)}*kWh)`,
  ];
}

function gas(state: MeterState, at: (time: number) => string, idCode = "96.1.0", code = "24.2.1"): string[] {
  if (state.gas === undefined) return [];
  return [
    "0-1:24.1.0(003)",
    `0-1:${idCode}(${hex("G0012345678901234")})`,
    `0-1:${code}(${at(state.gas.time)})(${fixed(state.gas.litres, 5)}*m3)`,
  ];
}

/** DSMR 2 and 3 alike, but for the width of power. */
const old =
  (powerDigits: number): Lines =>
  (state, at) => [
    "/ISk5\\2MT382-1004",
    "",
    `0-0:96.1.1(${hex("K8EG004046395507")})`,
    ...tariffs(state, 5),
    "0-0:96.14.0(0001)",
    `1-0:1.7.0(${fixed(drawn(state), powerDigits, 2)}*kW)`,
    `1-0:2.7.0(${fixed(fed(state), powerDigits, 2)}*kW)`,
    "0-0:17.0.0(0999.00*kW)",
    "0-0:96.3.10(1)",
    "0-0:96.13.1()",
    "0-0:96.13.0()",
    ...(state.gas === undefined
      ? []
      : [
          "0-1:24.1.0(3)",
          `0-1:96.1.0(${hex("2222ABCD123456789")})`,
          // Without S or W: which hour it is cannot be told once a year.
          `0-1:24.3.0(${at(state.gas.time).slice(0, 12)})(00)(60)(1)(0-1:24.2.1)(m3)`,
          `(${fixed(state.gas.litres, 5)})`,
          "0-1:24.4.0(1)",
        ]),
  ];

const LINES: Readonly<Record<P1Variant, Lines>> = {
  "dsmr2.2": old(4),
  dsmr3: old(3),
  dsmr4: (state, at) => [
    "/KFM5KAIFA-METER",
    "",
    "1-3:0.2.8(42)",
    `0-0:1.0.0(${at(state.time)})`,
    `0-0:96.1.1(${hex("E0026000024153615")})`,
    ...tariffs(state, 6),
    "0-0:96.14.0(0002)",
    `1-0:1.7.0(${fixed(drawn(state), 2)}*kW)`,
    `1-0:2.7.0(${fixed(fed(state), 2)}*kW)`,
    "0-0:96.7.21(00015)",
    "0-0:96.7.9(00007)",
    "1-0:99.97.0(2)(0-0:96.7.19)(000104180320W)(0000237126*s)(101208152415W)(0000000240*s)",
    "1-0:32.32.0(00002)",
    "0-0:96.13.1()",
    "0-0:96.13.0()",
    "1-0:31.7.0(001*A)",
    ...gas(state, at),
  ],
  dsmr5: (state, at) => [
    "/ISK5\\2M550T-1012",
    "",
    "1-3:0.2.8(50)",
    `0-0:1.0.0(${at(state.time)})`,
    `0-0:96.1.1(${hex("E0044007382246019")})`,
    ...tariffs(state, 6),
    "0-0:96.14.0(0001)",
    `1-0:1.7.0(${fixed(drawn(state), 2)}*kW)`,
    `1-0:2.7.0(${fixed(fed(state), 2)}*kW)`,
    "0-0:96.7.21(00005)",
    "1-0:99.97.0(1)(0-0:96.7.19)(190326095015W)(0000002014*s)",
    "0-0:96.13.0()",
    "1-0:32.7.0(229.9*V)",
    "1-0:31.7.0(0.48*A)",
    ...gas(state, at),
    // A channel on which nothing answers.
    "0-2:24.1.0(003)",
    "0-2:96.1.0()",
    "0-2:24.2.1(700101010000W)(00000000)",
  ],
  belgium: (state, at) => [
    "/FLU5\\253769484_A",
    "",
    "0-0:96.1.4(50221)",
    `0-0:96.1.1(${hex("1SAG1101021605")})`,
    `0-0:96.1.2(${hex("541440012345678900")})`,
    `0-0:1.0.0(${at(state.time)})`,
    ...tariffs(state, 6),
    "0-0:96.14.0(0001)",
    "1-0:1.4.0(02.351*kW)",
    `1-0:1.6.0(${at(state.time - 86_400)})(02.589*kW)`,
    "0-0:98.1.0(2)(1-0:1.6.0)(1-0:1.6.0)(251201000000W)(251123192538W)(03.695*kW)(251101000000W)(251005122139S)(05.980*kW)",
    `1-0:1.7.0(${fixed(drawn(state), 2)}*kW)`,
    `1-0:2.7.0(${fixed(fed(state), 2)}*kW)`,
    "1-0:32.7.0(234.7*V)",
    "0-0:96.3.10(1)",
    "0-0:17.0.0(99.999*kW)",
    "1-0:31.4.0(999.99*A)",
    "0-0:96.13.0()",
    ...gas(state, at, "96.1.1", "24.2.3"),
  ],
  luxembourg: (state, at) => [
    "/Lux5\\253694471_M",
    "",
    "1-3:0.2.8(42)",
    `0-0:1.0.0(${at(state.time)})`,
    `0-0:42.0.0(${hex("SAG1030790002574")})`,
    ...totals(state, 6),
    "1-0:3.8.0(000000.835*kvarh)",
    "1-0:4.8.0(000063.781*kvarh)",
    `1-0:1.7.0(${fixed(drawn(state), 2)}*kW)`,
    `1-0:2.7.0(${fixed(fed(state), 2)}*kW)`,
    "0-0:17.0.0(069.0*kVA)",
    "1-1:31.4.0(100*A)(-063*A)",
    "0-0:96.13.0()",
    ...gas(state, at),
  ],
  sweden: (state, at) => [
    "/ELL5\\253833635_A",
    "",
    `0-0:1.0.0(${at(state.time)})`,
    ...totals(state, 8),
    "1-0:3.8.0(00000003.410*kvarh)",
    "1-0:4.8.0(00000187.265*kvarh)",
    `1-0:1.7.0(${fixed(drawn(state), 4)}*kW)`,
    `1-0:2.7.0(${fixed(fed(state), 4)}*kW)`,
    "1-0:3.7.0(0000.193*kvar)",
    "1-0:32.7.0(247.3*V)",
    "1-0:31.7.0(000.5*A)",
  ],
  hungary: (state, at) => [
    "/AUX59902759001",
    "",
    `0-0:1.0.0(${at(state.time)})`,
    "0-0:42.0.0(AUX1030302759001)",
    "0-0:96.1.0(9902759001)",
    "0-0:96.14.0(TARIFF 1)",
    "0-0:96.50.68(ON)",
    "0-0:17.0.0(24000*W)",
    ...totals(state, 6),
    ...tariffs(state, 6),
    `1-0:15.8.0(${fixed(totalOf(state.importWh) + totalOf(state.exportWh), 6)}*kWh)`,
    "1-0:13.7.0(0.758)",
    "1-0:14.7.0(49.98*Hz)",
    `1-0:1.7.0(${fixed(drawn(state), 2)}*kW)`,
    `1-0:2.7.0(${fixed(fed(state), 2)}*kW)`,
    `0-0:98.1.0(251231235959W)(000001.001*kWh)(000002.002*kWh)`,
    "0-0:96.13.0()",
  ],
};
