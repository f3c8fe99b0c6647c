/**
 * What this aggregator holds for the units of a question: bitmaps, tags, digests. Counts only cells of members whose
 * countersigned place is the round's feeder at that slot. Sees shares, never readings.
 */
import { hash } from "node:crypto";
import { endianness } from "node:os";
import { emptyBitmap, isEmptyBitmap, members } from "../../protocol/bitmap.ts";
import type { Question } from "../../protocol/messages/round.ts";
import { bitEntryBytes } from "../../protocol/range/bit-entries.ts";
import { ENTRY_BYTES, tagAt } from "../../protocol/shamir/share-entries.ts";
import { isHeadKind } from "../../protocol/units.ts";
import type { Members } from "../release/rule-context.ts";
import type { BitRange } from "../store/bit-store.ts";
import type { ShareStore, StoredRange } from "../store/share-store.ts";
import { billingUnitAt, loadUnitAt, unitCount } from "./layout.ts";
import { RosterTags } from "./roster-tags.ts";

/** [bitmap, digest] of one unit, as on the wire. */
export type Unit = [bitmap: Uint8Array, digest: Uint8Array];

const NOTHING = new Uint8Array(0);
/** As it stands on the wire. */
const EMPTY_UNIT: Unit = [NOTHING, NOTHING];
/** An entry is share || tag. */
const TAG_OFFSET = 8;
/** Digests kept from manifests for the sums that follow, about half a kilobyte each. */
const MAX_KEPT_DIGESTS = 32_768;

export class Holdings {
  readonly #store: ShareStore;
  readonly #members: Members;
  /** What is stored never changes, so the digest of the same cells holds for ever. */
  readonly #digests = new Map<string, Unit>();

  constructor(store: ShareStore, members: Members) {
    this.#store = store;
    this.#members = members;
  }

  /** A meter's shares of one kind over a segment, whatever its place. `room`: see `ShareStore.range`. */
  range(meter: string, kind: number, [from, to]: readonly [number, number], room?: Uint8Array): StoredRange {
    const number = this.#members.numberOf(meter);
    if (number !== undefined) return this.#store.range(number, kind, from, to, room);
    return { bits: emptyBitmap(to - from), entries: new Uint8Array((to - from) * ENTRY_BYTES) };
  }

  /** A meter's shares of bits over a segment. */
  bits(meter: string, kind: number, [from, to]: readonly [number, number], bits: number): BitRange {
    const number = this.#members.numberOf(meter);
    if (number !== undefined) return this.#store.bits.range(number, kind, from, to, bits);
    return { present: emptyBitmap(to - from), entries: new Uint8Array(bitEntryBytes(bits) * (to - from)) };
  }

  /** The same as `range`, with only the slots at which the meter's place is the feeder in the bitmap. */
  memberRange(
    feeder: string,
    meter: string,
    kind: number,
    [from, to]: readonly [number, number],
    room?: Uint8Array,
  ): StoredRange {
    const { bits, entries } = this.range(meter, kind, [from, to], room);
    if (isEmptyBitmap(bits)) return { bits, entries };
    // What a customer's meter shares is never a head's, whatever it calls it, nor the reverse.
    if (this.#members.isHead(meter) !== isHeadKind(kind)) return { bits: emptyBitmap(to - from), entries };
    const own = this.#members.slotsOn(meter, feeder, from, to);
    for (let i = 0; i < bits.length; i++) bits[i]! &= own[i]!;
    return { bits, entries };
  }

  /** The units of a question, in order. `pause` is awaited now and then, so that shares are taken in meanwhile. */
  async units(question: Question, pause: () => Promise<void>): Promise<Unit[]> {
    return question.purpose === "billing" ? this.#billingUnits(question, pause) : this.#loadUnits(question, pause);
  }

  async #billingUnits(question: Question, pause: () => Promise<void>): Promise<Unit[]> {
    const { feeder, meters, segments, kinds } = question;
    const units: Unit[] = [];
    const room = roomForSegments(segments);
    for (const segment of segments) {
      for (const meter of meters) {
        for (const kind of kinds) {
          const { bits, entries } = this.memberRange(feeder, meter, kind, segment, room);
          if (isEmptyBitmap(bits)) {
            units.push(EMPTY_UNIT);
            continue;
          }
          const unit: Unit = [bits, slotDigest(bits, entries, segment[0])];
          units.push(unit);
          this.#keep(`${meter} ${kind} ${segment[0]} ${segment[1]}`, unit);
        }
        await pause();
      }
    }
    return units;
  }

  #keep(key: string, unit: Unit): void {
    if (this.#digests.size >= MAX_KEPT_DIGESTS) this.#digests.clear();
    this.#digests.set(key, unit);
  }

  /** SHA-256 over (slot, tag) of these cells of a meter and kind; `range` is what it holds of the segment. */
  digestOf(
    meter: string,
    kind: number,
    segment: readonly [number, number],
    bitmap: Uint8Array,
    range: StoredRange,
  ): Uint8Array {
    const known = this.#digests.get(`${meter} ${kind} ${segment[0]} ${segment[1]}`);
    if (known !== undefined && Buffer.compare(known[0], bitmap) === 0) return known[1];
    return slotDigest(bitmap, range.entries, segment[0]);
  }

  async #loadUnits(question: Question, pause: () => Promise<void>): Promise<Unit[]> {
    const { feeder, meters, segments, kinds } = question;
    const segment = segments[0]!;
    const lists = Array.from({ length: unitCount(question) }, () => new RosterTags(meters.length));
    const room = roomForSegments(segments);
    for (const [index, meter] of meters.entries()) {
      for (const [position, kind] of kinds.entries()) {
        const { bits, entries } = this.memberRange(feeder, meter, kind, segment, room);
        for (let slot = 0; slot < segment[1] - segment[0]; slot++) {
          if ((bits[slot >>> 3]! & (1 << (slot & 7))) === 0) continue;
          lists[slot * kinds.length + position]!.add(index, tagAt(entries, slot));
        }
      }
      await pause();
    }
    return lists.map((list): Unit => (list.isEmpty ? EMPTY_UNIT : [list.bitmap, list.digest()]));
  }

  /** The tags of the set bits of one unit, 8 bytes each. Missing cells give zeros; ask only for bitmaps of a manifest. */
  tags(question: Question, index: number, bitmap: Uint8Array): Uint8Array {
    const tags: Uint8Array[] = [];
    if (question.purpose === "billing") {
      const { segment, meter, kind } = billingUnitAt(question, index);
      const { entries } = this.range(question.meters[meter]!, question.kinds[kind]!, question.segments[segment]!);
      for (const slot of members(bitmap)) tags.push(tagAt(entries, slot));
    } else {
      const { slot, kind } = loadUnitAt(question, index);
      for (const meter of members(bitmap)) {
        const { entries } = this.range(question.meters[meter]!, question.kinds[kind]!, [slot, slot + 1]);
        tags.push(tagAt(entries, 0));
      }
    }
    return Buffer.concat(tags);
  }
}

/** Room for the shares of any of the segments, to be used again and again. */
export function roomForSegments(segments: readonly (readonly [number, number])[]): Uint8Array {
  return new Uint8Array(ENTRY_BYTES * Math.max(0, ...segments.map(([from, to]) => to - from)));
}

/** SHA-256 over (slot u32, tag) of the set bits; empty for none. `entries` begin with slot `from`. */
function slotDigest(bits: Uint8Array, entries: Uint8Array, from: number): Uint8Array {
  if (isEmptyBitmap(bits)) return NOTHING;
  // Tags are copied as they are, so words of either byte order do; only slot numbers are turned.
  const aligned = entries.byteOffset % 4 === 0 ? entries : Uint8Array.from(entries);
  const source = new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4);
  const pairs = pairWords(entries.length / ENTRY_BYTES);
  let at = 0;
  for (let slot = 0, tag = TAG_OFFSET >>> 2; slot < 8 * bits.length; slot++, tag += ENTRY_BYTES >>> 2) {
    if ((bits[slot >>> 3]! & (1 << (slot & 7))) === 0) continue;
    pairs[at] = bigEndian(from + slot);
    pairs[at + 1] = source[tag]!;
    pairs[at + 2] = source[tag + 1]!;
    at += 3;
  }
  return hash("sha256", new Uint8Array(pairs.buffer, 0, 4 * at), "buffer");
}

let scratch = new Uint32Array(0);

/** Room for so many pairs, used again by the next digest. */
function pairWords(pairs: number): Uint32Array {
  if (scratch.length < 3 * pairs) scratch = new Uint32Array(3 * pairs);
  return scratch;
}

const LITTLE_ENDIAN = endianness() === "LE";

/** A word that lies in memory as big-endian bytes. */
function bigEndian(word: number): number {
  if (!LITTLE_ENDIAN) return word;
  return (word >>> 24) | ((word >>> 8) & 0xff00) | ((word << 8) & 0xff0000) | (word << 24);
}
