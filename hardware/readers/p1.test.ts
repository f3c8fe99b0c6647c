import assert from "node:assert/strict";
import test from "node:test";
import { crcArc, crcKermit, crcX25 } from "./crc16.ts";
import { P1Reader } from "./p1.ts";
import type { MeterReader, ReaderEvent, Telegram } from "./reader.ts";
import { EXAMPLE_STATE, totalOf } from "./testing/meter-state.ts";
import { encryptP1, P1_VARIANTS, p1Telegram, seal, WITHOUT_CRC } from "./testing/p1-telegrams.ts";

const NOW = EXAMPLE_STATE;
const KEY = Uint8Array.from({ length: 16 }, (_, index) => 11 * index + 5);
const CHECK = Buffer.from("123456789");

function read(reader: MeterReader, ...chunks: (Uint8Array | string)[]): ReaderEvent[] {
  return chunks.flatMap((chunk) => reader.push(typeof chunk === "string" ? Buffer.from(chunk, "latin1") : chunk));
}

function telegrams(events: readonly ReaderEvent[]): Telegram[] {
  return events.filter((event) => event.type === "telegram");
}

function codes(events: readonly ReaderEvent[]): string[] {
  return events.map((event) => (event.type === "fault" ? event.code : `telegram ${event.check}`));
}

function onlyTelegram(events: readonly ReaderEvent[]): Telegram {
  assert.deepEqual(
    events.map(({ type }) => type),
    ["telegram"],
    JSON.stringify(codes(events)),
  );
  return telegrams(events)[0]!;
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
const valuesAt = (telegram: Telegram, obis: string) => telegram.values.filter((value) => value.obis === obis);

test("checksums give the check values of the CRC catalogue", () => {
  assert.equal(crcArc(CHECK), 0xbb3d);
  assert.equal(crcX25(CHECK), 0x906e);
  assert.equal(crcKermit(CHECK), 0x2189);
});

for (const variant of P1_VARIANTS) {
  test(`${variant}: reads registers, power, time, id and sub-meter`, () => {
    const telegram = onlyTelegram(read(new P1Reader(), p1Telegram(variant, NOW)));
    const old = WITHOUT_CRC.includes(variant);
    assert.equal(telegram.check, old ? "absent" : "valid");
    assert.deepEqual(telegram.registers, { importWh: totalOf(NOW.importWh), exportWh: totalOf(NOW.exportWh) });
    assert.equal(telegram.powerW, old ? -1230 : -1234, "DSMR 2 and 3 show two decimals of a kilowatt");
    assert.equal(telegram.time, old ? undefined : NOW.time);
    assert.deepEqual(telegram.skipped, []);
    assert.equal(telegram.locked, false);
    assert.equal(telegram.meterId === undefined, variant === "sweden");
    assert.doesNotMatch(telegram.model, /^\//);
    if (variant === "sweden" || variant === "hungary") {
      assert.deepEqual(telegram.subMeters, []);
      return;
    }
    const [gas, ...more] = telegram.subMeters;
    assert.deepEqual(more, []);
    assert.equal(gas?.channel, 1);
    assert.equal(gas.medium, 3);
    assert.match(gas.id ?? "", /^(G0012345678901234|2222ABCD123456789)$/);
    assert.deepEqual(gas.reading?.value, { digits: 981_443n, exponent: -3 });
    assert.equal(gas.reading.unit, "m3");
    assert.equal(gas.reading.time, old ? undefined : NOW.gas?.time);
  });

  test(`${variant}: byte by byte gives the same as at once`, () => {
    const bytes = p1Telegram(variant, NOW);
    const slowly = new P1Reader();
    const events = [...bytes].flatMap((byte) => slowly.push(Uint8Array.of(byte)));
    assert.deepEqual(events, new P1Reader().push(bytes));
    assert.deepEqual(slowly.end(), []);
  });
}

test("keeps every digit of a register, and its unit", () => {
  const telegram = onlyTelegram(read(new P1Reader(), seal("/X5\r\n\r\n1-0:1.8.0(9007199254740.991*kWh)")));
  assert.deepEqual(telegram.values, [
    { obis: "1-0:1.8.0", value: { digits: 9007199254740991n, exponent: -3 }, unit: "kWh" },
  ]);
});

test("refuses a register beyond what differences can be exact for", () => {
  assert.deepEqual(codes(read(new P1Reader(), seal("/X5\r\n\r\n1-0:1.8.0(90071992547409.93*kWh)"))), ["bad-register"]);
});

test("adds tariffs up where there is no total, takes the total where there is one", () => {
  const tariffs = "1-0:1.8.1(000001.500*kWh)\r\n1-0:1.8.2(000002.250*kWh)";
  assert.deepEqual(onlyTelegram(read(new P1Reader(), seal(`/X5\r\n\r\n${tariffs}`))).registers, { importWh: 3750 });
  const both = onlyTelegram(read(new P1Reader(), seal(`/X5\r\n\r\n1-0:1.8.0(000003.751*kWh)\r\n${tariffs}`)));
  assert.deepEqual(both.registers, { importWh: 3751 });
});

test("reads registers in watt-hours (Austria)", () => {
  const telegram = onlyTelegram(read(new P1Reader(), seal("/EST5\\253710000_A\r\n\r\n1-0:1.8.0(006545766*Wh)")));
  assert.deepEqual(telegram.registers, { importWh: 6_545_766 });
});

for (const [name, line] of [
  ["negative", "1-0:1.8.0(-00001.000*kWh)"],
  ["of another unit", "1-0:1.8.0(00001.000*kvarh)"],
  ["empty", "1-0:1.8.0()"],
  ["there twice", "1-0:1.8.0(00001.000*kWh)\r\n1-0:1.8.0(00001.001*kWh)"],
] as const) {
  test(`refuses a telegram with a register that is ${name}, and does not tell its value`, () => {
    const [event] = read(new P1Reader(), seal(`/X5\r\n\r\n${line}`));
    assert.ok(event?.type === "fault" && event.code === "bad-register");
    assert.match(event.detail, /1-0:1\.8\.0/);
    assert.doesNotMatch(event.detail, /00001/);
  });
}

for (const crc of ["upper", "lower", "unpadded"] as const) {
  test(`takes a checksum in ${crc} form`, () => {
    // Varied until the sum begins with a zero and holds a letter, so that the form shows.
    const found = Array.from({ length: 5000 }, (_, number) => `/X5\r\n\r\n0-0:96.7.9(${number})`).find((body) =>
      /!0(?=.*[A-F])[1-9A-F][0-9A-F]{2}\r\n$/.test(text(seal(body))),
    );
    assert.ok(found !== undefined);
    assert.equal(onlyTelegram(read(new P1Reader(), seal(found, crc))).check, "valid");
  });
}

test("refuses a wrong checksum, shows the telegram only when asked to", () => {
  const wrong = p1Telegram("dsmr5", NOW, { crc: "wrong" });
  assert.deepEqual(codes(read(new P1Reader(), wrong)), ["bad-crc"]);
  assert.deepEqual(codes(read(new P1Reader({ showBad: true }), wrong)), ["bad-crc", "telegram bad"]);
  assert.deepEqual(codes(read(new P1Reader(), text(p1Telegram("dsmr5", NOW)).replace(/!.*/, "!XXXX"))), ["bad-crc"]);
});

test("refuses a missing checksum where the version has one", () => {
  for (const variant of ["dsmr4", "dsmr5", "belgium", "luxembourg"] as const) {
    assert.deepEqual(codes(read(new P1Reader(), p1Telegram(variant, NOW, { crc: "none" }))), ["crc-missing"], variant);
  }
});

test("refuses a missing checksum once the meter has sent one", () => {
  const reader = new P1Reader();
  const bare = p1Telegram("sweden", NOW, { crc: "none" });
  assert.deepEqual(codes(read(reader, p1Telegram("sweden", NOW), bare)), ["telegram valid", "crc-missing"]);
  assert.deepEqual(codes(read(new P1Reader(), bare, p1Telegram("sweden", NOW), bare)), [
    "telegram absent",
    "telegram valid",
    "crc-missing",
  ]);
});

test("reads meters with and without a checksum in one stream", () => {
  const events = read(new P1Reader(), p1Telegram("dsmr2.2", NOW), p1Telegram("dsmr4", NOW), p1Telegram("dsmr2.2", NOW));
  assert.deepEqual(codes(events), ["telegram absent", "telegram valid", "telegram absent"]);
});

test("without a checksum, believes no line that is damaged and no register that changed its look", () => {
  const good = text(p1Telegram("dsmr3", NOW));
  const shorter = good.replace("(01581.123*kWh)", "(0158.123*kWh)");
  const lost = good.replace(/1-0:1\.8\.2.*\r\n/, "");
  const damaged = good.replace("1-0:2.8.1(", "1-0:2.8.1");
  for (const [broken, code] of [
    [shorter, "unsettled"],
    [lost, "unsettled"],
    [damaged, "malformed"],
  ] as const) {
    const reader = new P1Reader();
    assert.notEqual(broken, good);
    assert.deepEqual(codes(read(reader, good, broken)), ["telegram absent", code]);
  }
});

test("with a checksum, names a line that it does not understand and gives the rest", () => {
  const telegram = onlyTelegram(read(new P1Reader(), seal("/X5\r\n\r\n1-0:1.8.0(000001.000*kWh)\r\nwhat is this")));
  assert.deepEqual(telegram.registers, { importWh: 1000 });
  assert.deepEqual(telegram.skipped, [{ code: "bad-line", at: "line 4" }]);
});

test("does not add tariffs up of which one is not understood, not even under a valid checksum", () => {
  const [one, two, total] = ["1-0:1.8.1(000001.000*kWh)", "1-0:1.8.2 (000002.000*kWh)", "1-0:1.8.0(000003.000*kWh)"];
  const body = (...lines: string[]): Uint8Array => seal(["/X5", "", ...lines].join("\r\n"));
  assert.deepEqual(codes(read(new P1Reader(), body(one, two))), ["bad-register"]);
  assert.deepEqual(onlyTelegram(read(new P1Reader(), body(one, two, total))).registers, { importWh: 3000 });
});

test("gives times as the letter says, in summer and winter", () => {
  const july = { ...NOW, time: Date.UTC(2026, 6, 1, 12, 0, 0) / 1000 };
  const dutch = p1Telegram("dsmr5", july, { summer: true });
  assert.match(text(dutch), /0-0:1\.0\.0\(260701140000S\)/);
  assert.equal(onlyTelegram(read(new P1Reader(), dutch)).time, july.time);
});

test("Swedish meters keep winter time in July", () => {
  const july = { ...NOW, time: Date.UTC(2026, 6, 1, 12, 0, 0) / 1000 };
  const swedish = p1Telegram("sweden", july, { summer: true });
  assert.match(text(swedish), /0-0:1\.0\.0\(260701130000W\)/);
  assert.equal(onlyTelegram(read(new P1Reader(), swedish)).time, july.time);
});

test("names a time that is none", () => {
  for (const time of ["632525252525S", "260230120000W", "260701250000W", "260701120000"]) {
    const telegram = onlyTelegram(read(new P1Reader(), seal(`/X5\r\n\r\n0-0:1.0.0(${time})`)));
    assert.equal(telegram.time, undefined);
    assert.deepEqual(telegram.skipped, [{ code: "bad-time", at: "0-0:1.0.0" }], time);
  }
});

test("gives logs as entries with their times, apart from present values", () => {
  const failures = onlyTelegram(read(new P1Reader(), p1Telegram("dsmr4", NOW)));
  assert.deepEqual(valuesAt(failures, "0-0:96.7.19"), [
    {
      obis: "0-0:96.7.19",
      value: { digits: 237_126n, exponent: 0 },
      unit: "s",
      log: "1-0:99.97.0",
      time: Date.UTC(2000, 0, 4, 17, 3, 20) / 1000,
    },
    {
      obis: "0-0:96.7.19",
      value: { digits: 240n, exponent: 0 },
      unit: "s",
      log: "1-0:99.97.0",
      time: Date.UTC(2010, 11, 8, 14, 24, 15) / 1000,
    },
  ]);
  const peaks = valuesAt(onlyTelegram(read(new P1Reader(), p1Telegram("belgium", NOW))), "1-0:1.6.0");
  assert.deepEqual(
    peaks.map(({ value, log, time }) => [value, log, time]),
    [
      [{ digits: 2589n, exponent: -3 }, undefined, NOW.time - 86_400],
      [{ digits: 3695n, exponent: -3 }, "0-0:98.1.0", Date.UTC(2025, 10, 23, 18, 25, 38) / 1000],
      [{ digits: 5980n, exponent: -3 }, "0-0:98.1.0", Date.UTC(2025, 9, 5, 10, 21, 39) / 1000],
    ],
  );
});

test("takes the register at the end of a Hungarian month for a log entry", () => {
  const telegram = onlyTelegram(read(new P1Reader(), p1Telegram("hungary", NOW)));
  const month = telegram.values.filter(({ log }) => log === "0-0:98.1.0");
  assert.deepEqual(
    month.map(({ value }) => value),
    [
      { digits: 1001n, exponent: -3 },
      { digits: 2002n, exponent: -3 },
    ],
  );
});

test("names a log whose count does not fit", () => {
  const log = "1-0:99.97.0(2)(0-0:96.7.19)(000104180320W)(0000237126*s)(101208152415W)";
  assert.deepEqual(onlyTelegram(read(new P1Reader(), seal(`/X5\r\n\r\n${log}`))).skipped, [
    { code: "bad-value", at: "1-0:99.97.0" },
  ]);
});

test("reads several telegrams in one chunk, and goes on after a broken one", () => {
  const one = p1Telegram("dsmr5", NOW);
  const cut = one.subarray(0, 300);
  const events = read(new P1Reader(), Buffer.concat([cut, one, one, cut, one]));
  assert.deepEqual(codes(events), ["truncated", "telegram valid", "telegram valid", "truncated", "telegram valid"]);
  assert.deepEqual(
    events.map((event) => (event.type === "fault" ? event.bytes : 0)),
    [300, 0, 0, 300, 0],
  );
});

test("counts garbage between telegrams once, however it is cut", () => {
  const reader = new P1Reader();
  const one = p1Telegram("dsmr5", NOW);
  const events = read(reader, "\x00garbage", " and more", one, "\x00\r\n", "tail");
  assert.deepEqual(codes([...events, ...reader.end()]), ["noise", "telegram valid", "noise"]);
  assert.deepEqual(
    events.map((event) => (event.type === "fault" ? event.bytes : 0)),
    [16, 0],
  );
});

test("takes an empty telegram without a checksum for what it is on a line at a wrong speed: noise", () => {
  for (const text of ["/!\r\n", "/a!\r\n", "/ISk5\r\n\r\n!\r\n"]) {
    assert.deepEqual(codes(new P1Reader().push(Buffer.from(text))), ["malformed"], text);
  }
});

test("reports a line of nothing but garbage, and stays small", () => {
  const reader = new P1Reader();
  const events = Array.from({ length: 100 }, () => reader.push(Buffer.alloc(1000, 0xfe))).flat();
  assert.equal(events.length, 97);
  assert.deepEqual(new Set(codes(events)), new Set(["noise"]));
});

test("gives a telegram up at the first byte that is no text", () => {
  const reader = new P1Reader();
  const events = read(reader, "/X5\r\n\r\n1-0:1.8.0(0000\xb11.000*kWh)\r\n!0000\r\n", p1Telegram("dsmr5", NOW));
  assert.deepEqual(codes(events), ["malformed", "noise", "telegram valid"]);
});

test("refuses a telegram without an end, by its length or when the line ends", () => {
  const reader = new P1Reader({ maxBytes: 1000 });
  const endless = read(reader, `/X5\r\n\r\n${"1-0:1.8.0(000001.000*kWh)\r\n".repeat(60)}`);
  assert.deepEqual(codes(endless), ["too-long"]);
  assert.deepEqual(codes(read(reader, p1Telegram("dsmr4", NOW))), ["noise", "telegram valid"]);
  assert.deepEqual(codes([...read(new P1Reader(), "/X5\r\n"), ...new P1Reader().end()]), []);
  const broken = new P1Reader();
  read(broken, "/X5\r\n\r\n1-0:1.8.0(000001.000*kWh)\r\n!");
  assert.deepEqual(codes(broken.end()), ["truncated"], "`!` alone may have lost its checksum");
});

test("opens encrypted telegrams, several in one chunk", () => {
  const reader = new P1Reader({ keys: { decryption: KEY } });
  const frames = [1, 2, 3].map((frameCounter) => encryptP1(p1Telegram("luxembourg", NOW), { key: KEY, frameCounter }));
  const events = read(reader, Buffer.concat(frames));
  assert.deepEqual(codes(events), ["telegram valid", "telegram valid", "telegram valid"]);
  assert.deepEqual(telegrams(events)[0]?.registers, {
    importWh: totalOf(NOW.importWh),
    exportWh: totalOf(NOW.exportWh),
  });
});

test("opens with an authentication key of the meter's own", () => {
  const authentication = KEY.map((byte) => byte ^ 0xff);
  const frame = encryptP1(p1Telegram("luxembourg", NOW), {
    key: KEY,
    authenticationKey: authentication,
    frameCounter: 9,
  });
  assert.deepEqual(codes(read(new P1Reader({ keys: { decryption: KEY, authentication } }), frame)), ["telegram valid"]);
  assert.deepEqual(codes(read(new P1Reader({ keys: { decryption: KEY } }), frame)).slice(0, 1), ["bad-tag"]);
});

test("opens frames of meters whose authentication key nobody knows, by their checksum alone", () => {
  const keys = { decryption: KEY, authentication: "unchecked" } as const;
  const cipher = { key: KEY, authenticationKey: KEY.map((byte) => byte ^ 0x33) };
  const frame = (frameCounter: number, crc?: "wrong" | "none") =>
    encryptP1(p1Telegram("luxembourg", NOW, crc === undefined ? {} : { crc }), { ...cipher, frameCounter });
  const reader = new P1Reader({ keys });
  const damaged = Buffer.from(frame(1));
  damaged[100]! ^= 1;
  assert.deepEqual(codes(read(reader, frame(1))), ["telegram valid"]);
  for (const bad of [damaged, frame(2, "wrong"), frame(2, "none")]) {
    assert.deepEqual(codes(read(new P1Reader({ keys }), bad)).slice(0, 1), ["bad-tag"]);
  }
  assert.deepEqual(codes(read(reader, frame(1), frame(3))), ["replayed", "telegram valid"]);
  const wrongKey = new P1Reader({ keys: { ...keys, decryption: KEY.map((byte) => byte ^ 1) } });
  assert.deepEqual(codes(read(wrongKey, frame(1))).slice(0, 1), ["bad-tag"]);
});

test("says that a key is missing, or wrong", () => {
  const frame = encryptP1(p1Telegram("luxembourg", NOW), { key: KEY, frameCounter: 1 });
  assert.deepEqual(codes(read(new P1Reader(), frame)), ["encrypted"]);
  const [first] = read(new P1Reader({ keys: { decryption: KEY.map((byte) => byte ^ 1) } }), frame);
  assert.ok(first?.type === "fault" && first.code === "bad-tag");
  assert.throws(
    () => new P1Reader({ keys: { decryption: KEY.subarray(1) } }),
    /decryption key: expected 16 bytes, got 15/,
  );
});

test("finds the next encrypted telegram after a broken one", () => {
  const reader = new P1Reader({ keys: { decryption: KEY } });
  const [one, two, three] = [1, 2, 3].map((frameCounter) =>
    encryptP1(p1Telegram("luxembourg", NOW), { key: KEY, frameCounter }),
  ) as [Uint8Array, Uint8Array, Uint8Array];
  // Cut in the middle, so that the second begins inside what the first one's length covers.
  const events = read(reader, one.subarray(0, 200), two, three);
  assert.equal(telegrams(events).length, 2);
  assert.ok(codes(events).includes("bad-tag"));
});

test("refuses a frame counter that was there already", () => {
  const reader = new P1Reader({ keys: { decryption: KEY } });
  const frame = (frameCounter: number) => encryptP1(p1Telegram("luxembourg", NOW), { key: KEY, frameCounter });
  assert.deepEqual(codes(read(reader, frame(7), frame(7), frame(6), frame(8))), [
    "telegram valid",
    "replayed",
    "replayed",
    "telegram valid",
  ]);
});

test("checks the telegram inside an encrypted frame as well", () => {
  const frame = encryptP1(p1Telegram("luxembourg", NOW, { crc: "wrong" }), { key: KEY, frameCounter: 1 });
  assert.deepEqual(codes(read(new P1Reader({ keys: { decryption: KEY } }), frame)), ["bad-crc"]);
});
