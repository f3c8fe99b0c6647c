// needs: avr-gcc avr-objcopy
import assert from "node:assert/strict";
import { test } from "node:test";
import { PURPOSES, RandomStream } from "../../loads/random.ts";
import { compileAvr } from "../testing/compile.ts";
import { Eeprom, EEPROM_BYTES } from "./eeprom.ts";
import { CPU_HZ, Machine, type MachineOptions } from "./machine.ts";
import { MachineError } from "./machine-error.ts";

const HEAD = `
#include <avr/io.h>
#include <avr/interrupt.h>
#include <avr/sleep.h>
#include <avr/eeprom.h>
#include <avr/wdt.h>
#include <util/delay.h>
__attribute__((unused)) static void serial(void) { UCSR0A = _BV(U2X0); UBRR0 = 16; UCSR0B = _BV(TXEN0) | _BV(RXEN0); }
__attribute__((unused)) static void put(uint8_t byte) { while (!(UCSR0A & _BV(UDRE0))) {} UDR0 = byte; }
`;

function seeded(seed: number): () => number {
  const stream = new RandomStream().enter([seed, 0], [0, 0], 0, PURPOSES.device);
  return () => stream.uniform();
}

interface Bench {
  readonly machine: Machine;
  readonly sent: number[];
  /** Cycles at which bytes had left. */
  readonly sentAt: number[];
  readonly milliseconds: (count: number) => void;
}

const compiled = new Map<string, Uint16Array>();

function compileOnce(source: string): Uint16Array {
  const program = compiled.get(source) ?? compileAvr(HEAD + source);
  compiled.set(source, program);
  return program;
}

function bench(source: string, options: Partial<MachineOptions> = {}): Bench {
  const sent: number[] = [];
  const sentAt: number[] = [];
  const random = seeded(1);
  const machine: Machine = new Machine({
    program: compileOnce(source),
    eeprom: new Eeprom({ random }),
    random,
    onTransmit: (byte) => {
      sent.push(byte);
      sentAt.push(machine.now);
    },
    ...options,
  });
  machine.setPin("D", 2, true);
  machine.powerUp();
  return { machine, sent, sentAt, milliseconds: (count) => machine.run(machine.now + (count * CPU_HZ) / 1000) };
}

test("sends bytes back to back, ten bits each at the baud rate of its divisor", () => {
  const { sent, sentAt, milliseconds } = bench(`int main(void) { serial(); put(1); put(2); put(3); for (;;) {} }`);
  milliseconds(1);
  assert.deepEqual(sent, [1, 2, 3]);
  const bits = 17 * 8 * 10;
  assert.deepEqual(
    [sentAt[1]! - sentAt[0]!, sentAt[2]! - sentAt[1]!].map((gap) => Math.abs(gap - bits) < 4),
    [true, true],
  );
});

test("keeps two received bytes, loses what comes after the third, and says so", () => {
  const { machine, sent, milliseconds } = bench(`int main(void) {
    serial(); _delay_ms(5);
    while (UCSR0A & _BV(RXC0)) { put(UCSR0A & (_BV(DOR0) | _BV(FE0))); put(UDR0); }
    for (;;) {} }`);
  milliseconds(1);
  for (const byte of [10, 11, 12, 13, 14]) machine.receive(byte, false);
  milliseconds(10);
  assert.deepEqual(sent, [8, 10, 0, 11, 0, 14]);
  assert.equal(machine.overruns, 2);
});

test("an interrupt for each received byte, also when the program writes UCSR0B with one waiting", () => {
  const { machine, sent, milliseconds } = bench(`
    ISR(USART_RX_vect) { uint8_t byte = UDR0; put(byte + 1); }
    int main(void) { serial(); _delay_ms(2);
      UCSR0B |= _BV(RXCIE0); UCSR0B |= _BV(RXCIE0);
      sei(); set_sleep_mode(SLEEP_MODE_IDLE); for (;;) sleep_mode(); }`);
  milliseconds(1);
  machine.receive(1, false);
  machine.receive(5, false);
  milliseconds(5);
  assert.deepEqual(sent, [2, 6]);
  assert.ok(machine.isIdle);
});

test("timer 1 in CTC mode fires to the cycle while the chip sleeps, and sleep costs no instructions", () => {
  const { machine, sent, sentAt, milliseconds } = bench(`
    ISR(TIMER1_COMPA_vect) { UDR0 = 7; }
    int main(void) { serial(); TCCR1B = _BV(WGM12) | _BV(CS12); OCR1A = 62499; TIMSK1 = _BV(OCIE1A); sei();
      set_sleep_mode(SLEEP_MODE_IDLE); for (;;) sleep_mode(); }`);
  milliseconds(10_500);
  assert.equal(sent.length, 10);
  for (let i = 1; i < 10; i++) assert.ok(Math.abs(sentAt[i]! - sentAt[i - 1]! - CPU_HZ) < 10);
  assert.ok(machine.busyCycles < 5_000, `${machine.busyCycles} cycles`);
});

test("timer 1 reads as two bytes that belong together, and overflows", () => {
  const { sent, milliseconds } = bench(`
    static volatile uint8_t overflows;
    ISR(TIMER1_OVF_vect) { overflows++; }
    int main(void) { serial(); TIMSK1 = _BV(TOIE1); TCNT1 = 0x01fe; TCCR1B = _BV(CS10); sei();
      uint16_t last = TCNT1; uint8_t backwards = 0;
      for (uint16_t i = 0; i < 20000; i++) { uint16_t now = TCNT1; if (now < last) backwards++; last = now; }
      put(backwards); put(overflows); for (;;) {} }`);
  milliseconds(1_000);
  assert.equal(sent[0], sent[1]);
  assert.ok(sent[0]! > 2);
});

test("a compare value set below the counter is passed only after the wrap", () => {
  const { sent, milliseconds } = bench(`
    int main(void) { serial(); TCCR1B = _BV(WGM12) | _BV(CS12); OCR1A = 1000; TCNT1 = 500; OCR1A = 400;
      TIFR1 = 0xff; _delay_ms(15); put(TIFR1 & _BV(OCF1A)); _delay_ms(1100); put(TIFR1 & (_BV(OCF1A) | _BV(TOV1)));
      for (;;) {} }`);
  milliseconds(1_200);
  assert.deepEqual(sent, [0, 3]);
});

test("timer 0 as the Arduino core sets it: fast PWM whose overflow counts milliseconds", () => {
  const { sent, milliseconds } = bench(`
    static volatile uint16_t overflows;
    ISR(TIMER0_OVF_vect) { overflows++; }
    int main(void) { serial(); TCCR0A = 3; TCCR0B = 3; TIMSK0 = 1; sei(); _delay_ms(1000); cli();
      put(overflows >> 8); put(overflows); for (;;) {} }`);
  milliseconds(1_300);
  const overflows = sent[0]! * 256 + sent[1]!;
  // 16 MHz / 64 / 256; the delay loop is stretched by the interrupts that it counts.
  assert.ok(overflows >= 976 && overflows <= 985, `${overflows}`);
});

test("INT0 counts falling edges asleep, and remembers one edge that came while it was masked", () => {
  const { machine, sent, milliseconds } = bench(`
    static volatile uint8_t edges;
    ISR(INT0_vect) { edges++; UDR0 = edges; }
    int main(void) { serial(); PORTD |= _BV(2); EICRA = _BV(ISC01); EIFR = _BV(INTF0); _delay_ms(10);
      EIMSK = _BV(INT0); sei(); set_sleep_mode(SLEEP_MODE_IDLE); for (;;) sleep_mode(); }`);
  milliseconds(2);
  const pulse = (): void => {
    machine.setPin("D", 2, false);
    milliseconds(1);
    machine.setPin("D", 2, true);
    milliseconds(1);
  };
  pulse();
  pulse();
  milliseconds(10);
  assert.deepEqual(sent, [1]);
  pulse();
  pulse();
  assert.deepEqual(sent, [1, 2, 3]);
});

test("`sei; sleep` wakes for an interrupt that was pending before", () => {
  const { sent, milliseconds } = bench(`
    EMPTY_INTERRUPT(TIMER1_COMPA_vect);
    int main(void) { serial(); OCR1A = 100; TCCR1B = _BV(CS10); TIMSK1 = _BV(OCIE1A); _delay_us(50);
      set_sleep_mode(SLEEP_MODE_IDLE); sleep_enable(); sei(); sleep_cpu(); TIMSK1 = 0; put(9); for (;;) {} }`);
  milliseconds(100);
  assert.deepEqual(sent, [9]);
});

test("EEPROM: a byte takes 3.4 ms, survives a power cut, and reads back", () => {
  const source = `int main(void) { serial(); put(eeprom_read_byte((void *)1023)); put(MCUSR); MCUSR = 0;
      eeprom_write_byte((void *)1023, 0x5a); eeprom_busy_wait(); put(1); for (;;) {} }`;
  const { machine, sent, sentAt, milliseconds } = bench(source);
  milliseconds(10);
  assert.deepEqual(sent, [0xff, 1, 1]);
  const writing = ((sentAt[2]! - sentAt[1]!) / CPU_HZ) * 1000;
  assert.ok(writing > 3.3 && writing < 3.6, `${writing} ms`);
  machine.powerDown();
  milliseconds(1000);
  assert.equal(machine.isPowered, false);
  machine.powerUp();
  milliseconds(10);
  assert.deepEqual(sent.slice(3), [0x5a, 1, 1]);
  assert.equal(machine.eeprom.erasuresOf(1023), 2);
});

test("a power cut inside a write leaves something between the old and the new value", () => {
  const seen = new Set<number>();
  const source = `int main(void) { eeprom_write_byte((void *)7, 0x5f); for (;;) {} }`;
  for (let cut = 0; cut < 32; cut++) {
    const random = seeded(cut + 1);
    const image = new Uint8Array(EEPROM_BYTES).fill(0xc0);
    const { machine, milliseconds } = bench(source, { random, eeprom: new Eeprom({ image, random }) });
    milliseconds(cut * 0.12);
    machine.powerDown();
    seen.add(machine.eeprom.read(7));
  }
  // First zeroes of the old value rise, then zeroes of the new one fall.
  for (const value of seen) assert.ok((value & 0xc0) === 0xc0 || (value & 0x5f) === 0x5f, value.toString(16));
  for (const value of [0xc0, 0x5f]) assert.ok(seen.has(value), value.toString(16));
  assert.ok(seen.size > 8, [...seen].join());
});

test("cells wear out: after their life they keep zeroes that should be ones", () => {
  const eeprom = new Eeprom({ random: () => 0.5, endurance: 10 });
  const hold = (): boolean => {
    eeprom.erase(3);
    return eeprom.read(3) === 0xff;
  };
  for (let i = 0; i < 15; i++) assert.ok(hold(), `${i}`);
  assert.equal(hold(), false);
  assert.equal(eeprom.wear, 16);
  assert.equal(eeprom.read(4), 0xff);
  eeprom.flip(4, 6);
  assert.equal(eeprom.read(4), 0xbf);
  assert.throws(() => new Eeprom({ random: () => 0, image: new Uint8Array(12) }), /image: expected 1024 bytes, got 12/);
  assert.equal(eeprom.image().length, EEPROM_BYTES);
});

test("the watchdog starts the chip again with its RAM kept, and stays on until it is told otherwise", () => {
  const { machine, sent, milliseconds } = bench(`
    uint8_t kept __attribute__((section(".noinit")));
    int main(void) { uint8_t cause = MCUSR; MCUSR = 0; wdt_disable(); serial();
      if (!(cause & _BV(WDRF))) kept = 40;
      put(cause); put(++kept); _delay_ms(1);
      wdt_enable(WDTO_120MS); for (;;) {} }`);
  milliseconds(450);
  assert.deepEqual(sent, [1, 41, 8, 42, 8, 43, 8, 44]);
  assert.equal(machine.resets.watchdog, 3);
});

test("a chip that kicks its watchdog in time runs on", () => {
  const { machine, sent, milliseconds } = bench(`
    int main(void) { MCUSR = 0; wdt_disable(); serial(); wdt_enable(WDTO_30MS);
      for (;;) { wdt_reset(); _delay_ms(20); put(1); } }`);
  milliseconds(500);
  assert.equal(machine.resets.watchdog, 0);
  assert.ok(sent.length >= 24);
});

test("RAM is noise after a power cut, and kept by a brown-out reset", () => {
  const { machine, sent, milliseconds } = bench(`
    uint8_t kept[4] __attribute__((section(".noinit")));
    int main(void) { serial(); for (uint8_t i = 0; i < 4; i++) { put(kept[i]); kept[i] = i; } put(MCUSR); for (;;) {} }`);
  milliseconds(5);
  machine.reset("brownOut");
  milliseconds(5);
  assert.deepEqual(sent.slice(5), [0, 1, 2, 3, 5]);
  machine.powerDown();
  machine.powerUp();
  milliseconds(5);
  assert.notDeepEqual(sent.slice(10, 14), [0, 1, 2, 3]);
});

test("what is not modelled is refused aloud", () => {
  const { milliseconds } = bench(`int main(void) { set_sleep_mode(SLEEP_MODE_PWR_DOWN); for (;;) sleep_mode(); }`);
  assert.throws(
    () => milliseconds(1),
    (error) => error instanceof MachineError && error.code === "sleep",
  );
});
