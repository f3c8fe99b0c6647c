/**
 * Cuts a client's bytes into whole MQTT 3.1.1 packets before Aedes sees any of them: sizes are capped by the fixed
 * header, so nothing large is ever collected, and what the protocol does not allow here never reaches the parser.
 * PUBACKs end here: sessions are clean, so all that they mean is one message less in flight.
 */

/** Why a client's bytes are refused. */
export type FramingFault =
  | "no-connect"
  | "connect-too-large"
  | "packet-too-large"
  | "malformed"
  | "unexpected-packet"
  | "qos-2";

export interface FramingSink {
  /** Whole packets, one after the other. `publishes` of the `packets` are PUBLISH. */
  packets(bytes: Buffer, packets: number, publishes: number): void;
  /** The client acknowledged one message. */
  acknowledged(): void;
}

export interface FramingLimits {
  /** Largest CONNECT, fixed header included. */
  readonly connectBytes: number;
  /** Largest other packet, fixed header included. */
  readonly packetBytes: number;
  /** Most packets handed on at once: a client that sends tiny ones must not keep the others waiting. */
  readonly batchPackets: number;
}

const CONNECT = 0x10;
const PUBACK = 0x40;
const PUBACK_BYTES = 4;
const SUBSCRIBE = 0x82;
const UNSUBSCRIBE = 0xa2;
const PINGREQ = 0xc0;
const DISCONNECT = 0xe0;
/** MQTT 3.1.1, 2.2.3: the remaining length takes at most four bytes. */
const MAX_LENGTH_BYTES = 4;
const MIN_FILTERS_BYTES = 5;
const FIRST_GROWTH = 4_096;
const MORE = 0;

export class PacketFramer {
  #limits: FramingLimits;
  readonly #sink: FramingSink;
  #connected = false;
  #fault: FramingFault | undefined;
  /** The beginning of a packet whose rest has not arrived. It grows as bytes arrive, not as the header promises. */
  #held: Buffer = Buffer.alloc(0);
  #heldBytes = 0;

  constructor(limits: FramingLimits, sink: FramingSink) {
    this.#limits = limits;
    this.#sink = sink;
  }

  /** Changes the size of the largest packet from the next one on: the CONNECT has told what the client is. */
  allow(packetBytes: number): void {
    this.#limits = { ...this.#limits, packetBytes };
  }

  /** Whether a packet has begun and not ended. */
  get incomplete(): boolean {
    return this.#heldBytes > 0;
  }

  /** Takes the next bytes, which may be changed in place. After a fault nothing more is handed on. */
  add(chunk: Buffer): FramingFault | undefined {
    if (this.#fault !== undefined) return this.#fault;
    const at = this.#heldBytes > 0 ? this.#complete(chunk) : 0;
    if (at < chunk.length) this.#scan(chunk, at);
    return this.#currentFault();
  }

  // Checked after calls that may have set it, which the compiler does not see.
  #currentFault(): FramingFault | undefined {
    return this.#fault;
  }

  /** Size of the packet whose header starts at `at`; `MORE` when the header is not there yet. Notes a fault. */
  #sizeAt(bytes: Buffer, at: number, end: number): number {
    const type = bytes[at]!;
    const typeFault = this.#checkType(type);
    if (typeFault !== undefined) return this.#fail(typeFault);
    let length = 0;
    for (let i = 1; i <= MAX_LENGTH_BYTES; i++) {
      if (at + i >= end) return MORE;
      const byte = bytes[at + i]!;
      length += (byte & 0x7f) * 128 ** (i - 1);
      if (byte < 0x80) return this.#checkSize(type, 1 + i + length, length);
    }
    return this.#fail("malformed");
  }

  #checkType(type: number): FramingFault | undefined {
    if (!this.#connected) return type === CONNECT ? undefined : "no-connect";
    if (type >> 4 === 3) {
      const qos = (type >> 1) & 3;
      if (qos < 2) return undefined;
      return qos === 2 ? "qos-2" : "malformed";
    }
    if (type === PUBACK || type === SUBSCRIBE || type === UNSUBSCRIBE || type === PINGREQ || type === DISCONNECT) {
      return undefined;
    }
    return "unexpected-packet";
  }

  #checkSize(type: number, size: number, length: number): number {
    if (type === CONNECT) return size <= this.#limits.connectBytes ? size : this.#fail("connect-too-large");
    if (size > this.#limits.packetBytes) return this.#fail("packet-too-large");
    if (type === PUBACK && length !== 2) return this.#fail("malformed");
    if ((type === PINGREQ || type === DISCONNECT) && length !== 0) return this.#fail("malformed");
    // A packet id and at least one filter; Aedes would answer to none.
    if ((type === SUBSCRIBE || type === UNSUBSCRIBE) && length < MIN_FILTERS_BYTES) return this.#fail("malformed");
    return size;
  }

  #fail(fault: FramingFault): number {
    this.#fault = fault;
    this.#held = Buffer.alloc(0);
    this.#heldBytes = 0;
    return MORE;
  }

  /** Adds to the packet that has begun; returns how many bytes of the chunk went into it. */
  #complete(chunk: Buffer): number {
    let at = 0;
    let size = this.#sizeAt(this.#held, 0, this.#heldBytes);
    while (size === MORE && this.#fault === undefined && at < chunk.length) {
      this.#hold(chunk, at, at + 1);
      at++;
      size = this.#sizeAt(this.#held, 0, this.#heldBytes);
    }
    if (size === MORE || this.#fault !== undefined) return chunk.length;
    const take = Math.min(size - this.#heldBytes, chunk.length - at);
    this.#hold(chunk, at, at + take);
    if (this.#heldBytes === size) {
      const packet = this.#held.subarray(0, size);
      this.#held = Buffer.alloc(0);
      this.#heldBytes = 0;
      this.#single(packet);
    }
    return at + take;
  }

  #hold(chunk: Buffer, from: number, to: number): void {
    const needed = this.#heldBytes + to - from;
    if (needed > this.#held.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(FIRST_GROWTH, needed, this.#held.length * 2));
      this.#held.copy(larger, 0, 0, this.#heldBytes);
      this.#held = larger;
    }
    chunk.copy(this.#held, this.#heldBytes, from, to);
    this.#heldBytes = needed;
  }

  #single(packet: Buffer): void {
    const type = packet[0]!;
    if (type === PUBACK) this.#sink.acknowledged();
    else this.#sink.packets(packet, 1, type >> 4 === 3 ? 1 : 0);
    if (type === CONNECT) this.#connected = true;
  }

  /** Hands on the whole packets of a chunk; those between PUBACKs are moved together. */
  #scan(chunk: Buffer, begin: number): void {
    let start = begin; // of the packets to hand on
    let to = begin; // their end, once moved together
    let from = begin; // packets from here to `at` are not moved yet
    let at = begin;
    let packets = 0;
    let publishes = 0;
    const handOn = (): void => {
      if (to !== from) chunk.copyWithin(to, from, at);
      to += at - from;
      if (packets > 0) this.#sink.packets(chunk.subarray(start, to), packets, publishes);
      start = to = from = at;
      packets = publishes = 0;
    };
    while (at < chunk.length) {
      const size = this.#sizeAt(chunk, at, chunk.length);
      if (this.#fault !== undefined) return;
      if (size === MORE || at + size > chunk.length) {
        this.#hold(chunk, at, chunk.length);
        break;
      }
      const type = chunk[at]!;
      if (type === PUBACK) {
        if (to !== from) chunk.copyWithin(to, from, at);
        to += at - from;
        from = at + PUBACK_BYTES;
        this.#sink.acknowledged();
      } else {
        packets++;
        if (type >> 4 === 3) publishes++;
      }
      at += size;
      if (type === CONNECT) this.#connected = true;
      if (type === CONNECT || packets === this.#limits.batchPackets) handOn();
    }
    handOn();
  }
}
