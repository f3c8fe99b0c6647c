/**
 * What waits to be sent to one client. Aedes writes a message in six small pieces; they are gathered in blocks and leave
 * once per turn of the event loop, so that a hundred messages make one TLS record and one system call. Only one write is
 * under way at a time: what collects meanwhile is the queue, and its length is known.
 */
import type { Writable } from "node:stream";

/** As much as one TLS record holds. */
const BLOCK_BYTES = 16_384;
/** Pieces of this size and more are sent from where they are instead of being copied. */
const LARGE_BYTES = 4_096;
/** Handed to the socket at once: encrypting more would keep the other clients waiting. */
const WRITE_BYTES = 262_144;
const SPARE_BLOCKS = 512;

const spare: Buffer[] = [];

function takeBlock(): Buffer {
  return spare.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES);
}

function giveBack(block: Buffer): void {
  if (spare.length < SPARE_BLOCKS) spare.push(block);
}

interface Piece {
  readonly bytes: Buffer;
  /** The block to be used again when the piece has been sent. */
  readonly block: Buffer | undefined;
}

/** Queues that were written to in this turn. */
let dirty: SendQueue[] = [];

function flushAll(): void {
  const queues = dirty;
  dirty = [];
  for (const queue of queues) queue.flush();
}

const HEADER = -1;
const LENGTH = -2;

export class SendQueue {
  readonly #sink: Writable;
  readonly #onSent: (bytes: number) => void;
  readonly #onMessage: () => void;
  #ready: Piece[] = [];
  #block: Buffer | undefined;
  #used = 0;
  #length = 0;
  #scheduled = false;
  #writing = false;
  #closed = false;
  /** Where in a packet the next byte belongs: HEADER, LENGTH, or the bytes still missing. */
  #place = HEADER;
  readonly #gatherMilliseconds: number;
  #timer: NodeJS.Timeout | undefined;

  /**
   * `onMessage` is called for each PUBLISH at QoS 1, `onSent` when bytes have gone to the system. What comes within
   * `gatherMilliseconds` leaves together, unless it fills a block before.
   */
  constructor(sink: Writable, onSent: (bytes: number) => void, onMessage: () => void, gatherMilliseconds = 0) {
    this.#sink = sink;
    this.#onSent = onSent;
    this.#onMessage = onMessage;
    this.#gatherMilliseconds = gatherMilliseconds;
  }

  /** Bytes that the system has not taken yet. */
  get length(): number {
    return this.#length;
  }

  /** Whether a write has not returned: the client's own queues are full. */
  get stalled(): boolean {
    return this.#writing;
  }

  /** Takes the next piece of a packet; returns its bytes. */
  add(piece: Buffer | string): number {
    if (this.#closed) return 0;
    const bytes = typeof piece === "string" ? this.#addText(piece) : this.#addBytes(piece);
    this.#length += bytes;
    if (this.#place > 0) this.#place = this.#place === bytes ? HEADER : this.#place - bytes;
    if (!this.#scheduled) this.#schedule();
    return bytes;
  }

  #schedule(): void {
    if (this.#gatherMilliseconds > 0 && this.#length < BLOCK_BYTES) {
      this.#timer ??= setTimeout(() => this.flush(), this.#gatherMilliseconds);
      return;
    }
    this.#scheduled = true;
    if (dirty.push(this) === 1) setImmediate(flushAll);
  }

  #addText(text: string): number {
    const most = text.length * 3;
    if (most > BLOCK_BYTES) return this.#addBytes(Buffer.from(text));
    const block = this.#room(most);
    const bytes = block.write(text, this.#used);
    this.#used += bytes;
    return bytes;
  }

  #addBytes(piece: Buffer): number {
    if (this.#place < 0) this.#track(piece);
    const bytes = piece.length;
    if (bytes >= LARGE_BYTES) {
      this.#closeBlock();
      this.#ready.push({ bytes: piece, block: undefined });
      return bytes;
    }
    const block = this.#room(bytes);
    if (bytes <= 4) for (let i = 0; i < bytes; i++) block[this.#used + i] = piece[i]!;
    else piece.copy(block, this.#used);
    this.#used += bytes;
    return bytes;
  }

  /** Follows packet borders: mqtt-packet writes the type, then the remaining length, each as a piece of its own. */
  #track(piece: Buffer): void {
    if (this.#place === HEADER) {
      const type = piece[0]!;
      if (type >> 4 === 3 && (type & 0x06) !== 0) this.#onMessage();
      if (piece.length === 1) this.#place = LENGTH; // an answer to a ping is one piece of two bytes
      return;
    }
    let length = 0;
    for (let i = 0; i < piece.length; i++) length += (piece[i]! & 0x7f) * 128 ** i;
    // `add` takes this very piece off again
    this.#place = length === 0 ? HEADER : length + piece.length;
  }

  #room(bytes: number): Buffer {
    if (this.#block !== undefined && this.#used + bytes <= BLOCK_BYTES) return this.#block;
    this.#closeBlock();
    this.#block = takeBlock();
    return this.#block;
  }

  #closeBlock(): void {
    const block = this.#block;
    if (block === undefined) return;
    if (this.#used > 0) this.#ready.push({ bytes: block.subarray(0, this.#used), block });
    else giveBack(block);
    this.#block = undefined;
    this.#used = 0;
  }

  /** Hands what waits to the socket unless a write is under way. */
  flush(): void {
    this.#scheduled = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#writing || this.#closed) return;
    this.#closeBlock();
    if (this.#ready.length === 0) return;
    let count = 0;
    let bytes = 0;
    while (count < this.#ready.length && bytes < WRITE_BYTES) bytes += this.#ready[count++]!.bytes.length;
    const pieces = this.#ready.splice(0, count);
    this.#writing = true;
    const sent = (error?: Error | null): void => {
      this.#writing = false;
      this.#length -= bytes;
      if (error) return;
      for (const { block } of pieces) if (block !== undefined) giveBack(block);
      if (this.#closed) return;
      this.#onSent(bytes);
      this.flush();
    };
    if (pieces.length > 1) this.#sink.cork();
    for (const [i, piece] of pieces.entries()) {
      if (i === pieces.length - 1) this.#sink.write(piece.bytes, sent);
      else this.#sink.write(piece.bytes);
    }
    if (pieces.length > 1) this.#sink.uncork();
  }

  /** Forgets what waits. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const { block } of this.#ready) if (block !== undefined) giveBack(block);
    if (this.#block !== undefined) giveBack(this.#block);
    this.#block = undefined;
    this.#ready = [];
    if (!this.#writing) this.#length = 0;
  }
}
