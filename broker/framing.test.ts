/** However the bytes are cut, the same packets come out; whatever is wrong with them, nothing large is collected. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PacketFramer } from "./framing.ts";
import type { FramingFault } from "./framing.ts";
import { connectPacket, lengthBytes, publishPacket } from "./test-bed.ts";

const LIMITS = { connectBytes: 4_096, packetBytes: 100_000, batchPackets: 4 };
const PUBACK = Buffer.from([0x40, 2, 0, 1]);
const PINGREQ = Buffer.from([0xc0, 0]);
const SUBSCRIBE = Buffer.from([0x82, 8, 0, 1, 0, 3, 0x61, 0x2f, 0x62, 1]);

interface Outcome {
  readonly bytes: Buffer;
  readonly batches: readonly { readonly packets: number; readonly publishes: number }[];
  readonly acknowledged: number;
  readonly fault: FramingFault | undefined;
}

function frame(chunks: readonly Buffer[], limits = LIMITS): Outcome {
  const handed: Buffer[] = [];
  const batches: { packets: number; publishes: number }[] = [];
  let acknowledged = 0;
  let fault: FramingFault | undefined;
  const framer = new PacketFramer(limits, {
    packets: (bytes, packets, publishes) => {
      handed.push(Buffer.from(bytes));
      batches.push({ packets, publishes });
    },
    acknowledged: () => acknowledged++,
  });
  for (const chunk of chunks) fault = framer.add(Buffer.from(chunk)) ?? fault;
  return { bytes: Buffer.concat(handed), batches, acknowledged, fault };
}

const packet = fc.oneof(
  fc.constantFrom(PUBACK, PUBACK, PINGREQ, SUBSCRIBE),
  fc.integer({ min: 0, max: 400 }).map((size) => publishPacket("wv/1/m/m-001/share/1", Buffer.alloc(size, size), 7)),
);

test("hands on the same packets without the PUBACKs, wherever the bytes are cut", () => {
  fc.assert(
    fc.property(
      fc.array(packet, { maxLength: 30 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 700 })),
      (list, sizes) => {
        const stream = Buffer.concat([connectPacket("m-001"), ...list]);
        const chunks: Buffer[] = [];
        for (let at = 0; at < stream.length; ) {
          const size = Number(sizes.next().value);
          chunks.push(stream.subarray(at, at + size));
          at += size;
        }
        const { bytes, batches, acknowledged, fault } = frame(chunks);
        const passing = list.filter((one) => one !== PUBACK);
        assert.equal(fault, undefined);
        assert.deepEqual(bytes, Buffer.concat([connectPacket("m-001"), ...passing]));
        assert.equal(acknowledged, list.length - passing.length);
        assert.equal(
          batches.reduce((sum, { packets }) => sum + packets, 0),
          passing.length + 1,
        );
        assert.equal(
          batches.reduce((sum, { publishes }) => sum + publishes, 0),
          passing.filter((one) => one !== PINGREQ && one !== SUBSCRIBE).length,
        );
        assert.ok(batches.every(({ packets }) => packets <= LIMITS.batchPackets));
        assert.equal(batches[0]?.packets, 1); // the CONNECT alone
      },
    ),
  );
});

test("bytes cut one by one make the same packets", () => {
  const stream = Buffer.concat([connectPacket("m-001"), publishPacket("a/b", Buffer.alloc(300), 1), PUBACK, PINGREQ]);
  const { bytes, acknowledged } = frame([...stream].map((byte) => Buffer.from([byte])));
  assert.deepEqual(bytes, Buffer.concat([connectPacket("m-001"), publishPacket("a/b", Buffer.alloc(300), 1), PINGREQ]));
  assert.equal(acknowledged, 1);
});

test("never throws and never goes on after a fault, whatever comes", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 8 }), fc.boolean(), (parts, polite) => {
      const chunks = parts.map((part) => Buffer.from(part));
      const { fault, bytes } = frame(polite ? [connectPacket("m-001"), ...chunks] : chunks);
      if (!polite && bytes.length > 0) assert.equal(bytes[0], 0x10);
      if (fault !== undefined) {
        const again = frame([...(polite ? [connectPacket("m-001")] : []), ...chunks, PINGREQ]);
        assert.deepEqual(again.bytes, bytes);
      }
    }),
    { numRuns: 2_000 },
  );
});

const hello = connectPacket("m-001");
const FAULTS: readonly (readonly [FramingFault, string, Buffer])[] = [
  ["no-connect", "anything but CONNECT first", PINGREQ],
  ["no-connect", "CONNECT with a reserved flag", Buffer.from([0x11, 0])],
  ["connect-too-large", "a CONNECT above its limit", Buffer.from([0x10, ...lengthBytes(4_096)])],
  [
    "packet-too-large",
    "a PUBLISH above its limit",
    Buffer.concat([hello, Buffer.from([0x32, ...lengthBytes(100_000)])]),
  ],
  [
    "malformed",
    "a remaining length of five bytes",
    Buffer.concat([hello, Buffer.from([0x32, 0x80, 0x80, 0x80, 0x80])]),
  ],
  ["malformed", "QoS 3", Buffer.concat([hello, Buffer.from([0x36])])],
  ["malformed", "a PUBACK of three bytes", Buffer.concat([hello, Buffer.from([0x40, 3, 0, 1, 0])])],
  ["malformed", "a DISCONNECT with a body", Buffer.concat([hello, Buffer.from([0xe0, 1, 0])])],
  ["malformed", "an UNSUBSCRIBE without filters", Buffer.concat([hello, Buffer.from([0xa2, 2, 0, 1])])],
  ["qos-2", "QoS 2", Buffer.concat([hello, Buffer.from([0x34])])],
  ["unexpected-packet", "PUBREL", Buffer.concat([hello, Buffer.from([0x62, 2, 0, 1])])],
  ["unexpected-packet", "a second CONNECT", Buffer.concat([hello, hello])],
  ["unexpected-packet", "SUBSCRIBE with wrong flags", Buffer.concat([hello, Buffer.from([0x80])])],
  ["unexpected-packet", "type 0", Buffer.concat([hello, Buffer.from([0x00])])],
  ["unexpected-packet", "type 15", Buffer.concat([hello, Buffer.from([0xf0])])],
];

for (const [fault, what, bytes] of FAULTS) {
  test(`refuses ${what} as ${fault}, also when the bytes come one by one`, () => {
    assert.equal(frame([bytes]).fault, fault);
    assert.equal(frame([...bytes].map((byte) => Buffer.from([byte]))).fault, fault);
  });
}

test("takes a CONNECT and a packet of exactly the limit", () => {
  const size = 4_096 - 3;
  const connect = Buffer.concat([Buffer.from([0x10, ...lengthBytes(size)]), Buffer.alloc(size)]);
  const length = 100_000 - 4;
  const publish = Buffer.concat([Buffer.from([0x32, ...lengthBytes(length)]), Buffer.alloc(length)]);
  const { fault, bytes } = frame([connect, publish]);
  assert.equal(fault, undefined);
  assert.equal(bytes.length, connect.length + publish.length);
});
