/**
 * Chunks: sealed server messages in pieces that fit the broker's packet limit. Putting them together is bounded per
 * sender in count, bytes and age, because a chunk is not authentic until the whole is opened.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { byteString, bytesOfLength } from "../bytes.ts";
import { decodeCbor, encodeCbor } from "../cbor.ts";
import { ProtocolError } from "../errors.ts";
import { CHUNK_BYTES } from "../topics.ts";

const ID_BYTES = 8;
const MAX_CHUNKS = 0xffff;

const chunkItem = z.tuple([
  bytesOfLength(ID_BYTES, "a message id"),
  z.int().min(0).max(MAX_CHUNKS),
  z.int().min(1).max(MAX_CHUNKS),
  byteString.refine((content) => content.length > 0, "a chunk is not empty"),
]);

/** Splits a sealed message. Its id is the start of its SHA-256, so that a repeat of the same bytes is recognised. */
export function splitChunks(bytes: Uint8Array): Uint8Array[] {
  const count = Math.ceil(bytes.length / CHUNK_BYTES);
  if (count < 1 || count > MAX_CHUNKS) throw new RangeError(`bytes: expected 1 to ${MAX_CHUNKS} chunks, got ${count}`);
  const id = createHash("sha256").update(bytes).digest().subarray(0, ID_BYTES);
  return Array.from({ length: count }, (_, index) =>
    encodeCbor([id, index, count, bytes.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES)]),
  );
}

export interface ChunkLimits {
  /** Senders kept apart; the broker knows them by name. */
  readonly maxSenders: number;
  /** Unfinished messages of one sender; the oldest gives way to a new one. */
  readonly maxMessages: number;
  /** Announced bytes of one message. */
  readonly maxBytes: number;
  /** Seconds after its first chunk that an unfinished message is kept. */
  readonly maxAgeSeconds: number;
}

export const DEFAULT_CHUNK_LIMITS: ChunkLimits = {
  maxSenders: 64,
  maxMessages: 8,
  maxBytes: 64 * 1024 * 1024,
  maxAgeSeconds: 120,
};

interface Partial {
  readonly since: number;
  readonly parts: (Uint8Array | undefined)[];
  missing: number;
}

/** Puts messages together, per sender. */
export class ChunkAssembler {
  readonly #now: () => number;
  readonly #limits: ChunkLimits;
  readonly #senders = new Map<string, Map<string, Partial>>();

  /** `now` gives seconds on any scale that does not go back. */
  constructor(now: () => number, limits: ChunkLimits = DEFAULT_CHUNK_LIMITS) {
    this.#now = now;
    this.#limits = limits;
  }

  /**
   * Takes a chunk; returns the message when it is complete. Throws ProtocolError `malformed` (no chunk, or one that
   * contradicts the others), `wrong-length` (more than the limits allow) or `replayed` (a chunk that is here already).
   */
  add(sender: string, chunk: Uint8Array): Uint8Array | undefined {
    const parsed = chunkItem.safeParse(decodeCbor(chunk));
    if (!parsed.success) throw new ProtocolError("malformed", `a chunk: ${z.prettifyError(parsed.error)}`);
    const [id, index, count, content] = parsed.data;
    this.#checkSize(index, count, content.length);
    const messages = this.#messagesOf(sender);
    const key = Buffer.from(id).toString("hex");
    let partial = messages.get(key);
    if (partial === undefined) {
      partial = { since: this.#now(), parts: Array.from({ length: count }, () => undefined), missing: count };
      messages.set(key, partial);
      this.#evict(messages);
    }
    if (partial.parts.length !== count) {
      throw new ProtocolError("malformed", `a message of ${partial.parts.length} chunks has one that says ${count}`);
    }
    if (partial.parts[index] !== undefined) {
      throw new ProtocolError("replayed", `chunk ${index} of ${count} is here already`);
    }
    partial.parts[index] = Uint8Array.from(content);
    partial.missing -= 1;
    if (partial.missing > 0) return undefined;
    messages.delete(key);
    if (messages.size === 0) this.#senders.delete(sender);
    return Uint8Array.from(Buffer.concat(partial.parts as Uint8Array[]));
  }

  /** Bytes of a sender's unfinished messages. */
  heldBytes(sender: string): number {
    const parts = [...(this.#senders.get(sender)?.values() ?? [])].flatMap((partial) => partial.parts);
    return parts.reduce((sum, part) => sum + (part?.length ?? 0), 0);
  }

  #checkSize(index: number, count: number, length: number): void {
    if (index >= count) throw new ProtocolError("malformed", `chunk ${index} of only ${count}`);
    if (count > 1 && (count - 1) * CHUNK_BYTES >= this.#limits.maxBytes) {
      throw new ProtocolError("wrong-length", `a message of ${count} chunks exceeds ${this.#limits.maxBytes} bytes`);
    }
    if (length > CHUNK_BYTES || length > this.#limits.maxBytes) {
      throw new ProtocolError("wrong-length", `a chunk of ${length} bytes exceeds ${CHUNK_BYTES}`);
    }
    if (index < count - 1 && length !== CHUNK_BYTES) {
      throw new ProtocolError("malformed", `all chunks but the last have ${CHUNK_BYTES} bytes, got ${length}`);
    }
  }

  #messagesOf(sender: string): Map<string, Partial> {
    this.#expire();
    let messages = this.#senders.get(sender);
    if (messages === undefined) {
      if (this.#senders.size >= this.#limits.maxSenders) {
        throw new ProtocolError("wrong-sender", `unfinished messages of ${this.#senders.size} other senders`);
      }
      messages = new Map();
      this.#senders.set(sender, messages);
    }
    return messages;
  }

  #expire(): void {
    const oldest = this.#now() - this.#limits.maxAgeSeconds;
    for (const [sender, messages] of this.#senders) {
      for (const [key, { since }] of messages) if (since < oldest) messages.delete(key);
      if (messages.size === 0) this.#senders.delete(sender);
    }
  }

  /** Keeps within count and bytes: an unfinished message gives way to those begun after it. */
  #evict(messages: Map<string, Partial>): void {
    const announced = (): number =>
      [...messages.values()].reduce((sum, { parts }) => sum + (parts.length - 1) * CHUNK_BYTES, 0);
    for (const key of messages.keys()) {
      if (messages.size <= 1) return;
      if (messages.size <= this.#limits.maxMessages && announced() <= this.#limits.maxBytes) return;
      messages.delete(key);
    }
  }
}
