// needs: cc
/**
 * What comes from the line, in 30,000 pieces of noise, 30,000 acks and 6,000 frames to a running device, under sanitizers:
 * the core and the TypeScript of the other side take and refuse exactly the same.
 */
import assert from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import { test, type TestContext } from "node:test";
import { directionKey } from "../../../protocol/envelope/aead.ts";
import { type Ack, createAckOpener } from "../../../protocol/envelope/index.ts";
import { ProtocolError } from "../../../protocol/errors.ts";
import { KINDS } from "../../../protocol/units.ts";
import { DEVICE_FLAGS, encodeHostFrame, FrameDecoder, type HostFrame } from "../../link/index.ts";
import { encodeRawFrame } from "../../link/frame-decoder.ts";
import { modelSystem, readingsOf } from "./testing/aggregators.ts";
import { HostDevice } from "./testing/device.ts";
import { Driver, hex } from "./testing/driver.ts";
import { Street } from "./testing/street.ts";

const NOISE = 30_000;
const ACKS = 30_000;
const FRAMES = 6_000;
const BOUNDARY = 1_930_560 * 900;

/** Integers from 0 to `below` - 1, the same in every run. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Changes, cuts, doubles or grows a byte string in one or more places. */
function mutate(bytes: Uint8Array, random: (below: number) => number): Uint8Array {
  let out = [...bytes];
  for (let times = 1 + random(3); times > 0; times--) {
    const at = random(out.length + 1);
    const interesting = [0, 1, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1f, 0x58, 0x7f, 0x80, 0x81, 0x84, 0xa3, 0xfe, 0xff];
    const byte = random(2) === 0 ? random(256) : interesting[random(interesting.length)]!;
    const how = random(6);
    if (how === 0) out.splice(at, 1);
    else if (how === 1) out.splice(at, 0, byte);
    else if (how === 2) out = out.slice(0, at);
    else if (how === 3) out[at < out.length ? at : 0] = byte;
    else if (how === 4 && out.length > 0) out[at % out.length]! ^= 1 << random(8);
    else out.splice(at, 0, ...out.slice(random(out.length + 1), at));
  }
  return Uint8Array.from(out.slice(0, 300));
}

async function driverFor(context: TestContext): Promise<Driver> {
  const driver = await Driver.start("sanitized");
  context.after(() => driver.stop());
  return driver;
}

void test(`decodes ${NOISE} pieces of a noisy line as the other side does`, async (context) => {
  const driver = await driverFor(context);
  const random = generator(1);
  let frames = 0;
  for (let done = 0; done < NOISE; ) {
    const pieces: Uint8Array[] = [];
    for (let i = 0; i < 100; i++, done++) {
      const payload = Uint8Array.from({ length: random(random(4) === 0 ? 198 : 30) }, () =>
        random(3) === 0 ? 0 : random(256),
      );
      const good = encodeRawFrame({ type: random(256), payload });
      pieces.push(random(3) === 0 ? good : mutate(good, random));
    }
    const line = Buffer.concat([...pieces, Uint8Array.of(0)]);
    const decoder = new FrameDecoder();
    const expected: string[] = [];
    for (let at = 0; at < line.length; ) {
      const end = at + 1 + random(64);
      const found = decoder.push(line.subarray(at, end));
      expected.push(...found.map(({ type, payload }) => hex(Uint8Array.of(type, ...payload))));
      at = end;
    }
    frames += expected.length;
    assert.equal(await driver.ask(`decode ${hex(line)}`), [...expected, decoder.noise.frames].join(" "));
  }
  assert.ok(frames > NOISE / 4 && frames < NOISE, `${frames} of the pieces were frames`);
});

void test(`opens and refuses ${ACKS} acks as protocol/ does`, async (context) => {
  const driver = await driverFor(context);
  const random = generator(2);
  const root = new Uint8Array(32).fill(7);
  const key = directionKey(root, "wv/1/ack");
  const opener = createAckOpener(root, "m-001", 1);
  const seal = (plaintext: Uint8Array): Uint8Array => {
    const head = Buffer.from(
      plaintext.length + 16 < 24 ? [0x40 + plaintext.length + 16] : [0x58, plaintext.length + 16],
    );
    const aad = Buffer.from("8368456e63727970743044a10118185277762f312f612f312f61636b2f6d2d303031", "hex");
    const cipher = createCipheriv("chacha20-poly1305", key, Buffer.from("000000000000000500000001", "hex"), {
      authTagLength: 16,
    });
    cipher.setAAD(aad, { plaintextLength: plaintext.length });
    const sealed = [cipher.update(plaintext), cipher.final(), cipher.getAuthTag()];
    return Buffer.concat([Buffer.from("d08344a1011818a106480000000500000001", "hex"), head, ...sealed]);
  };
  const plain = [
    "a3011a6790388502820100038184011a001d75400100",
    "a5011a67903500028200000380045055eb1bfdf6595577daa1fe6749904d4b0501",
    "a4011a67903886028201070380068283646c6f61641a001d75400083626c7300" + "03",
    "a6011a679038870282020003828401" +
      "1a001d75400200840318641903e802045055eb1bfdf6595577daa1fe6749904d4b05030681836161" +
      "1864" +
      "02",
    "a301000282000003" + "80",
    "a3011affffffff02821affffffff1affffffff0381" + "84041affffffff0105",
  ].map((text) => Buffer.from(text, "hex"));
  let opened = 0;
  for (let i = 0; i < ACKS; i++) {
    let plaintext: Uint8Array = plain[random(plain.length)]!;
    if (random(20) > 0) plaintext = mutate(plaintext, random);
    let message = seal(plaintext.subarray(0, 170));
    // Mostly authentic, so that the parser is reached; else the envelope is wrong.
    if (random(5) === 0) message = mutate(message, random).subarray(0, 250);
    const answer = await driver.ask(`ack ${hex(key)} m-001 1 ${hex(message)}`);
    const expected = verdictOf(() => opener.open(message));
    // Lists of digests (maps of 4 and 6 values) are not for devices: they do not look whether one is well-formed.
    const isLenient = expected === "10" && (plaintext[0] === 0xa4 || plaintext[0] === 0xa6);
    if (isLenient) assert.match(answer, /^(0 .*|10)$/, hex(message));
    // Below 24 sealed bytes there is no ack: a device says so before it looks at the seal.
    else if (expected === "11" && message[18] !== 0x58) assert.equal(answer, "10", hex(message));
    // Nor are kinds of feeder heads.
    else if (typeof expected === "object" && expected.ack.entries.some(({ kind }) => kind > KINDS.catchupExport)) {
      assert.equal(answer, "10", hex(message));
    } else if (typeof expected === "string") assert.equal(answer, expected, hex(message));
    else {
      opened++;
      assert.equal(answer, linesOf(expected.number, expected.ack), hex(message));
    }
  }
  assert.ok(opened > ACKS / 50 && opened < ACKS / 2, `${opened} were opened`);
});

function verdictOf<T>(open: () => T): T | string {
  try {
    return open();
  } catch (error) {
    assert.ok(error instanceof ProtocolError, String(error));
    return error.code === "bad-seal" ? "11" : "10";
  }
}

function linesOf(number: { boot: number; counter: number }, { time, highest, hello, entries }: Ack): string {
  const listed = entries.map(({ kind, firstSlot, count, code }) => `${kind}:${firstSlot}:${count}:${code}`);
  const answered = hello === undefined ? ["-", 0] : [hex(hello.challenge), hello.boot];
  return [0, number.boot, number.counter, time, highest.boot, highest.counter, ...answered, ...listed].join(" ");
}

void test(`a device that gets ${FRAMES} wrong frames goes on as if there had been none`, {
  timeout: 300_000,
}, async (context) => {
  const system = modelSystem();
  const device = await HostDevice.create("sanitized");
  context.after(() => device.driver.stop());
  const street = await Street.create(BOUNDARY - 20, system, device);
  await street.run(60, () => 1);
  const before = await device.eeprom();
  const random = generator(3);
  const good: HostFrame[] = [
    { kind: "ask", what: "status" },
    { kind: "ack", aggregator: 1, message: Buffer.from("d08344a1011818a106480000000500000001580109", "hex") },
    { kind: "provision", part: 0, content: new Uint8Array(50).fill(0x61) },
    { kind: "provision", part: 255, content: new Uint8Array(16) },
  ];
  for (let i = 0; i < FRAMES; i++) {
    const frame = encodeHostFrame(good[random(good.length)]!);
    // A frame whose checksum fits, whatever is in it; or plain noise.
    const raw = mutate(frame.subarray(1, -3), random).subarray(0, 198);
    const bytes =
      random(3) === 0
        ? mutate(frame, random)
        : encodeRawFrame({ type: 0x80 + random(6), payload: raw.subarray(0, random(197)) });
    const linkUp = bytes[1] === 0x81;
    if (!linkUp) await device.sayBytes(Buffer.concat([Uint8Array.of(0), bytes, Uint8Array.of(0)]));
  }
  const { flags, noise, refused } = await street.status();
  assert.equal(flags & DEVICE_FLAGS.stopped, 0);
  assert.ok(noise > 100 && refused > 100, `noise ${noise}, refused ${refused}`);
  assert.deepEqual(await device.eeprom(), before);
  await street.run(2 * 900, () => 1);
  assert.deepEqual([...readingsOf(system).values()], [900, 900]);
  assert.equal((await street.status()).pending, 0);
});
