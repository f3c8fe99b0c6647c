/**
 * Stands between one client's socket and Aedes. Inbound it hands on whole packets within the limits; outbound it
 * gathers small writes and bounds what waits. A client that breaks a limit is cut off here, and the reason is counted.
 *
 * To Aedes it is a Duplex, but the stream machinery is bypassed: `read` and `write` are the hot path of the system.
 */
import { Duplex } from "node:stream";
import type { ClientIdentity } from "../protocol/topics.ts";
import type { Counters } from "./counters.ts";
import { FilterBook } from "./filter-book.ts";
import { PacketFramer } from "./framing.ts";
import { Inbound } from "./inbound.ts";
import { SendQueue } from "./send-queue.ts";

export interface GateLimits {
  readonly connectBytes: number;
  readonly packetBytes: number;
  readonly messagesPerSecond: number;
  readonly maxSubscriptions: number;
  readonly maxInFlight: number;
  /** Above it the client is cut off. */
  readonly maxQueuedBytes: number;
  /**
   * Above it those who publish to this client are held back until it catches up; only servers get that. Undefined: the
   * client is cut off at its limits at once, so that no meter can hold up an aggregator.
   */
  readonly holdBackBytes: number | undefined;
  readonly idleSeconds: number;
  readonly slowSeconds: number;
  /** What is sent to the client within this time leaves together. */
  readonly gatherMilliseconds: number;
}

export interface GateOptions {
  readonly socket: Duplex;
  readonly identity: ClientIdentity;
  readonly limits: GateLimits;
  readonly counters: Counters;
  /** Counts a refusal. */
  readonly refuse: (code: string, detail: Readonly<Record<string, string | number>>) => void;
  /** Seconds from any origin; never goes back. */
  readonly now: () => number;
}

const BATCH_PACKETS = 256;
/** How long a client may take to take its last packet, a refusal. */
const FAREWELL_MILLISECONDS = 1_000;
/** Answers to a CONNECT of another version: 3.1.1 as its section 3.2.2.3 says, 5.0 in its own form (0x84). */
const CONNACK_VERSION = Buffer.from([0x20, 0x02, 0x00, 0x01]);
const CONNACK_VERSION_5 = Buffer.from([0x20, 0x03, 0x00, 0x84, 0x00]);
const NAME_AND_LEVEL = Buffer.from([0, 4, 0x4d, 0x51, 0x54, 0x54, 4]); // "MQTT", level 4
const OLD_NAME = Buffer.from([0, 6, 0x4d, 0x51, 0x49, 0x73, 0x64, 0x70]); // "MQIsdp", MQTT 3.1

export class Gate extends Duplex {
  /** Both change at `become` only. */
  identity: ClientIdentity;
  limits: GateLimits;
  readonly filters: FilterBook;
  /** As the CONNECT says. */
  keepaliveSeconds = 0;
  readonly #options: GateOptions;
  readonly #socket: Duplex;
  readonly #queue: SendQueue;
  readonly #framer: PacketFramer;
  readonly #inbound: Inbound;
  #sawConnect = false;
  #ready = false;
  #inFlight = 0;
  #full = false;
  #cutCode: string | undefined;
  /** Times in seconds. */
  #lastPacket: number;
  #incompleteSince: number | undefined;
  #silenceSeconds: number;

  constructor(options: GateOptions) {
    super({ allowHalfOpen: false, emitClose: true });
    // mqtt-packet corks each packet until the next tick where it can; gathering is done here, and for longer.
    Object.defineProperty(this, "cork", { value: undefined });
    const { socket, identity, limits, counters, now } = options;
    this.#options = options;
    this.identity = identity;
    this.limits = limits;
    this.#socket = socket;
    this.#lastPacket = now();
    this.#silenceSeconds = limits.slowSeconds;
    this.filters = new FilterBook({ most: limits.maxSubscriptions, counters, now });
    this.#inbound = new Inbound({
      messagesPerSecond: limits.messagesPerSecond,
      now,
      onReady: () => {
        if (!this.destroyed) this.emit("readable");
      },
      pause: () => socket.pause(),
      resume: () => {
        // Time in which nobody read says nothing about the client.
        this.#lastPacket = now();
        if (this.#incompleteSince !== undefined) this.#incompleteSince = this.#lastPacket;
        socket.resume();
      },
    });
    this.#framer = new PacketFramer(
      { ...limits, batchPackets: Math.min(BATCH_PACKETS, limits.messagesPerSecond || BATCH_PACKETS) },
      {
        packets: (bytes, _packets, publishes) => {
          this.#take(bytes, publishes);
        },
        acknowledged: () => this.#acknowledged(),
      },
    );
    this.#queue = new SendQueue(
      socket,
      (bytes) => this.#sent(bytes),
      () => {
        this.#inFlight++;
        counters.messagesSent++;
      },
      limits.gatherMilliseconds,
    );
    socket.on("data", (chunk: Buffer) => this.#onData(chunk));
    // The reason is of no use: the peer, or the network, is gone.
    socket.on("error", () => this.destroy());
    socket.on("end", () => this.destroy());
    socket.on("close", () => this.destroy());
  }

  /** The CONNECT has told that this is another connection of the same party, with rules and limits of its own. */
  become(identity: ClientIdentity, limits: GateLimits): void {
    this.identity = identity;
    this.limits = limits;
    this.#framer.allow(limits.packetBytes);
  }

  /** Bytes waiting for this client. */
  get queuedBytes(): number {
    return this.#queue.length;
  }

  /** The reason why this client was cut off, if it was. */
  get cutCode(): string | undefined {
    return this.#cutCode;
  }

  /** Called when the client is accepted: packets after CONNECT may pass. */
  open(): void {
    this.#ready = true;
    this.#inbound.accept();
    const { keepaliveSeconds } = this;
    const { idleSeconds } = this.limits;
    // MQTT 3.1.1, 3.1.2.10: one and a half times the keepalive.
    const keepalive = keepaliveSeconds > 0 ? keepaliveSeconds * 1.5 : idleSeconds;
    this.#silenceSeconds = this.identity.role === "public" ? Math.min(keepalive, idleSeconds) : keepalive;
  }

  /** Counts the reason once and ends the connection; what was written before, a refusal, still goes out. */
  cut(code: string, detail: Readonly<Record<string, string | number>> = {}): void {
    if (this.destroyed) return;
    this.note(code, detail);
    this.destroy();
  }

  /** Counts a reason for which Aedes is going to end the connection. */
  note(code: string, detail: Readonly<Record<string, string | number>> = {}): void {
    if (this.#cutCode !== undefined) return;
    this.#cutCode = code;
    this.#options.counters.clientsCutOff++;
    this.#options.refuse(code, { client: this.identity.id, role: this.identity.role, ...detail });
  }

  /** Looks at the clock; called about once a second. */
  sweep(now: number): void {
    const { idleSeconds, slowSeconds } = this.limits;
    if (!this.#ready) {
      if (now - this.#lastPacket > slowSeconds) this.cut("connect-timeout");
      return;
    }
    const { heldSince, paused } = this.#inbound;
    // Held back by its own rate for so long is no burst any more.
    if (paused && heldSince !== undefined && now - heldSince > idleSeconds) this.cut("flooding");
    if (paused) return;
    if (this.#incompleteSince !== undefined && now - this.#incompleteSince > slowSeconds) this.cut("slow-packet");
    else if (now - this.#lastPacket > this.#silenceSeconds) this.cut("idle");
  }

  // --- inbound

  #onData(chunk: Buffer): void {
    const { counters, now } = this.#options;
    counters.bytesReceived += chunk.length;
    const time = now();
    const fault = this.#framer.add(chunk);
    if (fault !== undefined) {
      this.cut(fault);
      return;
    }
    if (!this.#framer.incomplete) this.#incompleteSince = undefined;
    else this.#incompleteSince ??= time;
    // An unfinished packet is no sign of life, or a byte now and then would keep a connection for ever.
    if (this.#ready && !this.#framer.incomplete) this.#lastPacket = time;
    this.#inbound.settle();
  }

  #take(bytes: Buffer, publishes: number): void {
    if (!this.#sawConnect && !this.#checkVersion(bytes)) return;
    this.#sawConnect = true;
    if (this.#ready) this.#lastPacket = this.#options.now();
    this.#incompleteSince = undefined;
    this.#options.counters.messagesReceived += publishes;
    this.#inbound.add(bytes, publishes);
  }

  /** Aedes would take MQTT 3.1 too, and answers 5.0 in a way that its clients cannot read. */
  #checkVersion(connect: Buffer): boolean {
    let at = 1;
    while ((connect[at] ?? 0) >= 0x80) at++;
    const variable = connect.subarray(at + 1);
    if (variable.subarray(0, NAME_AND_LEVEL.length).equals(NAME_AND_LEVEL)) return true;
    const sameName = variable.subarray(0, 6).equals(NAME_AND_LEVEL.subarray(0, 6));
    const old = variable.subarray(0, OLD_NAME.length).equals(OLD_NAME);
    if (!sameName && !old) {
      this.cut("malformed");
      return false;
    }
    this.#queue.add(variable[6] === 5 && sameName ? CONNACK_VERSION_5 : CONNACK_VERSION);
    this.cut("wrong-version", { level: old ? 3 : (variable[6] ?? 0) });
    return false;
  }

  /** Aedes takes the next batch, once it is done with the one before. Null: it will be told by `readable`. */
  override read(size?: number): Buffer | null {
    if (size === 0) return null; // the stream machinery asks whether there is more
    return this.#inbound.next();
  }

  // --- outbound

  /** Returns false while those who publish to this client should be held back. */
  override write(piece: unknown): boolean {
    if (this.destroyed) return true;
    const bytes = this.#queue.add(piece as Buffer | string);
    const { counters } = this.#options;
    counters.queuedBytesNow += bytes;
    const { maxQueuedBytes, holdBackBytes, maxInFlight } = this.limits;
    const queued = this.#queue.length;
    if (queued > maxQueuedBytes) {
      this.cut("slow-client", { queuedBytes: queued });
      return true;
    }
    const full = queued > (holdBackBytes ?? maxQueuedBytes) || this.#inFlight >= maxInFlight;
    if (full && holdBackBytes === undefined) {
      this.cut("too-many-in-flight", { inFlight: this.#inFlight });
      return true;
    }
    if (full) this.#full = true;
    return !full;
  }

  #sent(bytes: number): void {
    this.#options.counters.queuedBytesNow -= bytes;
    this.#options.counters.bytesSent += bytes;
    this.#checkDrained();
  }

  #acknowledged(): void {
    if (this.#inFlight > 0) this.#inFlight--;
    if (this.#full) this.#checkDrained();
  }

  #checkDrained(): void {
    if (!this.#full) return;
    const { maxQueuedBytes, holdBackBytes, maxInFlight } = this.limits;
    if (this.#queue.length > (holdBackBytes ?? maxQueuedBytes) / 2 || this.#inFlight > maxInFlight / 2) return;
    this.#full = false;
    this.emit("drain");
  }

  override _destroy(_error: Error | null, callback: (error?: Error | null) => void): void {
    this.#queue.flush();
    const farewell = this.#queue.stalled;
    this.#options.counters.queuedBytesNow -= this.#queue.length;
    this.#queue.close();
    this.#inbound.close();
    endSocket(this.#socket, farewell);
    callback(null);
  }
}

/** Ends a connection; what is on its way may still go out, but nobody is waited for. */
function endSocket(socket: Duplex, farewell: boolean): void {
  socket.removeAllListeners("data");
  if (!farewell || socket.destroyed) {
    socket.destroy();
    return;
  }
  socket.end();
  socket.resume(); // what still comes is dropped; an unread byte would turn the end into a reset
  const timer = setTimeout(() => socket.destroy(), FAREWELL_MILLISECONDS);
  socket.once("close", () => clearTimeout(timer));
}
