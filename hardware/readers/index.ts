/** Readers of real meters. */
export { type D0Options, D0Reader } from "./d0.ts";
export { type Alarm, type D0Port, readD0, type SessionOptions } from "./d0-session.ts";
export { type P1Options, P1Reader } from "./p1.ts";
export type { P1Keys } from "./p1-encrypted.ts";
export type {
  Decimal,
  FaultCode,
  MeterReader,
  ObisValue,
  ReaderEvent,
  ReaderFault,
  Registers,
  Skipped,
  SubMeter,
  Telegram,
} from "./reader.ts";
export { type SmlOptions, SmlReader } from "./sml.ts";
