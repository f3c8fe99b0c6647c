/**
 * Answers the utility's requests of a round: manifests, tags, endorsements, sums, or a refusal that says why.
 * Only what `release/` allows is endorsed, durably before it is said; only what q aggregators endorsed is summed.
 */
import { countMembers, members } from "../../protocol/bitmap.ts";
import { encodeCbor } from "../../protocol/cbor.ts";
import { CONTEXT, sign1, type Signer } from "../../protocol/envelope/sign1.ts";
import type { Directory } from "../../protocol/keys/directory.ts";
import { merkleRoot } from "../../protocol/log/merkle.ts";
import {
  type DetailMessage,
  type EndorsedMessage,
  type OpenMessage,
  type ProbeMessage,
  type Question,
  type RangeMessage,
  type RevealMessage,
  type RoundAnswer,
  type RoundRequest,
  type SetContent,
  type SetMessage,
  type WantMessage,
} from "../../protocol/messages/round.ts";
import type { VectorRounds } from "../learning/vector-rounds.ts";
import type { RuleContext } from "../release/rule-context.ts";
import { assertReleasable, recordRelease } from "../release/rules.ts";
import type { Holdings, Unit } from "./holdings.ts";
import { assertQuestion, billingUnitAt, loadUnitAt, outputCount, SetError, unitSize } from "./layout.ts";
import { rangeSums } from "./range-answers.ts";
import { RangeDesk } from "./range-desk.ts";
import { parseSet, proofOf, sha256 } from "./set-bytes.ts";
import { type MaskKeys, testShares } from "./share-test.ts";
import { type Sums, sumsOf } from "./sums.ts";

export interface DeskOptions {
  readonly index: number;
  readonly signer: Signer;
  readonly directory: Pick<Directory, "servers" | "q">;
  readonly rules: RuleContext;
  readonly holdings: Holdings;
  readonly vectors: VectorRounds;
  /** Left out: shares are not tested before they are summed. */
  readonly maskKeys?: MaskKeys | undefined;
  /** Asks a meter to send slots again. */
  readonly askAgain: (meter: string, kind: number, firstSlot: number, count: number) => void;
  /** Awaited now and then during long work. */
  readonly pause: () => Promise<void>;
}

/** The schema's types name the exact kind of buffer that decoding gives; what is sent may lie in any. */
type AnyBuffer<T> = T extends Uint8Array ? Uint8Array : T extends object ? { [K in keyof T]: AnyBuffer<T[K]> } : T;
export type Answer = AnyBuffer<RoundAnswer>;

interface OpenRound {
  readonly question: Question;
  readonly units: readonly Unit[];
}

/** Rounds whose manifest is remembered for `detail` and `want`; the utility opens again one that was forgotten. */
const MAX_OPEN_ROUNDS = 256;
/** Answers that are kept to be repeated without adding up again. */
const MAX_KEPT_SUMS = 32;
/** Sets that are kept as they were read, from their endorsement to their sums. */
const MAX_KEPT_SETS = 32;

export class RoundDesk {
  readonly #options: DeskOptions;
  readonly #rounds = new Map<string, OpenRound>();
  readonly #sums = new Map<string, Sums>();
  /** Checked already; by the set id, which is the hash of what was read. */
  readonly #sets = new Map<string, SetContent>();
  readonly #ranges: RangeDesk | undefined;

  constructor(options: DeskOptions) {
    this.#options = options;
    const { maskKeys: keys, holdings, vectors, pause } = options;
    if (keys === undefined) return;
    this.#ranges = new RangeDesk({
      keys,
      sums: (set, challenge) =>
        set.purpose === "vector"
          ? vectors.rangeSums(set, challenge, pause)
          : rangeSums(set, challenge, holdings, pause),
    });
  }

  /** The answer to a request; undefined where none is due. */
  async handle(request: RoundRequest): Promise<Answer | undefined> {
    const { round } = request;
    const known = "content" in request ? sha256(request.content) : undefined;
    const setId = "setId" in request ? request.setId : known;
    try {
      return await this.#answer(request);
    } catch (error) {
      if (!(error instanceof SetError)) throw error;
      const { code, where } = error;
      const detail = error.message.slice(0, 1000);
      const refusal = { round, aggregator: this.#options.index, code, detail, where: where.slice(0, 100_000) };
      return { type: "refuse", ...refusal, ...(setId === undefined ? {} : { setId }) };
    }
  }

  #answer(request: RoundRequest): Promise<Answer | undefined> | Answer | undefined {
    switch (request.type) {
      case "open":
        return this.#manifest(request);
      case "detail":
        return this.#tags(request);
      case "want":
        this.#want(request);
        return undefined;
      case "probe":
        return this.#test(request);
      case "reveal":
        return this.#reveal(request);
      case "range":
        return this.#prove(request);
      case "set":
        return this.#endorse(request);
      case "endorsed":
        return this.#release(request);
    }
  }

  async #manifest({ type: _, round, ...question }: OpenMessage): Promise<Answer> {
    assertQuestion(question);
    const { holdings, vectors, pause } = this.#options;
    const units = await (question.purpose === "vector" ? vectors : holdings).units(question, pause);
    keep(this.#rounds, round, { question, units }, MAX_OPEN_ROUNDS);
    const root = merkleRoot(units.map(([, digest]) => digest));
    return { type: "manifest", round, aggregator: this.#options.index, units, root };
  }

  #opened(round: string, indices: readonly number[]): OpenRound {
    const opened = this.#rounds.get(round);
    if (opened === undefined) throw new SetError("unknown-round", `round ${round} is not open here: open it again`);
    const outside = indices.filter((index) => index >= opened.units.length);
    if (outside.length > 0) throw new SetError("malformed-set", `the round has ${opened.units.length} units`, outside);
    return opened;
  }

  #tags({ round, units }: DetailMessage): Answer {
    const opened = this.#opened(round, units);
    const { holdings, vectors, index: aggregator } = this.#options;
    const { question } = opened;
    const tags = units.map((index): [number, Uint8Array] => {
      const [bitmap] = opened.units[index]!;
      return [index, (question.purpose === "vector" ? vectors : holdings).tags(question, index, bitmap)];
    });
    return { type: "tags", round, aggregator, units: tags };
  }

  #want({ round, units }: WantMessage): void {
    const { question } = this.#opened(
      round,
      units.map(([index]) => index),
    );
    // A home repeats its update until it is acknowledged.
    if (question.purpose === "vector") return;
    const { askAgain } = this.#options;
    for (const [index, bitmap] of units) {
      const size = unitSize(question, index);
      if (question.purpose !== "billing") {
        const { slot, kind } = loadUnitAt(question, index);
        for (const meter of members(bitmap)) {
          if (meter < size) askAgain(question.meters[meter]!, question.kinds[kind]!, slot, 1);
        }
        continue;
      }
      const { segment, meter, kind } = billingUnitAt(question, index);
      for (const bit of members(bitmap)) {
        const slot = question.segments[segment]![0] + bit;
        if (bit < size) askAgain(question.meters[meter]!, question.kinds[kind]!, slot, 1);
      }
    }
  }

  /** Nothing is remembered: whatever is asked, the answer tells nothing but whether shares belong together. */
  async #test({ round, content, salt }: ProbeMessage): Promise<Answer> {
    const { holdings, vectors, pause, index: aggregator } = this.#options;
    const proofs = this.#proofs();
    const setId = sha256(content);
    const set = parseSet(content);
    const id = { setId, salt };
    const test = await (set.purpose === "vector"
      ? vectors.test(set, id, proofs.keys, pause)
      : testShares(set, id, proofs.keys, holdings, pause));
    keep(this.#sets, setId.toString("hex"), set, MAX_KEPT_SETS);
    const isByBits = set.bits?.some((bits) => bits > 0) === true;
    const proof = isByBits ? { commitment: proofs.commit({ setId, salt }, set) } : {};
    return { type: "probed", round, aggregator, setId, salt, dealing: proofs.keys.dealing, ...test, ...proof };
  }

  #proofs(): RangeDesk {
    if (this.#ranges === undefined) throw new SetError("no-subset-keys", "this aggregator was dealt no keys for masks");
    return this.#ranges;
  }

  #reveal({ round, ...asked }: RevealMessage): Answer {
    const { setId, salt } = asked;
    const seed = this.#proofs().reveal(asked);
    return { type: "revealed", round, aggregator: this.#options.index, setId, salt, seed };
  }

  async #prove({ round, step, ...asked }: RangeMessage): Promise<Answer> {
    const { setId, salt } = asked;
    const answered = await this.#proofs().answer(asked);
    return { type: "ranged", round, aggregator: this.#options.index, setId, salt, step, ...answered };
  }

  #endorse({ round, content }: SetMessage): Answer {
    const { rules, vectors, signer, index: aggregator } = this.#options;
    const setId = sha256(content);
    const stored = rules.store.set(setId);
    if (stored !== undefined) {
      return { type: "endorse", round, aggregator, setId, endorsement: stored.endorsement };
    }
    const set = this.#sets.get(setId.toString("hex")) ?? parseSet(content);
    const judged = set.purpose === "vector" ? vectors.releasable(set) : assertReleasable(set, rules);
    const endorsement = sign1(encodeCbor({ setId, aggregator }), signer, CONTEXT.endorse);
    rules.store.transaction(() => {
      rules.store.addSet(setId, Buffer.from(content), Buffer.from(endorsement));
      if ("cells" in judged) recordRelease(judged, setId, rules.store);
      else vectors.recordRelease(judged, setId);
    });
    keep(this.#sets, setId.toString("hex"), set, MAX_KEPT_SETS);
    return { type: "endorse", round, aggregator, setId, endorsement };
  }

  async #release({ round, setId, endorsements }: EndorsedMessage): Promise<Answer> {
    const { rules, directory, holdings, vectors, pause, index: aggregator } = this.#options;
    const stored = rules.store.set(Buffer.from(setId));
    if (stored === undefined) throw new SetError("not-endorsed", "this aggregator has not endorsed the set");
    if (stored.endorsements === null) {
      const own = { aggregator, endorsement: stored.endorsement };
      const proof = proofOf(endorsements, own, setId, directory);
      if (proof.size < directory.q) {
        const detail = `expected valid endorsements of ${directory.q} aggregators, got ${proof.size}`;
        throw new SetError("not-endorsed", detail);
      }
      rules.store.setEndorsements(Buffer.from(setId), Buffer.from(encodeCbor([...proof.values()])));
    }
    const key = Buffer.from(setId).toString("hex");
    let sums = this.#sums.get(key);
    if (sums === undefined) {
      const set = this.#sets.get(key) ?? parseSet(stored.content);
      this.#sets.delete(key);
      sums = await (set.purpose === "vector" ? vectors.sums(set, pause) : sumsOf(set, holdings, pause));
      // Where cells are missing the answer may still grow; values never change.
      if (countMembers(sums.have) === outputCount(set)) keep(this.#sums, key, sums, MAX_KEPT_SUMS);
    }
    return { type: "sums", round, aggregator, setId, ...sums };
  }
}

function keep<T>(map: Map<string, T>, key: string, value: T, most: number): void {
  map.delete(key);
  map.set(key, value);
  const oldest = map.size > most ? map.keys().next().value : undefined;
  if (oldest !== undefined) map.delete(oldest);
}
