/**
 * Puts chunks of sealed ciphertexts together while very many meters send at once. A message of one chunk needs no
 * memory; unfinished ones are bounded for each sender and for all together, and what finds no room is sent again.
 */
import { decodeCbor } from "../../protocol/cbor.ts";
import { ChunkAssembler } from "../../protocol/envelope/index.ts";
import { ProtocolError } from "../../protocol/errors.ts";

export interface ChunkDeskOptions {
  /** Largest sealed ciphertext that a meter may send. */
  readonly maxBytes: number;
  /** Bytes of all unfinished messages together. */
  readonly totalBytes: number;
  /** Unfinished messages are given up after so many seconds. */
  readonly maxAgeSeconds: number;
  /** Seconds that do not go back. */
  readonly now: () => number;
}

/** A meter may send this many series side by side. */
const MESSAGES = 4;

export class ChunkDesk {
  readonly #whole: ChunkAssembler;
  readonly #parts: ChunkAssembler;

  constructor({ maxBytes, totalBytes, maxAgeSeconds, now }: ChunkDeskOptions) {
    const limits = { maxMessages: MESSAGES, maxBytes, maxAgeSeconds };
    this.#whole = new ChunkAssembler(now, { ...limits, maxSenders: 1 });
    const maxSenders = Math.max(1, Math.floor(totalBytes / maxBytes));
    this.#parts = new ChunkAssembler(now, { ...limits, maxSenders });
  }

  /** As `ChunkAssembler.add`. Throws ProtocolError, `wrong-sender` where there is no room for one more sender. */
  add(sender: string, chunk: Uint8Array): Uint8Array | undefined {
    const item = decodeCbor(chunk);
    if (!Array.isArray(item)) throw new ProtocolError("malformed", "a chunk: expected an array");
    return (item[2] === 1 ? this.#whole : this.#parts).add(sender, chunk);
  }
}
