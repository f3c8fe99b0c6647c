/**
 * Share messages, meter to aggregator: one COSE_Encrypt0 of fixed layout (docs/protocol.md, "Share message").
 * This is the hot path: a template is copied and filled, and a reader compares instead of parsing.
 */
import { ProtocolError } from "../errors.ts";
import type { MessageNumber } from "../messages/ack-codes.ts";
import { aggregatorIndex } from "../names.ts";
import { bitEntryBytes, MAX_BITS } from "../range/bit-entries.ts";
import { assertSlot, MAX_SLOT } from "../slots.ts";
import { topicOf } from "../topics.ts";
import { type Kind, LAST_KIND } from "../units.ts";
import { directionKey, nonceOf, NumberGuard, openBytes, pooled, sealInto, TAG_BYTES } from "./aead.ts";
import { encStructure } from "./cose.ts";
import { HeadReader, headLength, MAJOR, readU32, writeHead, writeU32 } from "./heads.ts";

/** One slot in a share message: share u64, then 8 bytes of tag. */
export const ENTRY_BYTES = 16;
/** A month of quarter hours. */
export const MAX_ENTRIES = 2976;

// 16([ bstr .cbor {1: 24, "s": kind || firstSlot}, {6: boot || counter}, ciphertext ])
const WHOLE = layoutOf("d083" + "4c" + "a2011818" + "617345" + "0000000000" + "a10648" + "0000000000000000", 5);
// The same with "s": kind || firstSlot || bits, so that neither form ever opens as the other.
const BITS = layoutOf("d083" + "4d" + "a2011818" + "617346" + "000000000000" + "a10648" + "0000000000000000", 6);
const PROTECTED_AT = 3;
const KIND_AT = 10;
const SLOT_AT = 11;
const BITS_AT = 15;
/** In `encStructure`: array head, text "Encrypt0", head of the protected header. */
const PROTECTED_IN_AAD = 11;

interface Layout {
  readonly template: Uint8Array;
  /** Where the protected header ends, and what it says of the content with it. */
  readonly protectedEnd: number;
  readonly bootAt: number;
  readonly counterAt: number;
}

function layoutOf(hex: string, contentBytes: number): Layout {
  const template = Uint8Array.from(Buffer.from(hex, "hex"));
  const protectedEnd = 10 + contentBytes;
  return { template, protectedEnd, bootAt: protectedEnd + 3, counterAt: protectedEnd + 7 };
}

export interface ShareMessage {
  readonly kind: Kind;
  readonly firstSlot: number;
  readonly number: MessageNumber;
  /** How many bits of each reading are shared (range/bit-entries.ts); 0: readings as a whole. */
  readonly bits: number;
  /** An entry for each consecutive slot from `firstSlot`: 16 bytes, or 8 (bits + 1). */
  readonly entries: Uint8Array;
}

export interface ShareSealer {
  /**
   * Seals entries of consecutive slots. Throws RangeError when an argument is out of range, or when the number is not
   * above every earlier one of this sealer (a nonce is never used twice).
   */
  seal(kind: Kind, firstSlot: number, number: MessageNumber, entries: Uint8Array, bits?: number): Uint8Array;
}

export interface ShareOpener {
  /**
   * Throws ProtocolError `malformed`, `bad-seal`, `wrong-length`, `wrong-bits` or `unknown-kind`. Replays are the
   * caller's affair, and so is which kinds are shared by bits.
   */
  open(payload: Uint8Array): ShareMessage;
}

function channel(rootKey: Uint8Array, meter: string, aggregator: number) {
  aggregatorIndex.parse(aggregator);
  const topic = topicOf("share", { meter, agg: String(aggregator) });
  let whole: Uint8Array | undefined;
  let bits: Uint8Array | undefined;
  return {
    key: directionKey(rootKey, "wv/1/share"),
    /** The AAD of a message, in a buffer that the next call uses again. */
    aadOf: (layout: Layout, message: Uint8Array): Uint8Array => {
      const header = message.subarray(PROTECTED_AT, layout.protectedEnd);
      const first = (): Uint8Array => pooled(encStructure(header, Buffer.from(topic)));
      const aad = layout === WHOLE ? (whole ??= first()) : (bits ??= first());
      aad.set(header, PROTECTED_IN_AAD);
      return aad;
    },
  };
}

/** What a meter seals with for one aggregator. `rootKey` has 32 bytes; `aggregator` is its index. */
export function createShareSealer(rootKey: Uint8Array, meter: string, aggregator: number): ShareSealer {
  const { key, aadOf } = channel(rootKey, meter, aggregator);
  const guard = new NumberGuard();
  return {
    seal(kind, firstSlot, number, entries, bits = 0) {
      assertKind(kind);
      assertEntries(entries, firstSlot, bits === 0 ? ENTRY_BYTES : bitEntryBytes(bits));
      guard.use(number);
      const layout = bits === 0 ? WHOLE : BITS;
      const ciphertextAt = layout.template.length;
      const sealedBytes = entries.length + TAG_BYTES;
      const at = ciphertextAt + headLength(sealedBytes);
      const message = Buffer.allocUnsafe(at + sealedBytes);
      message.set(layout.template);
      message[KIND_AT] = kind;
      writeU32(message, SLOT_AT, firstSlot);
      if (bits > 0) message[BITS_AT] = bits;
      writeU32(message, layout.bootAt, number.boot);
      writeU32(message, layout.counterAt, number.counter);
      writeHead(message, ciphertextAt, MAJOR.bytes, sealedBytes);
      sealInto(message, at, key, nonceOf(number), aadOf(layout, message), entries);
      return message;
    },
  };
}

/** What an aggregator opens one meter's messages with. */
export function createShareOpener(rootKey: Uint8Array, meter: string, aggregator: number): ShareOpener {
  const { key, aadOf } = channel(rootKey, meter, aggregator);
  return {
    open(payload) {
      const layout = payload[2] === BITS.template[2] ? BITS : WHOLE;
      assertTemplate(payload, layout);
      const reader = new HeadReader(payload, "a share message", layout.template.length);
      const sealed = reader.bytes();
      reader.end();
      const number = { boot: readU32(payload, layout.bootAt), counter: readU32(payload, layout.counterAt) };
      const entries = openBytes(key, nonceOf(number), aadOf(layout, payload), sealed);
      // From here on the meter itself is at fault: the header is authentic.
      const kind = payload[KIND_AT]!;
      const firstSlot = readU32(payload, SLOT_AT);
      if (kind < 1 || kind > LAST_KIND) {
        throw new ProtocolError("unknown-kind", `expected kind 1 to ${LAST_KIND}, got ${kind}`);
      }
      const bits = layout === BITS ? payload[BITS_AT]! : 0;
      if (layout === BITS && (bits < 1 || bits > MAX_BITS)) {
        throw new ProtocolError("wrong-bits", `expected 1 to ${MAX_BITS} bits, got ${bits}`);
      }
      const size = bits === 0 ? ENTRY_BYTES : bitEntryBytes(bits);
      const count = entries.length / size;
      if (!Number.isInteger(count) || count < 1 || count > MAX_ENTRIES) {
        throw new ProtocolError(
          "wrong-length",
          `expected 1 to ${MAX_ENTRIES} entries of ${size} bytes, got ${entries.length} bytes`,
        );
      }
      if (firstSlot + count - 1 > MAX_SLOT) {
        throw new ProtocolError("malformed", `${count} slots from ${firstSlot} exceed the last slot number`);
      }
      return { kind: kind as Kind, firstSlot, number, bits, entries };
    },
  };
}

/** Every byte of the template must be there, except those that vary (kind to slot or bits, boot to counter). */
function assertTemplate(payload: Uint8Array, { template, protectedEnd, bootAt }: Layout): void {
  if (payload.length <= template.length) {
    throw new ProtocolError("malformed", `a share message ends early: ${payload.length} bytes`);
  }
  for (let i = 0; i < bootAt; i++) {
    if (payload[i] !== template[i] && (i < KIND_AT || i >= protectedEnd)) {
      throw new ProtocolError("malformed", `a share message differs from version 1 at byte ${i}`);
    }
  }
}

function assertKind(kind: number): void {
  if (!Number.isInteger(kind) || kind < 1 || kind > LAST_KIND) {
    throw new RangeError(`kind: expected 1 to ${LAST_KIND}, got ${kind}`);
  }
}

function assertEntries(entries: Uint8Array, firstSlot: number, size: number): void {
  const count = entries.length / size;
  if (!Number.isInteger(count) || count < 1 || count > MAX_ENTRIES) {
    throw new RangeError(`entries: expected 1 to ${MAX_ENTRIES} times ${size} bytes, got ${entries.length} bytes`);
  }
  assertSlot(firstSlot);
  assertSlot(firstSlot + count - 1);
}
