/**
 * Learning rounds in one process: real aggregators with real keys and databases, the utility's real desk over its own,
 * and homes that split, seal and send vectors through the protocol's functions. Only MQTT and training are left out.
 */
import { createHash } from "node:crypto";
import type { TestContext } from "node:test";
import { SETTINGS, temporaryFolder, TestAggregator, TestSystem } from "../../aggregator/testing/system.ts";
import { decodeCbor } from "../../protocol/cbor.ts";
import { createAckOpener } from "../../protocol/envelope/ack.ts";
import { CONTEXT, verify1 } from "../../protocol/envelope/sign1.ts";
import { createUpdateSealer } from "../../protocol/envelope/update.ts";
import {
  boundElements,
  packLanes,
  type RoundContent,
  roundOf,
  signAnnouncement,
} from "../../protocol/learning/index.ts";
import { coordinatesOf } from "../../protocol/learning/result.ts";
import { trainingRound } from "../../protocol/learning/testing/rounds.ts";
import type { UpdateAck } from "../../protocol/messages/ack-codes.ts";
import { endorsementContent, type RoundAnswer, type RoundRequest } from "../../protocol/messages/round.ts";
import { aggregatorId } from "../../protocol/names.ts";
import { splitVector } from "../../protocol/shamir/split-vector.ts";
import { topicOf } from "../../protocol/topics.ts";
import type { ModelRound } from "../../utility/store/learning-store.ts";
import { Harness } from "../../utility/testing/harness.ts";

export interface BedOptions {
  readonly n?: number;
  readonly t?: number;
  readonly q?: number;
  readonly homes?: number;
  readonly learnRounds?: number;
  readonly learnMegabytes?: number;
}

/** What leaves and reaches one aggregator in rounds, as it does so. */
export type Tamper = (index: number, answer: RoundAnswer) => RoundAnswer;

export class LearningBed {
  readonly system: TestSystem;
  readonly aggregators: TestAggregator[];
  readonly harness: Harness;
  readonly homes: readonly string[];
  /** Requests as each aggregator got them. */
  readonly asked: { readonly index: number; readonly request: RoundRequest }[] = [];
  readonly refused: string[] = [];
  /** What an aggregator that lies makes of its answers. */
  tamper: Tamper = (_index, answer) => answer;
  /** What a utility that breaks the rules makes of its requests. */
  change: (request: RoundRequest) => RoundRequest = (request) => request;

  private constructor(t: TestContext, system: TestSystem, aggregators: TestAggregator[], homes: string[]) {
    this.system = system;
    this.aggregators = aggregators;
    this.homes = homes;
    const { n, t: threshold, q } = system.directory;
    this.harness = new Harness(temporaryFolder(t), {
      ...{ aggregators: n, threshold, quorum: q, meters: homes.length, minMeters: SETTINGS.minMeters },
      real: {
        answer: (index, request) => this.#answer(index, request),
        verifyEndorsement: (endorsement, aggregator, setId) => {
          const { payload } = verify1(endorsement, system.directory, CONTEXT.endorse, aggregatorId(aggregator));
          const signed = endorsementContent.parse(decodeCbor(payload));
          if (Buffer.compare(signed.setId, setId) !== 0) throw new Error("an endorsement of another set");
        },
      },
    });
  }

  static async make(t: TestContext, options: BedOptions = {}): Promise<LearningBed> {
    const { n = 3, t: threshold = 2, q = 2, homes = 12, learnRounds = 4, learnMegabytes = 16 } = options;
    const system = new TestSystem({ n, t: threshold, q });
    const names = Array.from({ length: homes }, (_, i) => `m-${String(i + 1).padStart(3, "0")}`);
    // The homes of the harness's roll, on two feeders.
    for (const [i, name] of names.entries()) system.addMeter(name, `f-${1 + (i % 2)}`);
    const folder = temporaryFolder(t);
    const settings = { ...SETTINGS, learnRounds, learnMegabytes };
    const aggregators = Array.from({ length: n }, (_, i) => new TestAggregator(system, i + 1, folder, settings));
    const bed = new LearningBed(t, system, aggregators, names);
    await bed.harness.open();
    bed.setTime(system.now);
    t.after(async () => {
      await bed.harness.close();
      for (const aggregator of aggregators) aggregator.stop();
    });
    return bed;
  }

  setTime(seconds: number): void {
    this.system.now = seconds;
    this.harness.clock.set(seconds);
  }

  /** A round of `parameters` coordinates without noise that closes in an hour. */
  round(parameters: number, changes: Partial<RoundContent> = {}): RoundContent {
    const noise = { mechanism: "none", variance: 0, colluders: 0 } as const;
    return trainingRound(parameters, { closesAt: this.system.now + 3_600, minMeters: 3, noise, ...changes });
  }

  /** Everyone hears of the round. */
  async announce(content: RoundContent): Promise<string> {
    const payload = signAnnouncement(content, this.system.party("analytics"));
    for (const { aggregator } of this.aggregators) aggregator.handle(topicOf("learnAnnounce", {}), payload);
    await this.harness.desk.learning.take(payload, this.system.directory, (code) => this.refused.push(code));
    return roundOf(content);
  }

  /** What a home sends to each aggregator, by index. */
  updates(
    content: RoundContent,
    home: string,
    values: ArrayLike<number>,
    round = roundOf(content),
  ): Map<number, Uint8Array> {
    return this.#sealed(home, round, elementsFor(values, content));
  }

  /** What a home sends that shares any elements. */
  updatesOf(content: RoundContent, home: string, elements: BigUint64Array): Map<number, Uint8Array> {
    return this.#sealed(home, roundOf(content), elements);
  }

  #sealed(home: string, round: string, elements: BigUint64Array): Map<number, Uint8Array> {
    const { n, t } = this.system.directory;
    const key = createHash("sha256").update(`polynomial key of ${home}`).digest();
    const { tag, shares } = splitVector({ key, round, elements, n, t });
    return new Map(
      shares.map((share, i) => {
        const sealer = createUpdateSealer(this.system.rootKey(home, i + 1), home, i + 1);
        return [i + 1, sealer.seal(round, { tag, elements: elements.length, share })];
      }),
    );
  }

  /** An update with the right tag and shares of one aggregator that belong to another vector. */
  spoilt(content: RoundContent, home: string, values: ArrayLike<number>, index: number): Uint8Array {
    const { n, t } = this.system.directory;
    const round = roundOf(content);
    const key = createHash("sha256").update(`polynomial key of ${home}`).digest();
    const { tag } = splitVector({ key, round, elements: elementsFor(values, content), n, t });
    const elements = elementsFor(Array.from(values).reverse(), content);
    const { shares } = splitVector({ key, round, elements, n, t });
    const sealer = createUpdateSealer(this.system.rootKey(home, index), home, index);
    return sealer.seal(round, { tag, elements: elements.length, share: shares[index - 1]! });
  }

  /** What a home sends in place of its update reaches these aggregators, and is durable there. */
  sendInstead(content: RoundContent, home: string, updates: ReadonlyMap<number, Uint8Array>, to = this.indices): void {
    for (const [index, payload] of updates) {
      if (!to.includes(index)) continue;
      this.deliver(content, home, index, payload);
      this.aggregators[index - 1]!.aggregator.commit();
    }
  }

  deliver(content: RoundContent, home: string, index: number, payload: Uint8Array): void {
    const topic = topicOf("update", { meter: home, round: roundOf(content), agg: String(index) });
    this.aggregators[index - 1]!.aggregator.handle(topic, payload);
  }

  /** A home's update reaches these aggregators, and is durable there. */
  send(content: RoundContent, home: string, values: ArrayLike<number>, to = this.indices): void {
    this.sendInstead(content, home, this.updates(content, home, values), to);
  }

  get indices(): number[] {
    return this.aggregators.map(({ index }) => index);
  }

  /** What an aggregator's last acks say of a home's updates. */
  acks(home: string, to: TestAggregator): UpdateAck[] {
    to.aggregator.commit();
    const topic = topicOf("ack", { meter: home, agg: String(to.index) });
    const opener = createAckOpener(this.system.rootKey(home, to.index), home, to.index);
    const own = to.take().filter((message) => message.topic === topic);
    return own.flatMap(({ payload }) => opener.open(payload).ack.updates ?? []);
  }

  /** The round closes, and the utility goes through it. */
  async finish(content: RoundContent, seconds = 20): Promise<ModelRound> {
    this.setTime(content.closesAt + 2);
    await this.harness.run(seconds);
    return await this.row(content);
  }

  async row(content: RoundContent): Promise<ModelRound> {
    const { db } = this.harness.utility;
    return await db
      .selectFrom("model_rounds")
      .selectAll()
      .where("round", "=", roundOf(content))
      .executeTakeFirstOrThrow();
  }

  async #answer(index: number, request: RoundRequest): Promise<RoundAnswer | undefined> {
    const to = this.aggregators[index - 1]!;
    if (this.harness.aggregators[index - 1]!.down) return undefined;
    this.asked.push({ index, request });
    const [answer] = (await this.system.ask(to, this.change(request))) as (RoundAnswer | undefined)[];
    return answer && this.tamper(index, answer);
  }
}

/** What a home shares of its integers. */
function elementsFor(values: ArrayLike<number>, { vector, bound }: RoundContent): BigUint64Array {
  return bound === undefined ? packLanes(values, vector) : boundElements(Array.from(values), { vector, bound });
}

/** The coordinates that were opened; undefined for none. */
export function opened({ sum }: ModelRound): number[] | undefined {
  return sum === null ? undefined : coordinatesOf("int64", sum);
}

/** A home's integers: any within the round's norm. */
export function vectorOf(home: number, length: number): number[] {
  return Array.from({ length }, (_, i) => ((home * 7919 + i * 104_729) % 2_001) - 1_000);
}

/** Coordinate by coordinate. */
export function sumOf(vectors: readonly (readonly number[])[]): number[] {
  return vectors[0]!.map((_, i) => vectors.reduce((sum, vector) => sum + vector[i]!, 0));
}
