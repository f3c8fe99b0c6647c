import assert from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import { describe, test } from "node:test";
import fc from "fast-check";
import { cobsDecode, cobsEncode } from "./cobs.ts";
import { crc16 } from "./crc16.ts";
import { encodeRawFrame } from "./frame-decoder.ts";
import {
  type DeviceFrame,
  encodeDeviceFrame,
  encodeHostFrame,
  FrameDecoder,
  FrameError,
  type HostFrame,
  MAX_ACK_BYTES,
  MAX_FRAME_BYTES,
  parseDeviceFrame,
  parseHostFrame,
  provisioningFrames,
  type Provisioning,
  replyName,
} from "./index.ts";
import { SHARE_MESSAGE_BYTES, SHARE_MESSAGE_HEAD } from "./frames.ts";

const bytes = (minLength: number, maxLength = minLength) => fc.uint8Array({ minLength, maxLength });
const zeroish = (maxLength: number) =>
  fc
    .array(fc.oneof(fc.constant(0), fc.constant(255), fc.nat({ max: 255 })), { maxLength })
    .map((list) => Uint8Array.from(list));
const u8 = fc.nat({ max: 255 });
const u16 = fc.nat({ max: 65_535 });
const u32 = fc.nat({ max: 0xffff_ffff });
const meter = fc
  .stringMatching(/^[a-z0-9][a-z0-9-]{0,31}$/)
  .filter((id) => !/^(?:utility|analytics|authority|simulator|broker|public|a-\d+)$/.test(id));

/** As it travels on MQTT; the line leaves out its head, which never changes. */
const shareMessage = bytes(SHARE_MESSAGE_BYTES - SHARE_MESSAGE_HEAD.length).map((rest) =>
  Uint8Array.from([...SHARE_MESSAGE_HEAD, ...rest]),
);

const deviceFrame: fc.Arbitrary<DeviceFrame> = fc.oneof(
  fc.record({
    kind: fc.constant("hello" as const),
    ...{ n: u8, t: u8, slotSeconds: u16, boot: u32, challenge: bytes(16), meter },
  }),
  fc.record({ kind: fc.constant("share" as const), aggregator: u8, message: shareMessage }),
  fc.record({
    kind: fc.constant("status" as const),
    ...{ flags: u8, uptimeSeconds: u32, time: u32, sessions: u8, pending: u8, capacity: u8, checkpoint: u8 },
    ...{ noise: u16, overruns: u16, refused: u16, conflicts: u16, closed: u16, givenUp: u16, damaged: u16 },
    ...{ renewals: u16, start: u32 },
  }),
  fc.record({
    kind: fc.constant("identity" as const),
    ...{ flags: u8, fingerprint: bytes(16), meter: fc.oneof(fc.constant(""), meter) },
  }),
  fc.record({ kind: fc.constant("reply" as const), to: u8, code: u8 }),
);
const hostFrame: fc.Arbitrary<HostFrame> = fc.oneof(
  fc.record({ kind: fc.constant("link" as const), up: fc.boolean(), online: u8 }),
  fc.record({ kind: fc.constant("ack" as const), aggregator: u8, message: bytes(1, MAX_ACK_BYTES) }),
  fc.record({ kind: fc.constant("provision" as const), part: u8, content: bytes(0, MAX_ACK_BYTES) }),
  fc.record({
    kind: fc.constant("ask" as const),
    what: fc.constantFrom("hello" as const, "status" as const, "identity" as const),
  }),
);

void describe("the checksum", () => {
  void test("conforms to the check value of CRC-16/CCITT-FALSE", () => {
    assert.equal(crc16(Buffer.from("123456789")), 0x29b1);
    assert.equal(crc16(Buffer.concat([Buffer.from("123456789"), Uint8Array.of(0x29, 0xb1)])), 0);
  });
});

void describe("stuffing", () => {
  void test("conforms to the examples of the paper: no zero, only zeros, runs of 254", () => {
    const run = Uint8Array.from({ length: 254 }, (_, at) => at + 1);
    const examples: [number[] | Uint8Array, number[] | Uint8Array][] = [
      [[], [1]],
      [[0], [1, 1]],
      [
        [0, 0],
        [1, 1, 1],
      ],
      [
        [0x11, 0x22, 0, 0x33],
        [3, 0x11, 0x22, 2, 0x33],
      ],
      [
        [0x11, 0, 0, 0],
        [2, 0x11, 1, 1, 1],
      ],
      [run, [255, ...run]],
      [
        [0, ...run],
        [1, 255, ...run],
      ],
      [
        [...run, 255],
        [255, ...run, 2, 255],
      ],
    ];
    for (const [plain, stuffed] of examples) {
      assert.deepEqual([...cobsEncode(Uint8Array.from(plain))], [...stuffed]);
      assert.deepEqual([...cobsDecode(Uint8Array.from(stuffed))!], [...plain]);
    }
  });

  void test("and taking out is the identity, without a zero between", () => {
    fc.assert(
      fc.property(fc.oneof(zeroish(20), bytes(0, 700)), (plain) => {
        const stuffed = cobsEncode(plain);
        assert.ok(!stuffed.includes(0));
        assert.deepEqual(cobsDecode(stuffed), plain);
      }),
    );
  });

  void test("refuses what cannot have been stuffed", () => {
    for (const wrong of [[], [0], [2], [3, 1], [1, 5, 1], [2, 0]]) {
      assert.equal(cobsDecode(Uint8Array.from(wrong)), undefined);
    }
  });
});

void describe("the decoder", () => {
  void test("gives every frame, however the line cuts it", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(u8, zeroish(197)), { maxLength: 8 }),
        fc.integer({ min: 1, max: 50 }),
        (list, cut) => {
          const line = Buffer.concat(list.map(([type, payload]) => encodeRawFrame({ type, payload })));
          const decoder = new FrameDecoder();
          const found = [];
          for (let at = 0; at < line.length; ) {
            const end = at + cut;
            found.push(...decoder.push(line.subarray(at, end)));
            at = end;
          }
          assert.deepEqual(
            found.map(({ type, payload }) => [type, payload]),
            list,
          );
          assert.deepEqual(decoder.noise, { frames: 0, bytes: 0 });
        },
      ),
    );
  });

  void test("counts noise and goes on: cut frames, flipped bits, endless bytes, zeros", () => {
    const decoder = new FrameDecoder();
    const good = encodeRawFrame({ type: 1, payload: Uint8Array.of(1, 2, 3) });
    const flipped = Uint8Array.from(good);
    flipped[3]! ^= 8;
    assert.deepEqual(decoder.push(flipped), []);
    assert.deepEqual(decoder.noise, { frames: 1, bytes: 7 });
    assert.deepEqual(decoder.push(Uint8Array.of(0, 0, 0)), []);
    assert.equal(decoder.noise.frames, 1, "zeros are no noise");
    assert.deepEqual(decoder.push(good.subarray(3)), []);
    assert.equal(decoder.noise.frames, 2);
    for (let i = 0; i < 1000; i++) assert.deepEqual(decoder.push(new Uint8Array(1000).fill(0x55)), []);
    assert.equal(decoder.push(Uint8Array.of(0, ...good)).length, 1);
    assert.deepEqual(decoder.noise, { frames: 3, bytes: 7 + good.length - 4 + 1_000_000 });
  });

  void test("refuses a frame that is longer than a device can hold, whole as it is", () => {
    const frame = new Uint8Array(MAX_FRAME_BYTES + 1).fill(7);
    const crc = crc16(frame.subarray(0, -2));
    frame.set([crc >> 8, crc & 255], frame.length - 2);
    const decoder = new FrameDecoder();
    assert.deepEqual(decoder.push(Uint8Array.of(...cobsEncode(frame), 0)), []);
    assert.equal(decoder.noise.frames, 1);
    assert.throws(
      () => encodeRawFrame({ type: 1, payload: new Uint8Array(198) }),
      /payload: expected at most 197 bytes, got 198/,
    );
    assert.throws(() => encodeRawFrame({ type: 256, payload: new Uint8Array(0) }), /type: expected 0 to 255, got 256/);
  });
});

void describe("frames", () => {
  void test("of a device come out as they went in", () => {
    fc.assert(
      fc.property(deviceFrame, (frame) => {
        const [raw] = new FrameDecoder().push(encodeDeviceFrame(frame));
        assert.deepEqual(parseDeviceFrame(raw!), { ...frame });
      }),
    );
  });

  void test("of a host come out as they went in", () => {
    fc.assert(
      fc.property(hostFrame, (frame) => {
        const [raw] = new FrameDecoder().push(encodeHostFrame(frame));
        assert.deepEqual(parseHostFrame(raw!), { ...frame });
      }),
    );
  });

  void test("of any other content are a FrameError, never anything else", () => {
    fc.assert(
      fc.property(u8, bytes(0, 197), (type, payload) => {
        for (const parse of [parseDeviceFrame, parseHostFrame]) {
          try {
            parse({ type, payload });
          } catch (error) {
            assert.ok(error instanceof FrameError);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });

  void test("say what is wrong with them", () => {
    const wrong: [number, number[], RegExp][] = [
      [0x01, [1, 3, 2], /expected 26 to 57 bytes in a frame hello, got 3/],
      [0x01, [2, ...new Array<number>(26).fill(0x61)], /expected version 1 of the serial protocol, got 2/],
      [0x01, [1, ...new Array<number>(24).fill(0), 0x41], /a device names a meter that cannot be/],
      [0x02, [1, 2], /expected 51 bytes in a frame share, got 2/],
      [0x81, [1, 2], /no device sends frames of type 0x81/],
    ];
    for (const [type, payload, message] of wrong) {
      assert.throws(() => parseDeviceFrame({ type, payload: Uint8Array.from(payload) }), {
        name: "FrameError",
        message,
      });
    }
    assert.throws(
      () => parseHostFrame({ type: 0x81, payload: Uint8Array.of(2, 0) }),
      /link is up \(1\) or down \(0\), got 2/,
    );
    assert.throws(
      () => parseHostFrame({ type: 0x84, payload: Uint8Array.of(2) }),
      /nobody may ask for frames of type 0x2/,
    );
  });

  void test("have replies with names", () => {
    assert.equal(replyName(11), "badSeal");
    assert.equal(replyName(200), "unknown");
  });
});

void describe("provisioning", () => {
  const peers = [1, 2, 3].map((index) => ({
    shareKey: new Uint8Array(32).fill(index),
    ackKey: new Uint8Array(32).fill(0x10 + index),
  }));
  const input: Provisioning = {
    ...{ meter: "m-001", polynomialKey: new Uint8Array(32).fill(9), peers, threshold: 2, checkpoint: 64 },
    ...{ slotSeconds: 900, pulsesPerKwh: 1000, resendSeconds: 5 },
  };

  void test("is settings, keys of each aggregator, fingerprint, in this order", () => {
    const { frames, fingerprint } = provisioningFrames(input);
    assert.deepEqual(
      frames.map(({ part }) => part),
      [0, 1, 2, 3, 255],
    );
    const settings = Buffer.from(frames[0]!.content).toString("hex");
    assert.equal(settings, `0302400384000003e805${"09".repeat(32)}${Buffer.from("m-001").toString("hex")}`);
    assert.deepEqual(frames[2]!.content, Buffer.concat([peers[1]!.shareKey, peers[1]!.ackKey]));
    assert.deepEqual(frames[4]!.content, fingerprint);
    // As PROTOCOL.md defines it: bytes 4 to 80 + 64 n of the EEPROM.
    const kept = Buffer.concat([
      Buffer.from("01030240" + "0384" + "000003e8" + "05" + "05", "hex"),
      Buffer.from("m-001".padEnd(32, "\0")),
      input.polynomialKey,
      ...peers.flatMap(({ shareKey, ackKey }) => [shareKey, ackKey]),
    ]);
    assert.equal(kept.length, 76 + 64 * 3);
    const cipher = createCipheriv("chacha20-poly1305", input.polynomialKey, Buffer.from("wv1 identity"), {
      authTagLength: 16,
    });
    cipher.setAAD(kept, { plaintextLength: 0 });
    cipher.final();
    assert.deepEqual(Buffer.from(fingerprint), cipher.getAuthTag());
  });

  void test("refuses what a device would refuse, and shows no key", () => {
    const wrong: [Partial<Provisioning>, RegExp][] = [
      [{ polynomialKey: new Uint8Array(31) }, /polynomialKey: expected 32 bytes, got 31/],
      [{ peers: [] }, /peers: expected an integer from 1 to 5, got 0/],
      [{ peers: [peers[0]!, { shareKey: new Uint8Array(1), ackKey: new Uint8Array(32) }] }, /peers\[1\]\.shareKey/],
      [{ threshold: 4 }, /threshold: expected an integer from 1 to 3, got 4/],
      [{ checkpoint: 15 }, /checkpoint: expected an integer from 16 to 255, got 15/],
      [{ slotSeconds: 3601 }, /slotSeconds: expected an integer from 1 to 3600, got 3601/],
      [{ pulsesPerKwh: 0 }, /pulsesPerKwh: expected an integer from 1 to 1000000, got 0/],
      [{ resendSeconds: 0.5 }, /resendSeconds: expected an integer from 1 to 255, got 0.5/],
      [{ meter: "Kitchen" }, /meter id/],
    ];
    for (const [change, message] of wrong) assert.throws(() => provisioningFrames({ ...input, ...change }), message);
  });
});
