/**
 * Makes `envelope.json`: share messages, acks and digests with every input and every byte that results, for implementations in
 * other languages. Bytes are in hex, all else small integers. The bytes come from a second implementation that follows
 * RFC 8439 and docs/protocol.md by concatenation, not from the one under test.
 */
import { createCipheriv, createHash, createHmac, hkdfSync } from "node:crypto";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

function seeded(label: string, length: number): Buffer {
  const parts: Buffer[] = [];
  for (let i = 0; i * 32 < length; i++) parts.push(createHash("sha256").update(`wattveil ${label} ${i}`).digest());
  return Buffer.concat(parts).subarray(0, length);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A CBOR head in shortest form. */
function head(major: number, value: number): Buffer {
  if (value < 24) return Buffer.from([(major << 5) | value]);
  if (value < 256) return Buffer.from([(major << 5) | 24, value]);
  if (value < 65_536) return Buffer.from([(major << 5) | 25, value >> 8, value & 255]);
  return Buffer.concat([Buffer.from([(major << 5) | 26]), u32(value)]);
}

const byteString = (bytes: Uint8Array): Buffer => Buffer.concat([head(2, bytes.length), bytes]);

interface Sealing {
  readonly rootKey: Buffer;
  readonly info: string;
  readonly topic: string;
  readonly protectedHeader: Buffer;
  /** COSE's label of the nonce, or of its part that travels. */
  readonly unprotected: readonly [number, Buffer];
  readonly nonce: Buffer;
  readonly plaintext: Buffer;
}

const derive = (rootKey: Buffer, info: string): Buffer =>
  Buffer.from(hkdfSync("sha256", rootKey, Buffer.alloc(0), info, 32));

/** The two headers of a message that is numbered by boot and counter. */
function numbered(boot: number, counter: number): Pick<Sealing, "unprotected" | "nonce"> {
  const number = Buffer.concat([u32(boot), u32(counter)]);
  return { unprotected: [6, number], nonce: Buffer.concat([u32(0), number]) };
}

function seal({ rootKey, info, topic, protectedHeader, unprotected, nonce, plaintext }: Sealing) {
  const key = derive(rootKey, info);
  const context = Buffer.concat([Buffer.from([0x83, 0x68]), Buffer.from("Encrypt0")]);
  const aad = Buffer.concat([context, byteString(protectedHeader), byteString(Buffer.from(topic))]);
  const cipher = createCipheriv("chacha20-poly1305", key, nonce, { authTagLength: 16 });
  cipher.setAAD(aad, { plaintextLength: plaintext.length });
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  const message = Buffer.concat([
    Buffer.from([0xd0, 0x83]),
    byteString(protectedHeader),
    Buffer.from([0xa1, unprotected[0]]),
    byteString(unprotected[1]),
    byteString(ciphertext),
  ]);
  return {
    topic,
    key: hex(key),
    nonce: hex(nonce),
    aad: hex(aad),
    plaintext: hex(plaintext),
    message: hex(message),
  };
}

const SHARES = [
  { meter: "m-001", aggregator: 1, kind: 1, firstSlot: 1_930_560, boot: 1, counter: 0, count: 1 },
  { meter: "m-001", aggregator: 3, kind: 2, firstSlot: 1_930_561, boot: 1, counter: 1, count: 2 },
  { meter: "0", aggregator: 7, kind: 3, firstSlot: 0, boot: 0, counter: 4_294_967_295, count: 14 },
  {
    meter: "a-house-with-a-name-of-32-letters",
    aggregator: 2,
    kind: 4,
    firstSlot: 4_294_967_199,
    boot: 4_294_967_295,
    counter: 70_000,
    count: 97,
  },
  { meter: "m-2000", aggregator: 2, kind: 1, firstSlot: 1_930_560, boot: 12, counter: 345, count: 2976 },
].map((share) => ({ ...share, meter: share.meter.slice(0, 32) }));

function shareVector(share: (typeof SHARES)[number], index: number) {
  const { meter, aggregator, kind, firstSlot, boot, counter, count } = share;
  const rootKey = seeded(`root ${index}`, 32);
  const position = Buffer.concat([Buffer.from([kind]), u32(firstSlot)]);
  const sealed = seal({
    rootKey,
    info: "wv/1/share",
    topic: `wv/1/m/${meter}/share/${aggregator}`,
    protectedHeader: Buffer.concat([Buffer.from("a20118186173", "hex"), byteString(position)]),
    ...numbered(boot, counter),
    plaintext: seeded(`entries ${index}`, count * 16),
  });
  return { meter, aggregator, rootKey: hex(rootKey), kind, firstSlot, boot, counter, ...sealed };
}

const ACKS = [
  { time: 1_737_504_000, highest: [0, 0], entries: [], hello: { boot: 1 }, digests: [] },
  { time: 1_737_504_901, highest: [1, 0], entries: [[1, 1_930_560, 1, 0]], hello: undefined, digests: [] },
  {
    time: 4_294_967_295,
    highest: [4_294_967_295, 4_294_967_295],
    entries: [
      [1, 0, 23, 1],
      [2, 24, 256, 2],
      [3, 65_536, 65_535, 3],
      [4, 4_294_967_295, 1, 4],
    ],
    hello: { boot: 4_294_967_295 },
    digests: [],
  },
  {
    time: 1_737_504_902,
    highest: [1, 7],
    entries: [],
    hello: undefined,
    digests: [
      ["load", 1_930_560, 0],
      ["load-squares", 0, 3],
    ] as const,
  },
  {
    time: 1_737_504_903,
    highest: [2, 0],
    entries: [[1, 1_930_560, 2, 0]],
    hello: { boot: 3 },
    digests: [["a-series-of-two-and-thirty-lette", 4_294_967_295, 2]] as const,
  },
];

const text = (value: string): Buffer => Buffer.concat([head(3, value.length), Buffer.from(value)]);
const list = (values: readonly Buffer[]): Buffer => Buffer.concat([head(4, values.length), ...values]);

function ackVector({ time, highest, entries, hello, digests }: (typeof ACKS)[number], index: number) {
  const meter = "m-001";
  const aggregator = index + 1;
  const rootKey = seeded(`root ${index}`, 32);
  const challenge = seeded(`challenge ${index}`, 16);
  const boot = 5 + index;
  const counter = 1000 * index;
  const integers = (values: readonly number[]): Buffer => list(values.map((value) => head(0, value)));
  const plaintext = Buffer.concat([
    head(5, (hello === undefined ? 3 : 5) + (digests.length === 0 ? 0 : 1)),
    ...[head(0, 1), head(0, time)],
    ...[head(0, 2), integers(highest)],
    ...[head(0, 3), list(entries.map(integers))],
    ...(hello === undefined ? [] : [head(0, 4), byteString(challenge), head(0, 5), head(0, hello.boot)]),
    ...(digests.length === 0
      ? []
      : [head(0, 6), list(digests.map(([series, slot, code]) => list([text(series), head(0, slot), head(0, code)])))]),
  ]);
  const sealed = seal({
    rootKey,
    info: "wv/1/ack",
    topic: `wv/1/a/${aggregator}/ack/${meter}`,
    protectedHeader: Buffer.from("a1011818", "hex"),
    ...numbered(boot, counter),
    plaintext,
  });
  return {
    ...{ meter, aggregator, rootKey: hex(rootKey), boot, counter, time },
    highestBoot: highest[0],
    highestCounter: highest[1],
    entries: entries.map(([kind, firstSlot, count, code]) => ({ kind, firstSlot, count, code })),
    challenge: hello === undefined ? "" : hex(challenge),
    grantedBoot: hello === undefined ? 0 : hello.boot,
    digests: digests.map(([series, firstSlot, code]) => ({ series, firstSlot, code })),
    ...sealed,
  };
}

const DIGESTS = [
  { meter: "m-001", aggregator: 1, series: "load", firstSlot: 1_930_560, slots: 96, absent: [] },
  { meter: "m-001", aggregator: 2, series: "load", firstSlot: 1_930_560, slots: 96, absent: [0, 95] },
  { meter: "0", aggregator: 7, series: "load-squares", firstSlot: 0, slots: 1, absent: [0] },
  { meter: "m-2000", aggregator: 3, series: "a", firstSlot: 4_294_967_196, slots: 100, absent: [7, 8, 99] },
] as const;

function digestVector(
  { meter, aggregator, series, firstSlot, slots, absent }: (typeof DIGESTS)[number],
  index: number,
) {
  const rootKey = seeded(`root ${index}`, 32);
  const digest = seeded(`ciphertext ${index}`, 32);
  const presence = Buffer.alloc(Math.ceil(slots / 8));
  for (let slot = 0; slot < slots; slot++) {
    if (!(absent as readonly number[]).includes(slot)) presence[slot >> 3]! |= 1 << (slot & 7);
  }
  const plaintext = list([text(series), head(0, firstSlot), head(0, slots), byteString(presence), byteString(digest)]);
  const nonce = createHmac("sha256", derive(rootKey, "wv/1/digest-iv")).update(plaintext).digest().subarray(0, 12);
  const sealed = seal({
    rootKey,
    info: "wv/1/digest",
    topic: `wv/1/m/${meter}/digest/${aggregator}`,
    protectedHeader: Buffer.from("a1011818", "hex"),
    unprotected: [5, nonce],
    nonce,
    plaintext,
  });
  const inputs = { meter, aggregator, rootKey: hex(rootKey), series, firstSlot, slots };
  return { ...inputs, presence: hex(presence), digest: hex(digest), ...sealed };
}

/** The text of `envelope.json`. */
export function envelopeVectorText(): string {
  const vectors = {
    description:
      "Share messages, acks and digests: COSE_Encrypt0 with ChaCha20-Poly1305; key = HKDF-SHA256(rootKey); an empty challenge: no hello",
    shares: SHARES.map(shareVector),
    acks: ACKS.map(ackVector),
    digests: DIGESTS.map(digestVector),
  };
  return `${JSON.stringify(vectors, null, 1)}\n`;
}
