/**
 * Puts chunks of sealed ciphertexts together while very many meters send at once. A message of one chunk needs no
 * memory; unfinished ones are bounded for each sender and, in what they really take, for all together. What has to give
 * way is of the meter that was heard longest ago: it has stopped in the middle, or it will send again.
 */
import { decodeCbor } from "../../protocol/cbor.ts";
import { ChunkAssembler, type ChunkLimits } from "../../protocol/envelope/index.ts";
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

interface Sender {
  readonly chunks: ChunkAssembler;
  bytes: number;
  heard: number;
}

/** A meter may send this many series side by side. */
const MESSAGES = 4;

export class ChunkDesk {
  readonly #options: ChunkDeskOptions;
  readonly #limits: ChunkLimits;
  readonly #whole: ChunkAssembler;
  /** Of unfinished messages, in the order in which they were heard last. */
  readonly #senders = new Map<string, Sender>();
  #bytes = 0;

  constructor(options: ChunkDeskOptions) {
    const { maxBytes, maxAgeSeconds, now } = options;
    this.#options = options;
    this.#limits = { maxMessages: MESSAGES, maxBytes, maxAgeSeconds, maxSenders: 1 };
    this.#whole = new ChunkAssembler(now, this.#limits);
  }

  /** Bytes of all unfinished messages. */
  get heldBytes(): number {
    return this.#bytes;
  }

  /** As `ChunkAssembler.add`. Throws ProtocolError. */
  add(sender: string, chunk: Uint8Array): Uint8Array | undefined {
    const item = decodeCbor(chunk);
    if (!Array.isArray(item)) throw new ProtocolError("malformed", "a chunk: expected an array");
    if (item[2] === 1) return this.#whole.add(sender, chunk);
    const { now } = this.#options;
    const known = this.#senders.get(sender);
    const of = known ?? { chunks: new ChunkAssembler(now, this.#limits), bytes: 0, heard: 0 };
    const whole = of.chunks.add(sender, chunk);
    this.#drop(sender);
    of.bytes = of.chunks.heldBytes(sender);
    of.heard = now();
    if (of.bytes > 0) this.#senders.set(sender, of);
    this.#bytes += of.bytes;
    this.#makeRoom();
    return whole;
  }

  #drop(sender: string): void {
    this.#bytes -= this.#senders.get(sender)?.bytes ?? 0;
    this.#senders.delete(sender);
  }

  #makeRoom(): void {
    const { totalBytes, maxAgeSeconds, now } = this.#options;
    const oldest = now() - maxAgeSeconds;
    for (const [sender, { heard }] of this.#senders) {
      if (this.#bytes <= totalBytes && heard >= oldest) return;
      this.#drop(sender);
    }
  }
}
