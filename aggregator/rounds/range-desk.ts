/**
 * Range proofs as the utility asks for them: a commitment with the test of a set's shares, the seed when all commitments
 * are there, then answers under the challenge that all seeds make. Nothing is durable: what a restart forgets is refused.
 */
import { randomBytes } from "node:crypto";
import { addMember, emptyBitmap } from "../../protocol/bitmap.ts";
import { ELEMENT_BYTES, type FieldElement, writeElement } from "../../protocol/field.ts";
import type { RangeMessage, RevealMessage, SetContent } from "../../protocol/messages/round.ts";
import { challengeOf, commitSeed, type Sealed } from "../../protocol/range/challenge.ts";
import { SetError } from "./layout.ts";
import { type MeterSums, RangeAnswers } from "./range-answers.ts";
import type { MaskKeys, TestId } from "./share-test.ts";

interface Proof {
  /** Until the answers are computed. */
  set: SetContent | undefined;
  readonly own: Sealed;
  /** The list that the seed was revealed for: the first. Another would let others choose their seeds after ours. */
  commitments: readonly Sealed[] | undefined;
  answers: RangeAnswers | undefined;
}

/** What is answered of a list: which, and an element of 8 bytes for each. */
export interface Answered {
  readonly have: Uint8Array;
  readonly values: Uint8Array;
}

export interface RangeDeskOptions {
  readonly keys: MaskKeys;
  /** What each meter of a set comes to under a challenge; undefined where this aggregator cannot answer. */
  readonly sums: (set: SetContent, challenge: Uint8Array) => Promise<(MeterSums | undefined)[]>;
}

/** Proofs that are remembered; the utility begins anew with one that was forgotten. */
const MAX_PROOFS = 128;
const SEED_BYTES = 32;

export class RangeDesk {
  readonly #options: RangeDeskOptions;
  readonly #proofs = new Map<string, Proof>();

  constructor(options: RangeDeskOptions) {
    this.#options = options;
  }

  /** What its masks are made of, and those of a test of shares. */
  get keys(): MaskKeys {
    return this.#options.keys;
  }

  /** The commitment to this aggregator's seed for a set and salt: the same when it is asked again. */
  commit(id: TestId, set: SetContent): Uint8Array {
    const name = nameOf(id);
    const aggregator = this.#options.keys.index;
    const own = { aggregator, bytes: randomBytes(SEED_BYTES) };
    const proof = this.#proofs.get(name) ?? { set, own, commitments: undefined, answers: undefined };
    this.#proofs.delete(name);
    if (this.#proofs.size >= MAX_PROOFS) this.#proofs.delete(this.#proofs.keys().next().value!);
    this.#proofs.set(name, proof);
    return commitSeed(id.setId, proof.own);
  }

  /** The seed. Throws SetError `unknown-set`, or `other-commitments` for a list without its own or for a second one. */
  reveal({ commitments, ...id }: Pick<RevealMessage, "setId" | "salt" | "commitments">): Uint8Array {
    const proof = this.#proof(id);
    const list = sealedOf(commitments);
    const own = commitSeed(id.setId, proof.own);
    const isThere = list.some(({ aggregator, bytes }) => aggregator === proof.own.aggregator && own.equals(bytes));
    if (!isThere || (proof.commitments !== undefined && !isSame(proof.commitments, list))) {
      throw new SetError("other-commitments", "the seed was committed to, or revealed for, another list");
    }
    proof.commitments = list;
    return proof.own.bytes;
  }

  /** Degrees of all meters, or checks of the groups. Throws SetError as `reveal`, and `malformed-set` for a group. */
  async answer({ seeds, groups, ...id }: Pick<RangeMessage, "setId" | "salt" | "seeds" | "groups">): Promise<Answered> {
    const proof = this.#proof(id);
    const { keys, sums } = this.#options;
    const challenge = challengeFrom(id.setId, proof.commitments ?? [], sealedOf(seeds));
    // Once computed they stand: the utility discounts whoever gets shares only after the seeds are known.
    if (proof.set !== undefined) {
      proof.answers = new RangeAnswers({ keys, challenge, sums: await sums(proof.set, challenge) });
      proof.set = undefined;
    }
    const answers = proof.answers!;
    return packed(groups.length === 0 ? answers.degrees() : groups.map((group) => checkOf(answers, group)));
  }

  #proof(id: TestId): Proof {
    const proof = this.#proofs.get(nameOf(id));
    if (proof === undefined) throw new SetError("unknown-set", "this aggregator knows no such test: ask it anew");
    return proof;
  }
}

function nameOf({ setId, salt }: TestId): string {
  return Buffer.concat([setId, salt]).toString("hex");
}

function sealedOf(list: readonly (readonly [number, Uint8Array])[]): Sealed[] {
  return list.map(([aggregator, bytes]) => ({ aggregator, bytes }));
}

function isSame(a: readonly Sealed[], b: readonly Sealed[]): boolean {
  const text = (all: readonly Sealed[]): string =>
    all.map(({ aggregator, bytes }) => `${aggregator} ${Buffer.from(bytes).toString("hex")}`).join();
  return text(a) === text(b);
}

function challengeFrom(setId: Uint8Array, commitments: readonly Sealed[], seeds: readonly Sealed[]): Uint8Array {
  try {
    return challengeOf(setId, commitments, seeds);
  } catch (error) {
    if (error instanceof RangeError) throw new SetError("other-commitments", error.message);
    throw error;
  }
}

function checkOf(answers: RangeAnswers, group: Uint8Array): FieldElement | undefined {
  try {
    return answers.check(group);
  } catch (error) {
    if (error instanceof RangeError) throw new SetError("malformed-set", error.message);
    throw error;
  }
}

function packed(elements: readonly (FieldElement | undefined)[]): Answered {
  const have = emptyBitmap(elements.length);
  const values: Uint8Array[] = [];
  for (const [index, element] of elements.entries()) {
    if (element === undefined) continue;
    addMember(have, index);
    const bytes = new Uint8Array(ELEMENT_BYTES);
    writeElement(element, bytes, 0);
    values.push(bytes);
  }
  return { have, values: Buffer.concat(values) };
}
