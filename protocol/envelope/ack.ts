/**
 * Acks, aggregator to meter: one COSE_Encrypt0 of fixed header (docs/protocol.md, "Hello and ack"). Written and read
 * by hand, in shortest form only, because small devices read them and an aggregator writes many thousands a second.
 */
import { ProtocolError } from "../errors.ts";
import { LAST_KIND } from "../units.ts";
import type { AckCode, AckEntry, DigestAck, MessageNumber, UpdateAck } from "../messages/ack-codes.ts";
import { aggregatorIndex, seriesName } from "../names.ts";
import { MAX_SLOT } from "../slots.ts";
import { TOPICS, topicOf } from "../topics.ts";
import { directionKey, nonceOf, NumberGuard, openBytes, pooled, sealInto, TAG_BYTES } from "./aead.ts";
import { encStructure } from "./cose.ts";
import { assertU32, HeadReader, headLength, MAJOR, readU32, writeHead, writeU32 } from "./heads.ts";

const CHALLENGE_BYTES = 16;

// 16([ bstr .cbor {1: 24}, {6: boot || counter}, ciphertext ])
const TEMPLATE = Uint8Array.from(Buffer.from("d083" + "44a1011818" + "a10648" + "0000000000000000", "hex"));
const PROTECTED = TEMPLATE.subarray(3, 7);
const BOOT_AT = 10;
const COUNTER_AT = 14;
const CIPHERTEXT_AT = TEMPLATE.length;
const WHAT = "an ack";

export interface Ack {
  /** Unix seconds; what is below a second is cut off. */
  readonly time: number;
  /** The highest message number seen from this meter. */
  readonly highest: MessageNumber;
  readonly entries: readonly AckEntry[];
  /** Only in the answer to a hello: its challenge (16 bytes), and the boot number granted. */
  readonly hello?: { readonly challenge: Uint8Array; readonly boot: number };
  /** Digests of ciphertexts that have come; left out where there are none. */
  readonly digests?: readonly DigestAck[];
  /** Updates of learning rounds that have come; left out where there are none. */
  readonly updates?: readonly UpdateAck[];
}

export interface AckSealer {
  /** Throws RangeError for values out of range or a number that is not above the sealer's earlier ones. */
  seal(number: MessageNumber, ack: Ack): Uint8Array;
}

export interface AckOpener {
  /** Throws ProtocolError `malformed`, `wrong-length` or `bad-seal`. Replays are the caller's affair. */
  open(payload: Uint8Array): { readonly number: MessageNumber; readonly ack: Ack };
}

function channel(rootKey: Uint8Array, meter: string, aggregator: number) {
  aggregatorIndex.parse(aggregator);
  const topic = topicOf("ack", { meter, agg: String(aggregator) });
  return {
    key: directionKey(rootKey, "wv/1/ack"),
    aad: pooled(encStructure(PROTECTED, Buffer.from(topic))),
  };
}

/** What an aggregator seals acks to one meter with. */
export function createAckSealer(rootKey: Uint8Array, meter: string, aggregator: number): AckSealer {
  const { key, aad } = channel(rootKey, meter, aggregator);
  const guard = new NumberGuard();
  return {
    seal(number, ack) {
      const plaintext = encodeAck(ack);
      const sealedBytes = plaintext.length + TAG_BYTES;
      const at = CIPHERTEXT_AT + headLength(sealedBytes);
      if (at + sealedBytes > TOPICS.ack.maxBytes) {
        throw new RangeError(`entries: an ack has room for fewer than ${ack.entries.length}`);
      }
      guard.use(number);
      const message = Buffer.allocUnsafe(at + sealedBytes);
      message.set(TEMPLATE);
      writeU32(message, BOOT_AT, number.boot);
      writeU32(message, COUNTER_AT, number.counter);
      writeHead(message, CIPHERTEXT_AT, MAJOR.bytes, sealedBytes);
      sealInto(message, at, key, nonceOf(number), aad, plaintext);
      return message;
    },
  };
}

/** What a meter opens one aggregator's acks with. */
export function createAckOpener(rootKey: Uint8Array, meter: string, aggregator: number): AckOpener {
  const { key, aad } = channel(rootKey, meter, aggregator);
  return {
    open(payload) {
      for (let i = 0; i < BOOT_AT; i++) {
        if (payload[i] !== TEMPLATE[i]) {
          throw new ProtocolError("malformed", `an ack differs from version 1 at byte ${i}`);
        }
      }
      const reader = new HeadReader(payload, WHAT, CIPHERTEXT_AT);
      const sealed = reader.bytes();
      reader.end();
      const number = { boot: readU32(payload, BOOT_AT), counter: readU32(payload, COUNTER_AT) };
      return { number, ack: decodeAck(openBytes(key, nonceOf(number), aad, sealed)) };
    },
  };
}

const HEAD = 5;
const ENTRY_MOST = 1 + 4 * HEAD;
const DIGEST_MOST = 2 + 32 + 2 * HEAD;
const MAX_CODE = 5;
const MAX_DIGEST_CODE = 3;
const ROUND_BYTES = 16;
const UPDATE_MOST = 2 + ROUND_BYTES + HEAD;
const REFUSED = 5;

function encodeAck(ack: Ack): Uint8Array {
  const { digests = [], updates = [] } = ack;
  const most = ack.entries.length * ENTRY_MOST + digests.length * DIGEST_MOST + updates.length * UPDATE_MOST;
  const bytes = new Uint8Array(64 + 4 * HEAD + most);
  const write = (major: (typeof MAJOR)[keyof typeof MAJOR], value: number): void => {
    assertU32("ack", value);
    at = writeHead(bytes, at, major, value);
  };
  let at = 0;
  const parts = (digests.length > 0 ? 1 : 0) + (updates.length > 0 ? 1 : 0);
  write(MAJOR.map, (ack.hello === undefined ? 3 : 5) + parts);
  write(MAJOR.unsigned, 1);
  write(MAJOR.unsigned, Math.floor(ack.time));
  write(MAJOR.unsigned, 2);
  write(MAJOR.array, 2);
  write(MAJOR.unsigned, ack.highest.boot);
  write(MAJOR.unsigned, ack.highest.counter);
  write(MAJOR.unsigned, 3);
  write(MAJOR.array, ack.entries.length);
  for (const entry of ack.entries) {
    write(MAJOR.array, 4);
    write(MAJOR.unsigned, entry.kind);
    write(MAJOR.unsigned, entry.firstSlot);
    write(MAJOR.unsigned, entry.count);
    write(MAJOR.unsigned, entry.code);
  }
  if (ack.hello !== undefined) {
    if (ack.hello.challenge.length !== CHALLENGE_BYTES) {
      throw new RangeError(`challenge: expected ${CHALLENGE_BYTES} bytes, got ${ack.hello.challenge.length}`);
    }
    write(MAJOR.unsigned, 4);
    write(MAJOR.bytes, CHALLENGE_BYTES);
    bytes.set(ack.hello.challenge, at);
    at += CHALLENGE_BYTES;
    write(MAJOR.unsigned, 5);
    write(MAJOR.unsigned, ack.hello.boot);
  }
  if (digests.length > 0) {
    write(MAJOR.unsigned, 6);
    write(MAJOR.array, digests.length);
    for (const { series, firstSlot, code } of digests) {
      write(MAJOR.array, 3);
      write(MAJOR.text, series.length);
      bytes.set(Buffer.from(seriesName.parse(series)), at);
      at += series.length;
      write(MAJOR.unsigned, firstSlot);
      write(MAJOR.unsigned, code);
    }
  }
  if (updates.length > 0) {
    write(MAJOR.unsigned, 7);
    write(MAJOR.array, updates.length);
    for (const { round, code } of updates) {
      const id = Buffer.from(round, "hex");
      if (id.length !== ROUND_BYTES) throw new RangeError(`round: expected 32 hex digits, got ${round}`);
      write(MAJOR.array, 2);
      write(MAJOR.bytes, ROUND_BYTES);
      bytes.set(id, at);
      at += ROUND_BYTES;
      write(MAJOR.unsigned, code);
    }
  }
  return bytes.subarray(0, at);
}

function decodeAck(bytes: Uint8Array): Ack {
  const reader = new HeadReader(bytes, WHAT);
  const unsigned = (): number => reader.head(MAJOR.unsigned);
  const size = reader.head(MAJOR.map);
  if (size < 3 || size > 7) throw new ProtocolError("malformed", `an ack has 3 to 7 values, got ${size}`);
  reader.expect(MAJOR.unsigned, 1);
  const time = unsigned();
  reader.expect(MAJOR.unsigned, 2);
  reader.expect(MAJOR.array, 2);
  const highest = { boot: unsigned(), counter: unsigned() };
  reader.expect(MAJOR.unsigned, 3);
  const count = reader.head(MAJOR.array);
  const entries: AckEntry[] = [];
  for (let i = 0; i < count; i++) {
    reader.expect(MAJOR.array, 4);
    entries.push(ackEntry(unsigned(), unsigned(), unsigned(), unsigned()));
  }
  const ack = { time, highest, entries, ...readParts(reader, size - 3) };
  reader.end();
  return ack;
}

/** What an ack may have beyond its entries, in the order of the keys; keys 4 and 5 belong together. */
function readParts(reader: HeadReader, keys: number): Pick<Ack, "hello" | "digests" | "updates"> {
  let parts: Pick<Ack, "hello" | "digests" | "updates"> = {};
  let last = 3;
  for (let read = 0; read < keys; read++) {
    const key = reader.head(MAJOR.unsigned);
    if (key <= last || key > 7 || key === 5 || (key === 4 && read + 1 === keys)) {
      throw new ProtocolError("malformed", `an ack has the key ${key} after ${last}`);
    }
    last = key;
    if (key === 4) {
      parts = { ...parts, hello: readHello(reader) };
      read++;
      last = 5;
    } else if (key === 6) parts = { ...parts, digests: readDigests(reader) };
    else parts = { ...parts, updates: readUpdates(reader) };
  }
  return parts;
}

function readHello(reader: HeadReader): NonNullable<Ack["hello"]> {
  const challenge = reader.bytes();
  if (challenge.length !== CHALLENGE_BYTES) {
    throw new ProtocolError("malformed", `a challenge has ${CHALLENGE_BYTES} bytes, got ${challenge.length}`);
  }
  reader.expect(MAJOR.unsigned, 5);
  return { challenge, boot: reader.head(MAJOR.unsigned) };
}

function readDigests(reader: HeadReader): DigestAck[] {
  const count = reader.head(MAJOR.array);
  if (count === 0) throw new ProtocolError("malformed", "an ack lists no digests under their key");
  const digests: DigestAck[] = [];
  for (let i = 0; i < count; i++) {
    reader.expect(MAJOR.array, 3);
    const series = seriesName.safeParse(reader.text());
    if (!series.success) throw new ProtocolError("malformed", "an ack names a series that cannot be");
    const firstSlot = reader.head(MAJOR.unsigned);
    const code = reader.head(MAJOR.unsigned);
    if (code > MAX_DIGEST_CODE) throw new ProtocolError("malformed", `an ack has the code ${code} for a digest`);
    digests.push({ series: series.data, firstSlot, code: code as DigestAck["code"] });
  }
  return digests;
}

function readUpdates(reader: HeadReader): UpdateAck[] {
  const count = reader.head(MAJOR.array);
  if (count === 0) throw new ProtocolError("malformed", "an ack lists no updates under their key");
  const updates: UpdateAck[] = [];
  for (let i = 0; i < count; i++) {
    reader.expect(MAJOR.array, 2);
    const round = reader.bytes();
    const code = reader.head(MAJOR.unsigned);
    if (round.length !== ROUND_BYTES || (code > MAX_DIGEST_CODE && code !== REFUSED)) {
      throw new ProtocolError("malformed", `an ack has ${round.length} bytes and the code ${code} for an update`);
    }
    updates.push({ round: Buffer.from(round).toString("hex"), code: code as UpdateAck["code"] });
  }
  return updates;
}

function ackEntry(kind: number, firstSlot: number, count: number, code: number): AckEntry {
  if (kind < 1 || kind > LAST_KIND) {
    throw new ProtocolError("unknown-kind", `expected kind 1 to ${LAST_KIND}, got ${kind}`);
  }
  if (count < 1 || firstSlot + count - 1 > MAX_SLOT || code > MAX_CODE) {
    throw new ProtocolError(
      "malformed",
      `an ack entry is out of range: ${count} slots from ${firstSlot}, code ${code}`,
    );
  }
  return { kind, firstSlot, count, code: code as AckCode };
}
