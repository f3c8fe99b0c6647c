/**
 * USART0 for 8 data bits without parity: double-buffered sender, receiver with its two-byte queue and shift register,
 * overrun and framing errors. What is on the line, and whether it is understood there, is `../line.ts`.
 */
import type { CPU } from "avr8js";
import { type Agenda, Alarm } from "./agenda.ts";

const UCSRA = 0xc0;
const UCSRB = 0xc1;
const UCSRC = 0xc2;
const UBRRL = 0xc4;
const UBRRH = 0xc5;
const UDR = 0xc6;
const RXC = 0x80;
const TXC = 0x40;
const UDRE = 0x20;
const FE = 0x10;
const DOR = 0x08;
const U2X = 0x02;
const MPCM = 0x01;
const RXEN = 0x10;
const TXEN = 0x08;
/** Two bytes in the queue and one in the shift register. */
const RECEIVER_BYTES = 3;
const FRAME_BITS = 10;

const vector = (address: number, mask: number, constant: boolean) => ({
  ...{ address, flagRegister: UCSRA, flagMask: mask, enableRegister: UCSRB, enableMask: mask, constant },
});

export interface UartOptions {
  readonly cpu: CPU;
  readonly agenda: Agenda;
  readonly now: () => number;
  /** A byte has left, its last bit at this moment; each bit took so many cycles. */
  readonly onTransmit: (byte: number, cyclesPerBit: number) => void;
}

export class Uart {
  readonly #options: UartOptions;
  readonly #alarm: Alarm;
  // RXC and UDRE stay until the cause is gone; TXC is cleared by its interrupt.
  readonly #rxc = vector(0x24, RXC, true);
  readonly #udre = vector(0x26, UDRE, true);
  readonly #txc = vector(0x28, TXC, false);
  readonly #received: { byte: number; flags: number }[] = [];
  #shifting: number | undefined;
  #buffered: number | undefined;
  /** Bytes that came while the receiver was full. */
  overruns = 0;

  constructor(options: UartOptions) {
    this.#options = options;
    const { cpu, agenda } = options;
    const { data } = cpu;
    this.#alarm = agenda.add(new Alarm(() => this.#sent()));
    data[UCSRA] = UDRE;
    data[UCSRC] = 0x06;
    cpu.writeHooks[UCSRA] = (value) => {
      data[UCSRA] = (data[UCSRA]! & ~(U2X | MPCM)) | (value & (U2X | MPCM));
      cpu.clearInterruptByFlag(this.#txc, value);
      return true;
    };
    cpu.writeHooks[UCSRB] = (value) => {
      data[UCSRB] = value;
      if ((value & RXEN) === 0) this.#received.length = 0;
      this.#showReceived();
      for (const source of [this.#rxc, this.#udre, this.#txc]) cpu.updateInterruptEnable(source, value);
      return true;
    };
    cpu.readHooks[UDR] = () => {
      const byte = this.#received.shift()?.byte ?? 0;
      this.#showReceived();
      return byte;
    };
    cpu.writeHooks[UDR] = (value) => {
      this.#send(value);
      return true;
    };
  }

  /** Cycles of one bit, as the program has set the baud rate. */
  get cyclesPerBit(): number {
    const { data } = this.#options.cpu;
    const divisor = (data[UBRRH]! & 0x0f) * 256 + data[UBRRL]! + 1;
    return divisor * ((data[UCSRA]! & U2X) === 0 ? 16 : 8);
  }

  get isSending(): boolean {
    return this.#shifting !== undefined;
  }

  get isReceiving(): boolean {
    return (this.#options.cpu.data[UCSRB]! & RXEN) !== 0;
  }

  /** The stop bit of a frame has come, or what should have been one. */
  receive(byte: number, framingError: boolean): void {
    if (!this.isReceiving) return;
    if (this.#received.length === RECEIVER_BYTES) {
      // What waited in the shift register is overwritten.
      this.#received.pop();
      this.#received[0]!.flags |= DOR;
      this.overruns += 1;
    }
    this.#received.push({ byte, flags: framingError ? FE : 0 });
    this.#showReceived();
  }

  #showReceived(): void {
    const { cpu } = this.#options;
    const [first] = this.#received;
    cpu.data[UCSRA] = (cpu.data[UCSRA]! & ~(FE | DOR)) | (first?.flags ?? 0);
    if (first === undefined) cpu.clearInterrupt(this.#rxc);
    else cpu.setInterruptFlag(this.#rxc);
  }

  #send(byte: number): void {
    const { cpu } = this.#options;
    if ((cpu.data[UCSRB]! & TXEN) === 0 || this.#buffered !== undefined) return;
    if (this.#shifting === undefined) this.#shift(byte);
    else {
      this.#buffered = byte;
      cpu.clearInterrupt(this.#udre);
    }
  }

  #shift(byte: number): void {
    const { agenda, now } = this.#options;
    this.#shifting = byte;
    agenda.set(this.#alarm, now() + FRAME_BITS * this.cyclesPerBit);
  }

  #sent(): void {
    const { cpu, onTransmit } = this.#options;
    const byte = this.#shifting;
    const next = this.#buffered;
    this.#shifting = undefined;
    this.#buffered = undefined;
    if (next === undefined) cpu.setInterruptFlag(this.#txc);
    else {
      this.#shift(next);
      cpu.setInterruptFlag(this.#udre);
    }
    if (byte !== undefined) onTransmit(byte, this.cyclesPerBit);
  }
}
