/**
 * Rounds of vectors at an aggregator: what it holds of them, whether a set may be endorsed, the test of its shares, and
 * their sums (docs/decisions/010-vector-rounds.md). Sees shares, never updates.
 */
import { createHash } from "node:crypto";
import { addMember, countMembers, emptyBitmap, fullBitmap, members } from "../../protocol/bitmap.ts";
import { add, ELEMENT_BYTES, writeElement } from "../../protocol/field.ts";
import { elementsToBytes } from "../../protocol/field-words.ts";
import type { Question, SetContent } from "../../protocol/messages/round.ts";
import { boundBits } from "../../protocol/learning/bound.ts";
import { elementsOf } from "../../protocol/learning/shape.ts";
import { VectorTotals, weightedVectorSum } from "../../protocol/shamir/add-vectors.ts";
import { randomShares } from "../../protocol/shamir/prss.ts";
import { elementsOfShare } from "../../protocol/shamir/vector-shares.ts";
import { WEIGHT_BYTES, weightLimbs } from "../../protocol/shamir/weights.ts";
import { type LostHistory, MAY_HAVE_FORGOTTEN } from "../release/lost-history.ts";
import { RosterTags } from "../rounds/roster-tags.ts";
import { SetError } from "../rounds/layout.ts";
import type { MeterSums } from "../rounds/range-answers.ts";
import type { MaskKeys, ShareTest, TestId } from "../rounds/share-test.ts";
import type { Sums } from "../rounds/sums.ts";
import { boundedSums, laneElements } from "./bounded-vectors.ts";
import type { VectorRound, VectorStore } from "./vector-store.ts";

/** Who is a customer, by countersigned records. */
export interface VectorMembers {
  /** The meter's number in this aggregator's database; undefined when it is unknown. */
  numberOf(meter: string): number | undefined;
  /** The feeder of a customer's certified place in all slots from `from` up to `to`; undefined where there is none. */
  feederOver(meter: string, from: number, to: number): string | undefined;
}

export interface VectorRoundsOptions {
  readonly store: VectorStore;
  readonly members: VectorMembers;
  readonly slotSeconds: number;
  /** Unix seconds by this aggregator's own clock; undefined while it knows no time. */
  readonly now: () => number | undefined;
  readonly lost: Pick<LostHistory, "before">;
  /** Fewest meters in any sum, whatever was announced. */
  readonly minMeters: number;
}

/** A round of which a set may be endorsed. */
export interface Releasable {
  readonly round: string;
}

type Pause = () => Promise<void>;
type VectorQuestion = Pick<Question, "feeder" | "meters">;

export class VectorRounds {
  readonly #options: VectorRoundsOptions;

  constructor(options: VectorRoundsOptions) {
    this.#options = options;
  }

  /** The one unit of a question: which of its meters are held, and the digest over their tags. */
  async units({ feeder, meters }: VectorQuestion, pause: Pause): Promise<[Uint8Array, Uint8Array][]> {
    const round = this.#options.store.round(feeder);
    const tags = new RosterTags(meters.length);
    for (const [index, meter] of meters.entries()) {
      const tag = round && this.#isCustomer(meter, round) ? this.#tagOf(round, meter) : undefined;
      if (tag !== undefined) tags.add(index, tag);
      await pause();
    }
    return [tags.isEmpty ? [new Uint8Array(0), new Uint8Array(0)] : [tags.bitmap, tags.digest()]];
  }

  /** The tags of some meters, 8 bytes each; zeros for what is not held. */
  tags({ feeder, meters }: VectorQuestion, _unit: number, bitmap: Uint8Array): Uint8Array {
    const round = this.#options.store.round(feeder);
    const tags = [...members(bitmap)].map((meter) => round && this.#tagOf(round, meters[meter]!));
    return Buffer.concat(tags.map((tag) => tag ?? new Uint8Array(8)));
  }

  /**
   * Throws SetError unless the set may be endorsed: of a round that analytics announced and that has closed, all of its
   * elements, of countersigned customers, and of enough of them. Of a round one set is endorsed, ever.
   */
  releasable(set: SetContent): Releasable {
    const { store, now, minMeters, lost, slotSeconds } = this.#options;
    const round = store.round(set.feeder);
    if (round === undefined) {
      throw new SetError("unknown-announcement", `no announcement by analytics of round ${set.feeder} has come here`);
    }
    const time = now();
    if (time === undefined || time < round.closesAt) {
      throw new SetError("not-closed", `round ${set.feeder} closes at ${round.closesAt}, and now it is ${time ?? "?"}`);
    }
    const [, elements] = set.segments[0]!;
    const outputs = outputsOf(round);
    if (elements !== outputs) {
      throw new SetError("malformed-set", `segments: the vectors have ${outputs} elements, got ${elements}`);
    }
    const bits = round.bounded === undefined ? 0 : boundBits(round.bounded).coordinate;
    if ((set.bits?.[0] ?? 0) !== bits) {
      throw new SetError("malformed-set", `bits: coordinates are shared by ${bits}, got ${set.bits?.[0] ?? 0}`);
    }
    const other = store.setOf(round.round);
    if (other !== undefined) {
      const name = other.toString("hex").slice(0, 16);
      throw new SetError("other-set-endorsed", `set ${name} was endorsed for round ${set.feeder}`);
    }
    if (round.closesAt < lost.before * slotSeconds) {
      throw new SetError("history-lost", `${MAY_HAVE_FORGOTTEN} of round ${set.feeder}`);
    }
    const [bitmap] = set.units[0]!;
    const strangers = [...members(bitmap)].filter((meter) => !this.#isCustomer(set.meters[meter]!, round));
    if (strangers.length > 0) {
      const detail = `meters without a countersigned place of a customer when round ${set.feeder} closed`;
      throw new SetError("unknown-member", detail, strangers);
    }
    const least = Math.max(round.minMeters, minMeters);
    const count = countMembers(bitmap);
    if (count < least) throw new SetError("too-few-meters", `a vector needs at least ${least} meters, got ${count}`);
    if (count > round.maxMeters) {
      const detail = `sums of more than ${round.maxMeters} vectors do not fit their lanes, and the set has ${count}`;
      throw new SetError("malformed-set", detail);
    }
    return { round: round.round };
  }

  /** Writes down what `releasable` allowed; the caller holds the transaction. */
  recordRelease({ round }: Releasable, setId: Uint8Array): void {
    this.#options.store.endorse(round, setId);
  }

  /** As `testShares`: of each meter of the set one weighted sum of its elements, under a mask. */
  async test(set: SetContent, id: TestId, keys: MaskKeys, pause: Pause): Promise<ShareTest> {
    const have = emptyBitmap(set.meters.length);
    const round = this.#options.store.round(set.feeder);
    if (round === undefined || !this.#isHeld(set, round)) return { have, values: new Uint8Array(0) };
    const sponge = createHash("shake256", { outputLength: WEIGHT_BYTES * round.elements });
    const weights = weightLimbs(sponge.update(hashOf("wv/1 share test weights", id)).digest());
    const masks = randomShares(keys, hashOf("wv/1 share test mask", id), set.meters.length);
    const answered = [...members(set.units[0]![0])];
    const values = new Uint8Array(answered.length * ELEMENT_BYTES);
    for (const [position, meter] of answered.entries()) {
      const sum = weightedVectorSum(this.#elementsOf(round, set.meters[meter]!), weights);
      addMember(have, meter);
      writeElement(add(sum, masks[meter]!), values, position * ELEMENT_BYTES);
      await pause();
    }
    return { have, values };
  }

  /**
   * As `rangeSums`: of each meter of the set what its shares of bits come to, undefined for all of them where this
   * aggregator does not hold the whole set, or nothing is shared by bits.
   */
  async rangeSums(set: SetContent, challenge: Uint8Array, pause: Pause): Promise<(MeterSums | undefined)[]> {
    const sums = set.meters.map((): MeterSums | undefined => undefined);
    const round = this.#options.store.round(set.feeder);
    if (round?.bounded === undefined || !this.#isHeld(set, round)) return sums;
    for (const meter of members(set.units[0]![0])) {
      sums[meter] = boundedSums(this.#elementsOf(round, set.meters[meter]!), round.bounded, challenge, meter);
      await pause();
    }
    return sums;
  }

  /**
   * The sums of an endorsed set, one for each element: all of them, or none where a meter's share is missing or another.
   * Once they are known they are kept in place of the shares.
   */
  async sums(set: SetContent, pause: Pause): Promise<Sums> {
    const { store } = this.#options;
    const round = store.round(set.feeder);
    const outputs = set.segments[0]![1];
    const none = { have: emptyBitmap(outputs), values: new Uint8Array(0) };
    if (round === undefined) return none;
    const known = store.sums(round.round);
    if (known !== undefined) return { have: fullBitmap(outputs), values: Uint8Array.from(known) };
    if (!this.#isHeld(set, round)) return none;
    const totals = new VectorTotals(round.elements);
    for (const meter of members(set.units[0]![0])) {
      totals.add(this.#elementsOf(round, set.meters[meter]!));
      await pause();
    }
    // The sums of the bits stay here: of what homes share in a round with a bound only the elements leave.
    const { bounded } = round;
    const homes = countMembers(set.units[0]![0]);
    const values =
      bounded === undefined ? totals.toBytes() : elementsToBytes(laneElements(totals.elements(), bounded, homes));
    store.settle(round.round, values);
    return { have: fullBitmap(outputs), values };
  }

  #isCustomer(meter: string, { closesAt }: VectorRound): boolean {
    const slot = Math.floor(closesAt / this.#options.slotSeconds);
    return this.#options.members.feederOver(meter, slot, slot + 1) !== undefined;
  }

  #tagOf({ round }: VectorRound, meter: string): Uint8Array | undefined {
    const number = this.#options.members.numberOf(meter);
    return number === undefined ? undefined : this.#options.store.tagOf(round, number);
  }

  /** Whether every meter of the set is held, with the tags of the set. */
  #isHeld(set: SetContent, round: VectorRound): boolean {
    const [bitmap, digest] = set.units[0]!;
    const tags = new RosterTags(set.meters.length);
    for (const meter of members(bitmap)) {
      const tag = this.#tagOf(round, set.meters[meter]!);
      if (tag === undefined) return false;
      tags.add(meter, tag);
    }
    return Buffer.compare(tags.digest(), digest) === 0;
  }

  #elementsOf({ round, elements }: VectorRound, meter: string): BigUint64Array {
    const { store, members: known } = this.#options;
    return elementsOfShare(store.find(round, known.numberOf(meter)!)!.share, elements);
  }
}

/** Elements of a sum. */
function outputsOf({ elements, bounded }: VectorRound): number {
  return bounded === undefined ? elements : elementsOf(bounded);
}

function hashOf(label: string, { setId, salt }: TestId): Buffer {
  return createHash("sha256").update(label).update(setId).update(salt).digest();
}
