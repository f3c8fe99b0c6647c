/**
 * The utility as a test plays it, with the utility's folder of keys and nothing else: it may ask for whatever it likes,
 * of whom it likes, and interpolates what it is given. Honest requests go the same way.
 */
import { createHash } from "node:crypto";
import type { Party } from "../../config/keys/index.ts";
import type { Link } from "../../config/runtime/link.ts";
import { bitmapOf, members } from "../../protocol/bitmap.ts";
import { encodeCbor } from "../../protocol/cbor.ts";
import { ChunkAssembler, openServerMessage, sealServerMessage, splitChunks } from "../../protocol/envelope/index.ts";
import {
  type EndorseMessage,
  type Question,
  type RoundAnswer,
  roundAnswer,
  type Scheme,
  type SetContent,
  type SumsMessage,
} from "../../protocol/messages/round.ts";
import { aggregatorId } from "../../protocol/names.ts";
import { interpolate } from "../../protocol/shamir/interpolate.ts";
import { filterOf, parseTopic, topicOf } from "../../protocol/topics.ts";
import type { Stage } from "./stage.ts";
import { again } from "./wire-meter.ts";

/** A request without its round. */
type Request = { readonly type: string } & Readonly<Record<string, unknown>>;

/** Cells of a billing set: which slots of which meter; of a load set: which meters in which slot. */
export type Keep = (meter: string, slot: number) => boolean;

export class DeviatingUtility {
  readonly #stage: Stage;
  readonly #party: Party;
  readonly #waiting = new Map<string, (answer: RoundAnswer) => void>();
  readonly #chunks = new ChunkAssembler(() => performance.now() / 1000);
  #link!: Link;
  #rounds = 0;

  private constructor(stage: Stage) {
    this.#stage = stage;
    this.#party = stage.party("utility");
  }

  static async open(stage: Stage): Promise<DeviatingUtility> {
    const utility = new DeviatingUtility(stage);
    utility.#link = await stage.connect(utility.#party, [filterOf("roundAnswer")], (topic, payload) => {
      void utility.#onMessage(topic, payload);
    });
    return utility;
  }

  get link(): Link {
    return this.#link;
  }

  async #onMessage(topic: string, payload: Uint8Array): Promise<void> {
    const { agg } = parseTopic(topic)!.parameters;
    const sender = aggregatorId(Number(agg));
    const whole = this.#chunks.add(sender, payload);
    if (whole === undefined) return;
    const { message } = await openServerMessage(whole, this.#party, sender);
    const answer = roundAnswer.parse(message);
    this.#waiting.get(`${sender} ${answer.round}`)?.(answer);
  }

  /** One request to one aggregator and its answer; in a round of its own, so that answers are told apart. */
  async ask(aggregator: number, request: Request, round = this.#newRound()): Promise<RoundAnswer> {
    const to = aggregatorId(aggregator);
    const answer = new Promise<RoundAnswer>((resolve) => this.#waiting.set(`${to} ${round}`, resolve));
    const topic = topicOf("roundRequest", { round, agg: String(aggregator) });
    await again(answer, async () => {
      const sealed = await sealServerMessage({ ...request, round }, this.#party, to);
      for (const chunk of splitChunks(sealed)) await this.#link.publish(topic, chunk);
    });
    return answer;
  }

  #newRound(): string {
    return `r-${++this.#rounds}`;
  }

  /**
   * A set over the cells of a question that pass `keep`, with digests as any aggregator would compute them, from the
   * tags that it asks for.
   */
  async compose(question: Question, keep: Keep = () => true, schemes: Scheme[] = []): Promise<SetContent> {
    const round = this.#newRound();
    const opened = await this.ask(1, { type: "open", ...question }, round);
    if (opened.type !== "manifest") throw unexpected(opened);
    const { units } = opened;
    const indices = units.flatMap(([, digest], i) => (digest.length === 0 ? [] : [i]));
    const tags = await this.#tags(round, indices);
    const wanted = units.map(([bitmap], index): SetContent["units"][number] => {
      const held = [...members(bitmap)];
      const kept = held.filter((bit) => keep(...cellOf(question, index, bit)));
      const pairs = kept.map((bit) => {
        const tag = tags.get(index)!.subarray(8 * held.indexOf(bit), 8 * held.indexOf(bit) + 8);
        return Buffer.concat([axis(question, index, bit), tag]);
      });
      const size = question.purpose === "load" ? question.meters.length : lengthOf(question, index);
      const digest = kept.length === 0 ? new Uint8Array(0) : Uint8Array.from(sha256(Buffer.concat(pairs)));
      return [Uint8Array.from(bitmapOf(size, kept)), digest];
    });
    const assignment = schemes.length === 0 ? [] : question.meters.map(() => 0);
    return { ...question, schemes, assignment, units: wanted };
  }

  /** The same as bytes. */
  async set(question: Question, keep?: Keep, schemes?: Scheme[]): Promise<Uint8Array> {
    return encodeSet(await this.compose(question, keep, schemes));
  }

  async #tags(round: string, units: number[]): Promise<Map<number, Uint8Array>> {
    if (units.length === 0) return new Map();
    const answer = await this.ask(1, { type: "detail", units }, round);
    if (answer.type !== "tags") throw unexpected(answer);
    return new Map(answer.units);
  }

  /** Offers a set to aggregators; their answers by index. */
  async offer(content: Uint8Array, to = this.#stage.aggregators): Promise<Map<number, RoundAnswer>> {
    const answers = await Promise.all(to.map((index) => this.ask(index, { type: "set", content })));
    return new Map(to.map((index, i) => [index, answers[i]!]));
  }

  /** The code with which all aggregators refuse a set. Throws when one endorses it, or when they differ. */
  async refusalOf(content: Uint8Array): Promise<string> {
    const codes = [...(await this.offer(content)).values()].map((answer) =>
      answer.type === "refuse" ? answer.code : answer.type,
    );
    if (new Set(codes).size !== 1) throw new Error(`the aggregators differ: ${codes.join(", ")}`);
    return codes[0]!;
  }

  /** Asks for the sums of an endorsed set; the answers by index. */
  async sums(content: Uint8Array, endorsements: Uint8Array[], to = this.#stage.aggregators) {
    const request = { type: "endorsed", setId: sha256(content), endorsements };
    const answers = await Promise.all(to.map((index) => this.ask(index, request)));
    return new Map(to.map((index, i) => [index, answers[i]!]));
  }

  /** An honest request to its end: the totals by output. Throws at the first refusal. */
  async totals(content: Uint8Array): Promise<bigint[]> {
    const offered = [...(await this.offer(content)).values()];
    const refused = offered.find((answer) => answer.type !== "endorse");
    if (refused !== undefined) throw unexpected(refused);
    const answers = await this.sums(content, endorsementsOf(offered));
    return totalsOf([...answers.values()], this.#stage.config.system.threshold);
  }
}

/** The endorsements among answers. */
export function endorsementsOf(answers: Iterable<RoundAnswer>): Uint8Array[] {
  return [...answers].filter((one): one is EndorseMessage => one.type === "endorse").map((one) => one.endorsement);
}

/** Interpolates every output that all answers hold. */
export function totalsOf(answers: readonly RoundAnswer[], threshold: number): bigint[] {
  const sums = answers.map((answer) => {
    if (answer.type !== "sums") throw unexpected(answer);
    return answer;
  });
  const count = sums[0]!.values.length / 8;
  return Array.from({ length: count }, (_, i) => {
    const points = sums.map((one: SumsMessage) => ({ x: one.aggregator, y: readU64(one.values, 8 * i) }));
    const { value, disagreeing } = interpolate(points, threshold);
    if (disagreeing > 0) throw new Error(`output ${i}: the answers lie on no polynomial`);
    return value;
  });
}

function unexpected(answer: RoundAnswer): Error {
  const what = answer.type === "refuse" ? `${answer.code}: ${answer.detail}` : answer.type;
  return new Error(`aggregator ${answer.aggregator} answers ${what}`);
}

/** A set's bytes, as they are hashed and signed. */
export function encodeSet(set: unknown): Uint8Array {
  return encodeCbor(set);
}

export function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}

function readU64(bytes: Uint8Array, at: number): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(at);
}

/** Meter and slot of a bit of a unit. */
function cellOf({ purpose, meters, segments, kinds }: Question, index: number, bit: number): [string, number] {
  if (purpose === "load") return [meters[bit]!, segments[0]![0] + Math.floor(index / kinds.length)];
  const rest = Math.floor(index / kinds.length);
  return [meters[rest % meters.length]!, segments[Math.floor(rest / meters.length)]![0] + bit];
}

function lengthOf({ meters, segments, kinds }: Question, index: number): number {
  const [from, to] = segments[Math.floor(index / kinds.length / meters.length)]!;
  return to - from;
}

/** What stands beside the tag in a digest: the slot in a bill, the place in the roster in a load. */
function axis(question: Question, index: number, bit: number): Buffer {
  const bytes = Buffer.alloc(question.purpose === "load" ? 2 : 4);
  if (question.purpose === "load") bytes.writeUInt16BE(bit);
  else bytes.writeUInt32BE(cellOf(question, index, bit)[1]);
  return bytes;
}
