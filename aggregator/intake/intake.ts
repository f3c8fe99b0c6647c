/**
 * Share messages in, sealed acks out. Opens, checks and puts at once; commits many messages together; acknowledges
 * only what is committed. Sees shares, never readings. Every refusal is counted by its code.
 */
import { ProtocolError } from "../../protocol/errors.ts";
import type { CiphertextDigest } from "../../protocol/envelope/digest.ts";
import type { ShareMessage } from "../../protocol/envelope/share.ts";
import { ENTRY_BYTES } from "../../protocol/shamir/share-entries.ts";
import { feederAt } from "../../protocol/membership.ts";
import { KINDS } from "../../protocol/units.ts";
import type { PutResult } from "../store/block.ts";
import type { SharedBits } from "../store/share-store.ts";
import { newIntakeCounters } from "./intake-counters.ts";
import { oneOf, type Shares, sharesOf } from "./shares-of.ts";
import { takeDigest } from "./digest-intake.ts";
import { grantBoot, readStatus } from "./hello.ts";
import type { MeterChannel } from "./meter-channel.ts";
import type { IntakeOptions } from "./intake-options.ts";

type Open<T> = (channel: MeterChannel, confirm: (version: number) => void) => T;
type Take<T> = (channel: MeterChannel, content: T, time: number) => boolean;

/** An ack of this many entries stays below the topic's 64 KiB. */
const MAX_ACK_ENTRIES = 2000;
/** And so many digests, of some 50 bytes each. */
const MAX_ACK_DIGESTS = 200;
/** Slots that may wait for their answer: a meter that repeats whole months must not fill the memory between two commits. */
const MAX_ANSWERS = 65_536;
const MAX_COUNTER = 0xffff_ffff;

export class Intake {
  readonly counters = newIntakeCounters();
  readonly #options: IntakeOptions;
  readonly #channels = new Map<string, MeterChannel>();
  #due: MeterChannel[] = [];
  #uncommitted = 0;
  #answers = 0;
  #ownBoot: number;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#ownBoot = options.meters.nextOwnBoot(options.wallTime());
  }

  /** Messages waiting for a commit. */
  get uncommitted(): number {
    return this.#uncommitted;
  }

  /** Slots waiting for their answer. */
  get answers(): number {
    return this.#answers;
  }

  channel(meter: string): MeterChannel | undefined {
    return this.#channels.get(meter);
  }

  addChannel(channel: MeterChannel): void {
    this.#channels.set(channel.id, channel);
  }

  /** What a meter's message holds, and the time; undefined where it is refused, by the name that `what` gives it. */
  #open<T>(meter: string, what: string, open: Open<T>) {
    const { refuse, meters, now } = this.#options;
    const channel = this.#channels.get(meter);
    if (channel?.hasKey !== true) {
      refuse("unknown-meter", meter);
      return undefined;
    }
    try {
      const content = open(channel, (version) => meters.confirmKey(channel.number, version));
      const time = now();
      if (time !== undefined) return { channel, content, time };
      refuse("clock-unknown", meter);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      refuse(error.code, what);
    }
    return undefined;
  }

  /** A message on `wv/1/m/<meter>/share/<this>`. */
  handleShare(meter: string, payload: Uint8Array): void {
    const opened = this.#open(meter, meter, (channel, confirm) => {
      const message = channel.open(payload, confirm);
      return { message, shares: sharesOf(message, this.#options.bits) };
    });
    if (opened === undefined) return;
    const { channel, content, time } = opened;
    this.counters.messages++;
    channel.saw(content.message.number);
    this.#take(channel, content.message, content.shares, time);
    this.#answers += content.shares.entries.length / ENTRY_BYTES;
    this.#commitSoon(channel);
  }

  /** A message on `wv/1/m/<meter>/digest/<this>`. */
  handleDigest(meter: string, payload: Uint8Array): void {
    const { digests: store, slotSeconds, windowSlots, futureSlots, refuse } = this.#options;
    const open: Open<CiphertextDigest> = (channel, confirm) => channel.openDigest(payload, confirm);
    this.handleOther(meter, `${meter} digest`, open, (channel, content, time) => {
      this.counters.digests++;
      return takeDigest(channel, content, time, { store, slotSeconds, windowSlots, futureSlots, refuse });
    });
  }

  /** A message that is no share: `take` says whether it is acknowledged, and `what` names it where it is refused. */
  handleOther<T>(meter: string, what: string, open: Open<T>, take: Take<T>): void {
    const opened = this.#open(meter, what, open);
    if (opened === undefined) return;
    if (take(opened.channel, opened.content, opened.time)) this.#commitSoon(opened.channel);
  }

  #commitSoon(channel: MeterChannel): void {
    this.#markDue(channel);
    this.#uncommitted++;
    if (this.#uncommitted >= this.#options.commitMessages || this.#answers >= MAX_ANSWERS) this.commit();
    else if (this.#uncommitted === 1) this.#options.scheduleCommit();
  }

  /**
   * Puts what lies in the window. What is older is closed, unless it is stored already. What lies ahead is not answered:
   * the meter sends it again, and by then one of the two clocks may have caught up; `closed` would lose it for good.
   */
  #take(channel: MeterChannel, { kind, firstSlot }: ShareMessage, { entries, shared }: Shares, time: number): void {
    const count = entries.length / ENTRY_BYTES;
    const now = Math.floor(time / this.#options.slotSeconds);
    const from = Math.max(firstSlot, now - this.#options.windowSlots);
    const to = Math.min(firstSlot + count, now + this.#options.futureSlots + 1);
    if (from === firstSlot && to === firstSlot + count && channel.belongs(firstSlot, to - 1)) {
      this.#put(channel, kind, firstSlot, entries, time, shared);
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
        this.#put(channel, kind, slot, entry, time, shared && oneOf(shared, index));
      } else {
        channel.acks.add(kind, slot, "closed");
        this.#options.refuse(
          belongs ? "closed" : channel.isBeforeFirst(slot) ? "not-yet-enrolled" : "revoked",
          channel.id,
        );
      }
    }
  }

  #put(
    channel: MeterChannel,
    kind: number,
    firstSlot: number,
    entries: Uint8Array,
    time: number,
    shared: SharedBits | undefined,
  ): void {
    const { counters } = this;
    // Nearly every share is of a slot that no load has reached: one comparison for its message.
    const loaded = firstSlot <= this.#options.loads.newestLoad && (kind === KINDS.import || kind === KINDS.export);
    const report = (slot: number, result: PutResult): void => {
      if (result === "stored") counters.slotsStored++;
      else if (result === "duplicate") counters.slotsRepeated++;
      else this.#options.refuse("conflict", `${channel.id} kind ${kind} slot ${slot}`);
      if (loaded && result !== "conflict" && this.#isLate(channel, kind, slot)) {
        counters.slotsLate++;
        channel.acks.add(kind, slot, "late");
      } else {
        channel.acks.add(kind, slot, result);
      }
    };
    this.#options.store.put(channel.number, kind, firstSlot, entries, Math.floor(time), report, shared);
  }

  /** Its load was endorsed without it. That holds for a repeat, too: the first answer may be lost. */
  #isLate(channel: MeterChannel, kind: number, slot: number): boolean {
    const feeder = feederAt(channel.places, slot);
    return feeder !== undefined && this.#options.loads.isLoadWithout(feeder, kind, slot, channel.number);
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
    const refused = channel?.hasKey === true ? grantBoot(channel, status) : "unknown-meter";
    if (channel === undefined || refused !== undefined) {
      this.#options.refuse(refused ?? "unknown-meter", meter);
      return;
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
    const { db, store, meters, digests, vectors } = this.#options;
    db.transaction(() => {
      store.writePending();
      digests.writePending();
      vectors.writePending();
      meters.save(due.filter((channel) => channel.dirty));
    })();
    digests.committed();
    vectors.committed();
    this.#due = [];
    this.#uncommitted = this.#answers = 0;
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
    const updates = channel.acks.takeUpdates();
    let digests = channel.acks.takeDigests(MAX_ACK_DIGESTS);
    for (let first = 0; first === 0 || first < entries.length || digests.length > 0; first += MAX_ACK_ENTRIES) {
      if (channel.ackCounter >= MAX_COUNTER - 8) this.nextBoot();
      const part =
        entries.length <= MAX_ACK_ENTRIES && first === 0 ? entries : entries.slice(first, first + MAX_ACK_ENTRIES);
      const ack = {
        time,
        highest: channel.seen,
        entries: part,
        ...(hello !== undefined && first === 0 ? { hello } : {}),
        ...(digests.length > 0 ? { digests } : {}),
        ...(updates.length > 0 && first === 0 ? { updates } : {}),
      };
      for (const sealed of channel.seal(this.#ownBoot, ack)) {
        this.counters.acks++;
        this.#options.send(channel.ackTopic, sealed);
      }
      digests = channel.acks.takeDigests(MAX_ACK_DIGESTS);
    }
  }

  /** Meters whose acks another process has sealed until now know its boots: the next acks come under a higher one. */
  nextBoot(): void {
    this.#ownBoot = this.#options.meters.nextOwnBoot(this.#options.wallTime());
    for (const channel of this.#channels.values()) channel.ackCounter = 0;
  }

  /** Some meters are another worker's from now on: what came of them is made durable, and nothing more is said to them. */
  letGo(isGone: (meter: string) => boolean): void {
    this.commit();
    this.#due = this.#due.filter(({ id }) => !isGone(id));
    this.#save(isGone);
  }

  #save(isMeant: (meter: string) => boolean): void {
    const channels = [...this.#channels.values()].filter(({ id }) => isMeant(id));
    this.#options.db.transaction(() => this.#options.meters.save(channels))();
  }

  /** Before a clean stop: commits, and writes down the numbers seen; of its own meters, since it knows no more of others. */
  close(): void {
    this.commit();
    this.#save(this.#options.isOwn ?? (() => true));
  }
}
