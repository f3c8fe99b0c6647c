/**
 * Share messages in, sealed acks out. Opens, checks and puts at once; commits many messages together; acknowledges
 * only what is committed. Sees shares, never readings. Every refusal is counted by its code.
 */
import type { Database } from "better-sqlite3";
import { ProtocolError } from "../../protocol/errors.ts";
import type { ShareMessage } from "../../protocol/envelope/share.ts";
import { meterStatus } from "../../protocol/messages/public.ts";
import { ENTRY_BYTES, firstInvalidEntry } from "../../protocol/shamir/share-entries.ts";
import type { PutResult } from "../store/block.ts";
import type { ShareStore } from "../store/share-store.ts";
import type { MeterChannel } from "./meter-channel.ts";
import type { MeterTable } from "./meter-table.ts";

export interface IntakeOptions {
  readonly db: Database;
  readonly store: ShareStore;
  readonly meters: MeterTable;
  /** Unix seconds; undefined while a simulation has not told the time. Nothing is answered before it has. */
  readonly now: () => number | undefined;
  readonly slotSeconds: number;
  readonly windowSlots: number;
  readonly futureSlots: number;
  /** Messages after which a commit happens at once. */
  readonly commitMessages: number;
  /** Asks for `commit` to be called soon (a timer of aggregator.commitMilliseconds). */
  readonly scheduleCommit: () => void;
  readonly send: (topic: string, payload: Uint8Array) => void;
  readonly refuse: (code: string, detail?: string) => void;
}

/** Numbers since the start, for the performance log. */
export interface IntakeCounters {
  messages: number;
  slotsStored: number;
  slotsRepeated: number;
  acks: number;
  commits: number;
  hellos: number;
}

/** An ack of this many entries stays below the topic's 64 KiB. */
const MAX_ACK_ENTRIES = 2000;
const MAX_BOOT = 0xffff_ffff;
/** More starts than a meter has while this aggregator lacks its newest backup. */
const MAX_BOOT_LEAP = 65_536;
const MAX_COUNTER = 0xffff_ffff;

export class Intake {
  readonly counters: IntakeCounters = {
    messages: 0,
    slotsStored: 0,
    slotsRepeated: 0,
    acks: 0,
    commits: 0,
    hellos: 0,
  };
  readonly #options: IntakeOptions;
  readonly #channels = new Map<string, MeterChannel>();
  #due: MeterChannel[] = [];
  #uncommitted = 0;
  #ownBoot: number;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#ownBoot = options.meters.nextOwnBoot();
  }

  /** Messages waiting for a commit. */
  get uncommitted(): number {
    return this.#uncommitted;
  }

  channel(meter: string): MeterChannel | undefined {
    return this.#channels.get(meter);
  }

  addChannel(channel: MeterChannel): void {
    this.#channels.set(channel.id, channel);
  }

  /** A message on `wv/1/m/<meter>/share/<this>`. */
  handleShare(meter: string, payload: Uint8Array): void {
    const channel = this.#channels.get(meter);
    if (channel?.hasKey !== true) {
      this.#options.refuse("unknown-meter", meter);
      return;
    }
    let message: ShareMessage;
    try {
      message = channel.open(payload, (version) => this.#options.meters.confirmKey(channel.number, version));
      const invalid = firstInvalidEntry(message.entries);
      if (invalid >= 0) throw new ProtocolError("malformed", `entry ${invalid} is no field element`);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#options.refuse(error.code, meter);
      return;
    }
    const time = this.#options.now();
    if (time === undefined) {
      this.#options.refuse("clock-unknown", meter);
      return;
    }
    this.counters.messages++;
    channel.saw(message.number);
    this.#take(channel, message, time);
    this.#markDue(channel);
    this.#uncommitted++;
    if (this.#uncommitted >= this.#options.commitMessages) this.commit();
    else if (this.#uncommitted === 1) this.#options.scheduleCommit();
  }

  /**
   * Puts what lies in the window. What is older is closed, unless it is stored already. What lies ahead is not answered:
   * the meter sends it again, and by then one of the two clocks may have caught up; `closed` would lose it for good.
   */
  #take(channel: MeterChannel, message: ShareMessage, time: number): void {
    const { kind, firstSlot, entries } = message;
    const count = entries.length / ENTRY_BYTES;
    const now = Math.floor(time / this.#options.slotSeconds);
    const from = Math.max(firstSlot, now - this.#options.windowSlots);
    const to = Math.min(firstSlot + count, now + this.#options.futureSlots + 1);
    if (from === firstSlot && to === firstSlot + count && channel.belongs(firstSlot, to - 1)) {
      this.#put(channel, kind, firstSlot, entries, time);
      return;
    }
    // The rare case, slot by slot.
    for (let index = 0; index < count; index++) {
      const slot = firstSlot + index;
      const entry = entries.subarray(index * ENTRY_BYTES, (index + 1) * ENTRY_BYTES);
      if (slot >= to) {
        this.#options.refuse("future", channel.id);
        return;
      }
      const belongs = channel.belongs(slot, slot);
      if ((slot >= from && belongs) || this.#options.store.has(channel.number, kind, slot)) {
        this.#put(channel, kind, slot, entry, time);
      } else {
        channel.acks.add(kind, slot, "closed");
        this.#options.refuse(
          belongs ? "closed" : channel.isBeforeFirst(slot) ? "not-yet-enrolled" : "revoked",
          channel.id,
        );
      }
    }
  }

  #put(channel: MeterChannel, kind: number, firstSlot: number, entries: Uint8Array, time: number): void {
    const { counters } = this;
    this.#options.store.put(channel.number, kind, firstSlot, entries, Math.floor(time), (slot, result: PutResult) => {
      channel.acks.add(kind, slot, result);
      if (result === "stored") counters.slotsStored++;
      else if (result === "duplicate") counters.slotsRepeated++;
      else this.#options.refuse("conflict", `${channel.id} kind ${kind} slot ${slot}`);
    });
  }

  /** A message on `wv/1/m/<meter>/status`: answers a hello, after it is durable what boot was granted. */
  handleStatus(meter: string, payload: Uint8Array): void {
    if (payload.length === 0) return; // a retained status that was cleared
    const status = readStatus(payload);
    if (status === undefined) {
      this.#options.refuse("malformed", `${meter} status`);
      return;
    }
    if (status.state === "offline") return;
    const channel = this.#channels.get(meter);
    if (channel?.hasKey !== true) {
      this.#options.refuse("unknown-meter", meter);
      return;
    }
    const challenge = Buffer.from(status.challenge, "hex");
    if (channel.challenge === undefined || !challenge.equals(channel.challenge)) {
      const known = Math.max(channel.grantedBoot, channel.seen.boot);
      // A hello is not authenticated by the meter's key: it may not use up the numbers in a few leaps.
      if (status.boot > known + MAX_BOOT_LEAP) {
        this.#options.refuse("boot-leap", meter);
        return;
      }
      const highest = Math.max(known, status.boot);
      if (highest >= MAX_BOOT) {
        this.#options.refuse("boots-exhausted", meter);
        return;
      }
      channel.grantedBoot = highest + 1;
      channel.challenge = challenge;
      channel.dirty = true;
    }
    channel.helloDue = true;
    this.counters.hellos++;
    this.#markDue(channel);
    this.#options.scheduleCommit();
  }

  /** Asks a meter to send slots again, with the next commit's ack. */
  askAgain(meter: string, kind: number, firstSlot: number, count: number): void {
    const channel = this.#channels.get(meter);
    if (channel?.hasKey !== true) return;
    channel.acks.add(kind, firstSlot, "resend", count);
    this.#markDue(channel);
    this.#options.scheduleCommit();
  }

  #markDue(channel: MeterChannel): void {
    if (channel.due) return;
    channel.due = true;
    this.#due.push(channel);
  }

  /** Makes everything durable, then acknowledges it. Throws when the medium fails: then nothing is acknowledged. */
  commit(): void {
    const due = this.#due;
    const time = this.#options.now();
    if (due.length === 0 || time === undefined) return;
    const { db, store, meters } = this.#options;
    db.transaction(() => {
      store.writePending();
      for (const channel of due) if (channel.dirty) meters.save(channel);
    })();
    this.#due = [];
    this.#uncommitted = 0;
    this.counters.commits++;
    for (const channel of due) {
      channel.due = false;
      channel.dirty = false;
      this.#acknowledge(channel, time);
    }
    store.committed();
  }

  #acknowledge(channel: MeterChannel, time: number): void {
    const entries = channel.acks.take();
    const hello =
      channel.helloDue && channel.challenge !== undefined
        ? { challenge: channel.challenge, boot: channel.grantedBoot }
        : undefined;
    channel.helloDue = false;
    for (let first = 0; first === 0 || first < entries.length; first += MAX_ACK_ENTRIES) {
      if (channel.ackCounter >= MAX_COUNTER - 8) this.#nextBoot();
      const part = entries.length <= MAX_ACK_ENTRIES ? entries : entries.slice(first, first + MAX_ACK_ENTRIES);
      const ack = { time, highest: channel.seen, entries: part };
      const withHello = hello !== undefined && first === 0 ? { ...ack, hello } : ack;
      for (const sealed of channel.seal(this.#ownBoot, withHello)) {
        this.counters.acks++;
        this.#options.send(channel.ackTopic, sealed);
      }
    }
  }

  #nextBoot(): void {
    this.#ownBoot = this.#options.meters.nextOwnBoot();
    for (const channel of this.#channels.values()) channel.ackCounter = 0;
  }

  /** Before a clean stop: commits, and writes down the numbers seen. */
  close(): void {
    this.commit();
    this.#options.db.transaction(() => {
      for (const channel of this.#channels.values()) this.#options.meters.save(channel);
    })();
  }
}

function readStatus(payload: Uint8Array) {
  try {
    return meterStatus.parse(JSON.parse(Buffer.from(payload).toString("utf8")));
  } catch {
    return undefined;
  }
}
