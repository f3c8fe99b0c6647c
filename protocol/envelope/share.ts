/**
 * Share messages, meter to aggregator: one COSE_Encrypt0 of fixed layout (docs/protocol.md, "Share message").
 * This is the hot path: a template is copied and filled, and a reader compares instead of parsing.
 */
import { ProtocolError } from "../errors.ts";
import type { MessageNumber } from "../messages/ack-codes.ts";
import { aggregatorIndex } from "../names.ts";
import { assertSlot, MAX_SLOT } from "../slots.ts";
import { topicOf } from "../topics.ts";
import { type Kind, LAST_KIND } from "../units.ts";
import { directionKey, newNonce, NumberGuard, openBytes, sealInto, setNonce, TAG_BYTES } from "./aead.ts";
import { encStructure } from "./cose.ts";
import { HeadReader, headLength, MAJOR, readU32, writeHead, writeU32 } from "./heads.ts";

/** One slot in a share message: share u64, then 8 bytes of tag. */
export const ENTRY_BYTES = 16;
/** A month of quarter hours. */
export const MAX_ENTRIES = 2976;

// 16([ bstr .cbor {1: 24, "s": kind || firstSlot}, {6: boot || counter}, ciphertext ])
const TEMPLATE = Uint8Array.from(
  Buffer.from("d083" + "4c" + "a2011818" + "617345" + "0000000000" + "a10648" + "0000000000000000", "hex"),
);
const PROTECTED_AT = 3;
const PROTECTED_BYTES = 12;
const KIND_AT = 10;
const SLOT_AT = 11;
const BOOT_AT = 18;
const COUNTER_AT = 22;
const CIPHERTEXT_AT = TEMPLATE.length;
/** In `encStructure`: array head, text "Encrypt0", head of the protected header. */
const PROTECTED_IN_AAD = 11;

export interface ShareMessage {
  readonly kind: Kind;
  readonly firstSlot: number;
  readonly number: MessageNumber;
  /** 16 bytes for each consecutive slot from `firstSlot`. */
  readonly entries: Uint8Array;
}

export interface ShareSealer {
  /**
   * Seals entries of consecutive slots. Throws RangeError when an argument is out of range, or when the number is not
   * above every earlier one of this sealer (a nonce is never used twice).
   */
  seal(kind: Kind, firstSlot: number, number: MessageNumber, entries: Uint8Array): Uint8Array;
}

export interface ShareOpener {
  /** Throws ProtocolError `malformed`, `bad-seal`, `wrong-length` or `unknown-kind`. Replays are the caller's affair. */
  open(payload: Uint8Array): ShareMessage;
}

function channel(rootKey: Uint8Array, meter: string, aggregator: number) {
  aggregatorIndex.parse(aggregator);
  const topic = topicOf("share", { meter, agg: String(aggregator) });
  return {
    key: directionKey(rootKey, "wv/1/share"),
    nonce: newNonce(),
    aad: encStructure(TEMPLATE.subarray(PROTECTED_AT, PROTECTED_AT + PROTECTED_BYTES), Buffer.from(topic)),
  };
}

/** What a meter seals with for one aggregator. `rootKey` has 32 bytes; `aggregator` is its index. */
export function createShareSealer(rootKey: Uint8Array, meter: string, aggregator: number): ShareSealer {
  const { key, nonce, aad } = channel(rootKey, meter, aggregator);
  const guard = new NumberGuard();
  return {
    seal(kind, firstSlot, number, entries) {
      assertKind(kind);
      assertEntries(entries, firstSlot);
      guard.use(number);
      const sealedBytes = entries.length + TAG_BYTES;
      const at = CIPHERTEXT_AT + headLength(sealedBytes);
      const message = Buffer.allocUnsafe(at + sealedBytes);
      message.set(TEMPLATE);
      message[KIND_AT] = kind;
      writeU32(message, SLOT_AT, firstSlot);
      writeU32(message, BOOT_AT, number.boot);
      writeU32(message, COUNTER_AT, number.counter);
      writeHead(message, CIPHERTEXT_AT, MAJOR.bytes, sealedBytes);
      aad.set(message.subarray(PROTECTED_AT, PROTECTED_AT + PROTECTED_BYTES), PROTECTED_IN_AAD);
      setNonce(nonce, number);
      sealInto(message, at, key, nonce, aad, entries);
      return message;
    },
  };
}

/** What an aggregator opens one meter's messages with. */
export function createShareOpener(rootKey: Uint8Array, meter: string, aggregator: number): ShareOpener {
  const { key, nonce, aad } = channel(rootKey, meter, aggregator);
  return {
    open(payload) {
      assertTemplate(payload);
      const reader = new HeadReader(payload, "a share message", CIPHERTEXT_AT);
      const sealed = reader.bytes();
      reader.end();
      const number = { boot: readU32(payload, BOOT_AT), counter: readU32(payload, COUNTER_AT) };
      aad.set(payload.subarray(PROTECTED_AT, PROTECTED_AT + PROTECTED_BYTES), PROTECTED_IN_AAD);
      setNonce(nonce, number);
      const entries = openBytes(key, nonce, aad, sealed);
      // From here on the meter itself is at fault: the header is authentic.
      const kind = payload[KIND_AT]!;
      const firstSlot = readU32(payload, SLOT_AT);
      if (kind < 1 || kind > LAST_KIND) {
        throw new ProtocolError("unknown-kind", `expected kind 1 to ${LAST_KIND}, got ${kind}`);
      }
      const count = entries.length / ENTRY_BYTES;
      if (!Number.isInteger(count) || count < 1 || count > MAX_ENTRIES) {
        throw new ProtocolError(
          "wrong-length",
          `expected 1 to ${MAX_ENTRIES} entries of ${ENTRY_BYTES} bytes, got ${entries.length} bytes`,
        );
      }
      if (firstSlot + count - 1 > MAX_SLOT) {
        throw new ProtocolError("malformed", `${count} slots from ${firstSlot} exceed the last slot number`);
      }
      return { kind: kind as Kind, firstSlot, number, entries };
    },
  };
}

/** Every byte of the template must be there, except those that vary (kind to slot, boot to counter). */
function assertTemplate(payload: Uint8Array): void {
  if (payload.length <= CIPHERTEXT_AT) {
    throw new ProtocolError("malformed", `a share message ends early: ${payload.length} bytes`);
  }
  for (let i = 0; i < BOOT_AT; i++) {
    if (payload[i] !== TEMPLATE[i] && (i < KIND_AT || i >= SLOT_AT + 4)) {
      throw new ProtocolError("malformed", `a share message differs from version 1 at byte ${i}`);
    }
  }
}

function assertKind(kind: number): void {
  if (!Number.isInteger(kind) || kind < 1 || kind > LAST_KIND) {
    throw new RangeError(`kind: expected 1 to ${LAST_KIND}, got ${kind}`);
  }
}

function assertEntries(entries: Uint8Array, firstSlot: number): void {
  const count = entries.length / ENTRY_BYTES;
  if (!Number.isInteger(count) || count < 1 || count > MAX_ENTRIES) {
    throw new RangeError(
      `entries: expected 1 to ${MAX_ENTRIES} times ${ENTRY_BYTES} bytes, got ${entries.length} bytes`,
    );
  }
  assertSlot(firstSlot);
  assertSlot(firstSlot + count - 1);
}
