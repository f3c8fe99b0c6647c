import assert from "node:assert/strict";
import test from "node:test";
import { D0Reader } from "./d0.ts";
import { type Alarm, type D0Port, readD0 } from "./d0-session.ts";
import { D0SignOn } from "./d0-sign-on.ts";
import type { ReaderEvent, Telegram } from "./reader.ts";
import { D0_VARIANTS, d0Block, d0Telegram, IDENTIFICATION, LINES, SimulatedD0Meter } from "./testing/d0-telegrams.ts";
import { EXAMPLE_STATE, totalOf } from "./testing/meter-state.ts";

const NOW = EXAMPLE_STATE;
const BLOCK = d0Block(LINES.short(NOW));
/** Alarms that ring at once, and those that never do. */
const impatient: Alarm = (callback) => {
  const immediate = setImmediate(callback);
  return () => clearImmediate(immediate);
};
const patient: Alarm = () => () => {};

function codes(events: readonly ReaderEvent[]): string[] {
  return events.map((event) => (event.type === "fault" ? event.code : `telegram ${event.check}`));
}

function onlyTelegram(events: readonly ReaderEvent[]): Telegram {
  const [event, ...more] = events;
  assert.ok(event?.type === "telegram" && more.length === 0, JSON.stringify(codes(events)));
  return event;
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
const bytesOf = (content: string): Buffer => Buffer.from(content, "latin1");

for (const variant of D0_VARIANTS) {
  for (const framing of ["block", "push"] as const) {
    test(`${variant}, ${framing}: reads registers, power and id`, () => {
      const bytes = d0Telegram(variant, NOW, { framing });
      const telegram = onlyTelegram(new D0Reader().push(bytes));
      assert.equal(telegram.check, framing === "block" ? "valid" : "absent");
      assert.deepEqual(telegram.registers, { importWh: totalOf(NOW.importWh), exportWh: totalOf(NOW.exportWh) });
      assert.equal(telegram.powerW, NOW.powerW);
      assert.equal(telegram.model, IDENTIFICATION);
      assert.match(telegram.meterId ?? "", /^(30123456|1ESY1162232997|12345678)$/);
      const slowly = new D0Reader();
      assert.deepEqual(
        [...bytes].flatMap((byte) => slowly.push(Uint8Array.of(byte))),
        [telegram],
      );
      assert.deepEqual(slowly.end(), []);
    });
  }
}

test("takes registers of other periods for what they are", () => {
  const { values } = onlyTelegram(new D0Reader().push(d0Telegram("short", NOW)));
  assert.deepEqual(
    values.flatMap(({ obis }) => (obis.startsWith("1-0:1.8.1") ? [obis] : [])),
    ["1-0:1.8.1", "1-0:1.8.1*01", "1-0:1.8.1*02"],
  );
});

test("refuses a wrong block check character, and the line's parity is not part of it", () => {
  const wrong = Buffer.from(BLOCK);
  wrong[wrong.length - 1]! ^= 0x04;
  assert.deepEqual(codes(new D0Reader().push(wrong)), ["bad-crc"]);
  const parity = Buffer.from(BLOCK);
  parity[parity.length - 1]! ^= 0x80;
  assert.deepEqual(codes(new D0Reader().push(parity)), ["telegram valid"]);
});

test("does not believe two errors that the block check character passes", () => {
  const good = text(BLOCK);
  // The same bit of two bytes, so that the sum stays: a digit of one register is lost to a letter.
  const swapped = good.replace("(001581.123*kWh)", "(001581.12s*kWh)").replace("(001435.706*kWh)", "(001435.70v*kWh)");
  assert.notEqual(swapped, good);
  assert.deepEqual(codes(new D0Reader().push(bytesOf(swapped))), ["bad-register"]);
  const reader = new D0Reader();
  const unit = good.replace("(001581.123*kWh)", "(0015811.23*kWh)").replace("(001435.706*kWh)", "(0014357.06*kWh)");
  assert.deepEqual(codes([...reader.push(BLOCK), ...reader.push(bytesOf(unit))]), ["telegram valid", "unsettled"]);
});

test("refuses a bare readout from a meter that had a check character", () => {
  const reader = new D0Reader();
  reader.push(d0Telegram("short", NOW));
  assert.deepEqual(codes(reader.push(d0Telegram("short", NOW, { framing: "push" }))), ["crc-missing"]);
});

test("refuses lines that it does not understand", () => {
  for (const line of ["1.8.1", "1.8.1(1*kWh", "1.8.1(1*kWh))", "1.8(1)2", "$.8.1(1*kWh)", "1.8.1(0000001.000)"]) {
    const [code] = codes(new D0Reader().push(d0Block([line])));
    assert.equal(code, line.endsWith("000)") ? "bad-register" : "malformed", line);
  }
  assert.deepEqual(codes(new D0Reader().push(d0Block([]))), ["malformed"]);
});

test("goes on after a cut readout, counts garbage, reports a NAK", () => {
  const one = d0Telegram("full", NOW);
  const cut = bytesOf(`${text(one).slice(0, 80)}\r\n`);
  const reader = new D0Reader();
  assert.deepEqual(codes(reader.push(Buffer.concat([cut, one]))), ["truncated", "telegram valid"]);
  assert.deepEqual(codes(reader.push(Buffer.concat([bytesOf("garbage"), one]))), ["noise", "telegram valid"]);
  assert.deepEqual(codes(reader.push(Buffer.of(0x15))), ["rejected"]);
  reader.push(cut);
  assert.deepEqual(codes(reader.end()), ["truncated"]);
});

test("gives up what is too long, or no text", () => {
  const reader = new D0Reader({ maxBytes: 200 });
  const [first] = reader.push(bytesOf(`\x02${"1.8.1(1*kWh)\r\n".repeat(20)}`));
  assert.equal(first?.type === "fault" && first.code, "too-long");
  assert.deepEqual(codes(new D0Reader().push(bytesOf("\x021.8.1(\xff"))), ["malformed"]);
  assert.deepEqual(codes(new D0Reader().push(bytesOf(`/${"A".repeat(100)}`))).slice(0, 1), ["malformed"]);
});

for (const echo of [false, true]) {
  test(`signs on in mode C, changes speed after the acknowledgement${echo ? ", with an echo" : ""}`, async () => {
    const meter = new SimulatedD0Meter({ readout: BLOCK, echo });
    const telegram = onlyTelegram(await readD0(meter, { alarm: patient }));
    assert.deepEqual(telegram.registers, { importWh: totalOf(NOW.importWh), exportWh: totalOf(NOW.exportWh) });
    assert.equal(telegram.model, IDENTIFICATION);
    assert.deepEqual(meter.heard, [
      { baud: 300, text: "/?!\r\n" },
      { baud: 300, text: "\x06050\r\n" },
    ]);
  });
}

test("stays at 300 baud with a head that cannot do more", async () => {
  const meter = new SimulatedD0Meter({ readout: BLOCK });
  onlyTelegram(await readD0(meter, { alarm: patient, maxBaud: 4800 }));
  assert.equal(meter.heard[1]?.text, "\x06000\r\n");
});

test("follows a mode B meter to its speed, and lets a mode A meter go on", async () => {
  for (const identification of ["LGZEZMD310", "EMH\\@01LZQJ"]) {
    const meter = new SimulatedD0Meter({ readout: BLOCK, identification });
    onlyTelegram(await readD0(meter, { alarm: patient }));
    assert.equal(meter.heard.length, 1, "no acknowledgement");
  }
  const fast = new SimulatedD0Meter({ readout: BLOCK, identification: "LGZEZMD310" });
  assert.deepEqual(codes(await readD0(fast, { alarm: patient, maxBaud: 300 })), ["unsupported"]);
});

test("says when the meter is silent, stops in the middle, or does not want to", async () => {
  assert.deepEqual(
    codes(await readD0(new SimulatedD0Meter({ readout: BLOCK, answerBytes: 0 }), { alarm: impatient })),
    ["silent"],
  );
  // Enough for the identification, not for the readout.
  const cut = new SimulatedD0Meter({ readout: BLOCK, answerBytes: 30 });
  assert.deepEqual(codes(await readD0(cut, { alarm: impatient })), ["truncated"]);
  const mute = new SimulatedD0Meter({ readout: new Uint8Array(0) });
  assert.deepEqual(codes(await readD0(mute, { alarm: impatient })), ["silent"]);
  const refusing = new SimulatedD0Meter({ readout: Buffer.of(0x15) });
  assert.deepEqual(codes(await readD0(refusing, { alarm: patient })), ["rejected"]);
});

test("rejects with the port's error, and an address that cannot be", async () => {
  const broken: D0Port = {
    setBaud: () => Promise.resolve(),
    write: () => Promise.reject(new Error("unplugged")),
    onBytes: () => () => {},
  };
  await assert.rejects(readD0(broken, { alarm: patient }), /unplugged/);
  assert.throws(() => new D0SignOn({ address: "no/slash" }), /address: expected up to 32/);
});

test("bytes that come when nobody asked change nothing", () => {
  const machine = new D0SignOn();
  assert.deepEqual(machine.push(BLOCK), { actions: [], events: [], waitMs: undefined });
  assert.deepEqual(machine.timeout(), { actions: [], events: [], waitMs: undefined });
});
