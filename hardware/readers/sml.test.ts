import assert from "node:assert/strict";
import test from "node:test";
import type { ReaderEvent, Telegram } from "./reader.ts";
import { SmlReader } from "./sml.ts";
import { SmlFrames, type SmlFile } from "./sml-frames.ts";
import { EXAMPLE_STATE, totalOf } from "./testing/meter-state.ts";
import { slowKermit } from "./testing/slow-crc.ts";
import {
  entry,
  list,
  message,
  octets,
  signed,
  SML_VARIANTS,
  smlFile,
  smlTelegram,
  unsigned,
} from "./testing/sml-telegrams.ts";

const NOW = EXAMPLE_STATE;
const OMITTED = Buffer.of(0x01);
const WH = 30;
const IMPORT = [1, 0, 1, 8, 0, 255];

function codes(events: readonly ReaderEvent[]): string[] {
  return events.map((event) => (event.type === "fault" ? event.code : `telegram ${event.check}`));
}

function onlyTelegram(events: readonly ReaderEvent[]): Telegram {
  const [event, ...more] = events;
  assert.ok(event?.type === "telegram" && more.length === 0, JSON.stringify(codes(events)));
  return event;
}

/** A file with one list of these entries. */
function fileOf(...entries: Uint8Array[]): Uint8Array {
  return smlFile([
    message(1, 0x0701, list(OMITTED, octets(Buffer.of(1)), OMITTED, OMITTED, list(...entries), OMITTED, OMITTED)),
  ]);
}

for (const variant of SML_VARIANTS) {
  test(`${variant}: reads both registers, power and id`, () => {
    const telegram = onlyTelegram(new SmlReader().push(smlTelegram(variant, NOW)));
    assert.deepEqual(telegram.registers, { importWh: totalOf(NOW.importWh), exportWh: totalOf(NOW.exportWh) });
    assert.equal(telegram.powerW, NOW.powerW);
    assert.equal(telegram.meterId, "1ISK0075126084");
    assert.equal(telegram.model, "ISK");
    assert.equal(telegram.locked, false);
    assert.deepEqual(telegram.skipped, []);
  });

  test(`${variant}: byte by byte gives the same as at once`, () => {
    const bytes = smlTelegram(variant, NOW);
    const slowly = new SmlReader();
    assert.deepEqual(
      [...bytes].flatMap((byte) => slowly.push(Uint8Array.of(byte))),
      new SmlReader().push(bytes),
    );
    assert.deepEqual(slowly.end(), []);
  });
}

test("keeps the digits below a watt-hour in the value, and rounds the register down", () => {
  const telegram = onlyTelegram(new SmlReader().push(smlTelegram("tariffs", NOW)));
  const total = BigInt(totalOf(NOW.importWh));
  assert.deepEqual(
    telegram.values.find(({ obis }) => obis === "1-0:1.8.0"),
    {
      obis: "1-0:1.8.0",
      value: { digits: 10_000n * total + 9_999n, exponent: -4 },
      unit: "Wh",
    },
  );
  assert.equal(telegram.registers.importWh, Number(total));
});

test("gives power that flows out as negative, whatever its width", () => {
  for (const bytes of [2, 4, 8] as const) {
    const file = fileOf(entry(IMPORT, WH, 0, unsigned(5, 1)), entry([1, 0, 16, 7, 0, 255], 27, 0, signed(-130, bytes)));
    assert.equal(onlyTelegram(new SmlReader().push(file)).powerW, -130);
  }
});

test("gives the time only where the meter has a clock", () => {
  assert.equal(onlyTelegram(new SmlReader().push(smlTelegram("plain", NOW, { clock: true }))).time, NOW.time);
  assert.equal(onlyTelegram(new SmlReader().push(smlTelegram("plain", NOW))).time, undefined);
});

test("marks a meter that shows whole kilowatt-hours and no power as locked", () => {
  const telegram = onlyTelegram(new SmlReader().push(smlTelegram("plain", NOW, { locked: "coarse" })));
  assert.equal(telegram.locked, true);
  assert.deepEqual(telegram.registers, { importWh: 3_016_000, exportWh: 4_328_000 });
});

test("refuses a meter that shows no register as locked", () => {
  assert.deepEqual(codes(new SmlReader().push(smlTelegram("plain", NOW, { locked: "nothing" }))), ["locked"]);
});

test("undoes escapes in values", () => {
  for (const hex of ["1b1b1b1b", "1b1b1b1b1b", "001b1b1b1b01010101", "1b1b1b1b1b1b1b1b1a00ffff", "1b1b1b"]) {
    const bytes = smlTelegram("plain", NOW, { opaque: Buffer.from(hex, "hex") });
    const telegram = onlyTelegram(new SmlReader().push(bytes));
    assert.equal(telegram.values.at(-1)?.value, hex);
  }
});

test("conforms to transport examples of others (sml-rs, MIT)", () => {
  for (const [file, content] of [
    ["1b1b1b1b01010101123456781b1b1b1b1a00b87b", "12345678"],
    ["1b1b1b1b01010101123456001b1b1b1b1a0191a5", "123456"],
    ["1b1b1b1b01010101121b1b1b1b1b1b1b1b0000001b1b1b1b1a03be25", "121b1b1b1b"],
  ] as const) {
    const found: string[] = [];
    const frames = new SmlFrames(100, {
      file: (got: SmlFile) => found.push(`${got.crc} ${Buffer.from(got.content).toString("hex")}`),
      fault: (fault) => found.push(fault.code),
    });
    frames.push(Buffer.from(file, "hex"));
    assert.deepEqual(found, [`x25 ${content}`]);
  }
});

test("conforms to a message of a meter with the other checksum (OpenSML, MIT)", () => {
  const opening = Buffer.from(
    "760400000162006200726500000101760101070000011D5C360B0A01484C59020001206A0101637DC600",
    "hex",
  );
  const [event] = new SmlReader().push(smlFile([opening], slowKermit));
  // Its checksum holds: what is missing is a list of values.
  assert.deepEqual(event?.type === "fault" && event.code, "unsupported");
});

test("refuses wrong checksums, of the file and of a message", () => {
  const good = smlTelegram("plain", NOW);
  const flipped = Buffer.from(good);
  flipped[60]! ^= 0x10;
  assert.deepEqual(codes(new SmlReader().push(flipped)), ["bad-crc"]);
  const broken = message(2, 0x0701, list(OMITTED, OMITTED, OMITTED, OMITTED, list(), OMITTED, OMITTED));
  broken[3]! ^= 0x01;
  const [event] = new SmlReader().push(smlFile([broken]));
  assert.ok(event?.type === "fault" && event.code === "bad-crc");
  assert.match(event.detail, /message/);
});

test("refuses the other checksum once the meter has shown which one it computes", () => {
  const reader = new SmlReader();
  const events = [...reader.push(smlTelegram("plain", NOW)), ...reader.push(smlTelegram("kermit", NOW))];
  assert.deepEqual(codes(events), ["telegram valid", "bad-crc"]);
});

test("reads several telegrams in one chunk, and goes on after a cut or damaged one", () => {
  const one = smlTelegram("long", NOW);
  const lost = Buffer.concat([one.subarray(0, 100), one.subarray(103)]);
  const events = new SmlReader().push(Buffer.concat([one.subarray(0, 150), one, lost, one]));
  assert.deepEqual(codes(events), ["truncated", "telegram valid", "bad-crc", "telegram valid"]);
  assert.equal(events[0]?.type === "fault" && events[0].bytes, 150);
});

test("finds the beginning behind a run of too many escape bytes", () => {
  const one = smlTelegram("plain", NOW);
  for (const count of [1, 2, 3]) {
    const events = new SmlReader().push(Buffer.concat([one.subarray(0, 100), Buffer.alloc(count, 0x1b), one]));
    assert.deepEqual(codes(events).at(-1), "telegram valid", `${count} more`);
  }
});

test("counts garbage once, and reports a line of nothing else", () => {
  const reader = new SmlReader();
  const events = [...reader.push(Buffer.from("1b1b1b000102", "hex")), ...reader.push(smlTelegram("plain", NOW))];
  assert.deepEqual(codes(events), ["noise", "telegram valid"]);
  assert.equal(events[0]?.type === "fault" && events[0].bytes, 6);
  const silent = Array.from({ length: 100 }, () => reader.push(Buffer.alloc(1000, 0xaa))).flat();
  assert.equal(silent.length, 97);
});

test("gives up what has no end, by its length or when the line ends", () => {
  const reader = new SmlReader({ maxBytes: 500 });
  const start = Buffer.from("1b1b1b1b01010101", "hex");
  assert.deepEqual(codes(reader.push(Buffer.concat([start, Buffer.alloc(600, 7)]))), ["too-long"]);
  assert.deepEqual(codes(reader.push(smlTelegram("plain", NOW))), ["noise", "telegram valid"]);
  reader.push(start);
  assert.deepEqual(codes(reader.end()), ["truncated"]);
});

test("refuses version 2 of the transport, and an escape that means nothing", () => {
  assert.deepEqual(codes(new SmlReader().push(Buffer.from("1b1b1b1b02020202", "hex"))), ["unsupported"]);
  const inside = Buffer.from("1b1b1b1b0101010176051b1b1b1b77777777", "hex");
  assert.deepEqual(codes(new SmlReader().push(inside)), ["malformed"]);
});

const NEGATIVE = fileOf(entry(IMPORT, WH, 0, signed(-1, 4)));
const REACTIVE = fileOf(entry(IMPORT, 32, 0, unsigned(1, 4)));
const HUGE = fileOf(entry(IMPORT, WH, 3, unsigned(2n ** 63n, 8)));
for (const [name, file] of [
  ["negative", NEGATIVE],
  ["of another unit", REACTIVE],
  ["too large to be exact", HUGE],
] as const) {
  test(`refuses a register that is ${name}`, () => {
    assert.deepEqual(codes(new SmlReader().push(file)), ["bad-register"]);
  });
}

test("does not add tariffs up of which one is not understood", () => {
  const [one, two] = [
    entry([1, 0, 1, 8, 1, 255], WH, 0, unsigned(1, 1)),
    entry([1, 0, 1, 8, 2, 255], 200, 0, unsigned(1, 1)),
  ];
  assert.deepEqual(codes(new SmlReader().push(fileOf(one, two))), ["bad-register"]);
});

test("names values that it does not understand and gives the rest", () => {
  const good = entry(IMPORT, WH, 0, unsigned(5000, 4));
  const file = fileOf(
    good,
    entry([1, 0, 99, 0, 0, 255], 200, 0, unsigned(1, 1)),
    entry([1, 0, 98, 0, 0, 255], WH, 99, unsigned(1, 1)),
    entry([1, 0, 97, 0, 0, 255], undefined, undefined, list(unsigned(1, 1))),
    list(octets(Buffer.of(1))),
  );
  const telegram = onlyTelegram(new SmlReader().push(file));
  assert.deepEqual(telegram.registers, { importWh: 5000 });
  assert.deepEqual(telegram.skipped, [
    { code: "unknown-type", at: "1-0:99.0.0" },
    { code: "bad-value", at: "1-0:98.0.0" },
    { code: "unknown-type", at: "1-0:97.0.0" },
    { code: "bad-value", at: "entry 5" },
  ]);
});

test("tells a refusal by the meter from a message without values", () => {
  assert.deepEqual(codes(new SmlReader().push(smlFile([message(1, 0xff01, list(OMITTED))]))), ["rejected"]);
  assert.deepEqual(codes(new SmlReader().push(smlFile([message(1, 0x0501, list(OMITTED))]))), ["unsupported"]);
});

test("refuses structures that promise more than there is, without paying for them", () => {
  for (const hex of [
    "76",
    "f8888888080101",
    "7f",
    "8f8f8f8f0f",
    "777777777777777777777777",
    "05",
    "5a0102030405060708",
  ]) {
    assert.deepEqual(codes(new SmlReader().push(smlFile([Buffer.from(hex, "hex")]))), ["malformed"], hex);
  }
});
