/**
 * What every reader of a real meter gives: bytes of a serial line go in, in any portions; telegrams with exact values
 * come out, and a fault with a code for everything that was refused. A reader opens no port and knows no clock.
 */

/** An exact decimal number: `digits` times ten to the power of `exponent`. 001581.123 is { digits: 1581123n, exponent: -3 }. */
export interface Decimal {
  readonly digits: bigint;
  readonly exponent: number;
}

/** One value of a telegram, under its OBIS code. */
export interface ObisValue {
  /** A-B:C.D.E, for example 1-0:1.8.0; with `*F` where the meter gives a billing period. */
  readonly obis: string;
  /** A number, or the text as the meter sent it (identifiers, messages, states). */
  readonly value: Decimal | string;
  /** As in the telegram (kWh, kW, V, A, m3, s), or the name of the DLMS unit; absent for texts and plain numbers. */
  readonly unit?: string;
  /** Unix seconds of the value itself: sub-meters, logged events, peaks. */
  readonly time?: number;
  /** The list that the value is an entry of, for example 1-0:99.97.0; absent for current values. */
  readonly log?: string;
}

/** A meter behind the meter (gas, water, heat), read over M-Bus. */
export interface SubMeter {
  /** 1 to 4: the B of 0-B:24.2.1. */
  readonly channel: number;
  /** M-Bus medium: 3 gas, 4 heat, 6 warm water, 7 water, 2 electricity, 12 heat or cold. */
  readonly medium?: number;
  readonly id?: string;
  /** Last reading, with the unit and time that the meter gives. */
  readonly reading?: Omit<ObisValue, "log">;
}

/**
 * The cumulative registers, rounded down to whole watt-hours, so that differences add up without drift; the exact
 * numbers are in `values`. The sum over tariffs where a meter has no total. Absent: the telegram has no such register.
 */
export interface Registers {
  readonly importWh?: number;
  readonly exportWh?: number;
}

/** A part of a telegram that was not understood, while its checksum held and the rest is good. */
export interface Skipped {
  readonly code: "bad-line" | "bad-time" | "bad-value" | "unknown-type";
  /** Where it was: an OBIS code, or what stands for it. Never a value. */
  readonly at: string;
}

export interface Telegram {
  readonly type: "telegram";
  readonly protocol: "p1" | "sml" | "d0";
  /** `absent`: this kind of meter sends no checksum. `bad`: only when the reader was told to show such telegrams. */
  readonly check: "valid" | "absent" | "bad";
  /** Manufacturer and model as the meter gives them (`KFM5KAIFA-METER`); empty for SML meters that give none. */
  readonly model: string;
  /** The meter's number, decoded where it is sent as hexadecimal text. */
  readonly meterId?: string;
  /** Unix seconds by the meter's clock, where it has one and says which time it is. */
  readonly time?: number;
  readonly values: readonly ObisValue[];
  readonly registers: Registers;
  /** Present power in whole watts, positive for import, rounded half away from zero. For display, never for billing. */
  readonly powerW?: number;
  readonly subMeters: readonly SubMeter[];
  /**
   * The meter shows whole kilowatt-hours and no power: its PIN has not been entered. Its registers are right, but too
   * coarse for quarter hours.
   */
  readonly locked: boolean;
  readonly skipped: readonly Skipped[];
}

export type FaultCode =
  /** Bytes outside of any telegram. */
  | "noise"
  /** The checksum is not that of the telegram. */
  | "bad-crc"
  /** No checksum, from a meter that has one (by its version, or by an earlier telegram). */
  | "crc-missing"
  /** A telegram broke off: another one began, or the line went down. */
  | "truncated"
  /** More bytes than a telegram may have. */
  | "too-long"
  /** Not built as the format asks: a line, a list, a length. */
  | "malformed"
  /** A register that is negative, not a number or in a unit that is no energy, or two different values of one. */
  | "bad-register"
  /** Without a checksum, a telegram whose registers look different from those of the last one is not believed. */
  | "unsettled"
  /** Encrypted, and the reader has no key. */
  | "encrypted"
  /** Encrypted, and neither key nor content are genuine. */
  | "bad-tag"
  /** Encrypted, with a frame counter that was there already. */
  | "replayed"
  /** A version or kind of message that this reader does not know. */
  | "unsupported"
  /** The meter gives no registers: its PIN has not been entered, or its customer interface is switched off. */
  | "locked"
  /** D0: the meter answers that it does not want to. */
  | "rejected"
  /** D0: the meter does not answer. */
  | "silent";

/** Something was refused. Never holds a value of the telegram: it goes to the log. */
export interface ReaderFault {
  readonly type: "fault";
  readonly code: FaultCode;
  /** What was wrong, for a person. */
  readonly detail: string;
  /** Bytes given up with it. */
  readonly bytes: number;
}

export type ReaderEvent = Telegram | ReaderFault;

/**
 * A streaming decoder with bounded memory that finds its way back after anything. No input makes it throw.
 * One reader reads one line; after the port was opened anew, take a new one or `end` the old.
 */
export interface MeterReader {
  /** Takes the next bytes, which it does not keep. */
  push(chunk: Uint8Array): ReaderEvent[];
  /** The line went down or fell silent: gives what is still complete, reports what is not, and starts over. */
  end(): ReaderEvent[];
}
