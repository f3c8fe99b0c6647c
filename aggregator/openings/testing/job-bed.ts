/** Aggregators with meters that have vouched for ciphertexts, and analytics that asks: what tests of openings start from. */
import { createHash } from "node:crypto";
import { bitmapOf, fullBitmap } from "../../../protocol/bitmap.ts";
import { encodeTranscript, jobIdOf, type Transcript, transcriptHash } from "../../../protocol/ckks/job.ts";
import { type CkksParameters, parametersId } from "../../../protocol/ckks/parameters.ts";
import {
  ChunkAssembler,
  openServerMessage,
  sealServerMessage,
  signReady,
  splitChunks,
} from "../../../protocol/envelope/index.ts";
import type { CkksEpoch } from "../../../protocol/keys/index.ts";
import type { JobAnswer, JobRequest, PartialMessage } from "../../../protocol/messages/ckks.ts";
import { aggregatorId } from "../../../protocol/names.ts";
import { parseTopic, topicOf } from "../../../protocol/topics.ts";
import { ReleaseStore } from "../../release/release-store.ts";
import { SETTINGS, TestAggregator, TestMeter, TestSystem } from "../../testing/system.ts";
import type { JobDeskSettings } from "../job-desk.ts";
import type { SeriesBook, SeriesRule } from "../job-rules.ts";
import { KeyBook } from "../key-book.ts";
import type { Machine } from "../machine.ts";
import { outputOf, SumMachine } from "./sum-machine.ts";

const LIGHT: CkksParameters = { name: "light", degree: 2048, primeBits: [27, 27, 20], scaleBits: 20 };
export const WINDOW = 8;

const RULE: SeriesRule = {
  ...{ kind: 1, set: "light", isEnergy: true, firstSlotOnly: false, width: 1, maxValue: 1000, sumsOnly: true },
  level: () => 2,
};
const SERIES = new Map<string, SeriesRule>([
  ["load", RULE],
  ["squares", { ...RULE, isEnergy: false }],
  ["peaks", { ...RULE, isEnergy: false, firstSlotOnly: true }],
  ["export", { ...RULE, kind: 2 }],
  ["heavy", { ...RULE, set: "strong" }],
]);

const LIGHT_EPOCH: CkksEpoch = {
  ...{ epoch: 1, dealing: new Uint8Array(16), created: 0, n: 3, t: 2, insecureForTests: true },
  sets: new Map([["light", { parameters: LIGHT, galoisSteps: [], digests: { publicKey: new Uint8Array(32) } }]]),
};

/** What an aggregator of the bed says to others. */
export type Said = JobAnswer | PartialMessage;

export class JobBed {
  readonly system = new TestSystem();
  readonly machines: SumMachine[] = [];
  readonly ciphertexts = new Map<string, Uint8Array>();
  readonly from: number;
  readonly #folder: string;
  readonly #limits: JobDeskSettings["limits"];
  readonly #minMeters: number;
  readonly #transcripts = new Map<string, Uint8Array>();
  openings = 100;
  /** The keys that are dealt, the series under them, and who computes for an aggregator. */
  /** Dealt; a longer list is a redealing. */
  epochs: readonly CkksEpoch[] = [LIGHT_EPOCH];
  series: SeriesBook = SERIES;
  machineOf: (index: number) => Machine = () => {
    const machine = new SumMachine();
    this.machines.push(machine);
    return machine;
  };

  constructor(
    folder: string,
    { minMeters = 2, limits = {} }: { minMeters?: number; limits?: JobDeskSettings["limits"] } = {},
  ) {
    this.#folder = folder;
    this.#minMeters = minMeters;
    this.#limits = limits;
    this.from = this.system.slot - 20;
  }

  meters(feeder: string, ...names: string[]): void {
    for (const name of names) this.system.addMeter(name, feeder);
  }

  start(index = 1): TestAggregator {
    return new TestAggregator(this.system, index, this.#folder, { ...SETTINGS, minMeters: this.#minMeters }, () => ({
      keys: new KeyBook(() => this.epochs),
      series: this.series,
      openings: this.openings,
      machine: () => this.machineOf(index),
      limits: this.#limits!,
    }));
  }

  /** The meter's ciphertext of a series; its first byte is what is added up. */
  ciphertext(meter: string, series = "load"): Uint8Array {
    const key = `${meter} ${series}`;
    const known = this.ciphertexts.get(key) ?? Uint8Array.from(Buffer.from(`\u0007 ${key}`));
    this.ciphertexts.set(key, known);
    return known;
  }

  digest(meter: string, series = "load"): Uint8Array {
    return Uint8Array.from(createHash("sha256").update(this.ciphertext(meter, series)).digest());
  }

  /** Meters vouch for their ciphertexts; `slots`: those with a value. */
  vouch(
    to: TestAggregator,
    names: readonly string[],
    { series = "load", slots }: { series?: string; slots?: number[] } = {},
  ) {
    const presence = slots === undefined ? fullBitmap(WINDOW) : bitmapOf(WINDOW, slots);
    for (const name of names) {
      const meter = new TestMeter(name, to, this.system.rootKey(name, to.index));
      meter.vouch({ series, firstSlot: this.from, slots: WINDOW, presence, digest: this.digest(name, series) });
    }
    to.aggregator.commit();
    to.take();
  }

  /** As if the utility's sets had been endorsed, by q aggregators unless `proven` is false. */
  endorse(
    at: TestAggregator,
    feeder: string,
    names: readonly string[],
    { kind = 1, slots = [0, 1, 2, 3, 4, 5, 6, 7], proven = true } = {},
  ) {
    const store = new ReleaseStore(at.db);
    const setId = Buffer.alloc(32, proven ? 1 : 2);
    if (store.set(setId) === undefined) store.addSet(setId, setId, setId);
    if (proven) store.setEndorsements(setId, setId);
    const numbers = names.map((name) => at.aggregator.keys.numberOf(name)!);
    for (const slot of slots) store.addLoad(feeder, kind, this.from + slot, setId, numbers);
  }

  transcript(names: readonly string[], fields: Partial<Transcript> = {}): Transcript {
    const { series = ["load"] } = fields;
    const inputs = names
      .toSorted()
      .flatMap((meter) => series.map((name) => ({ meter, series: name, digest: this.digest(meter, name) })));
    const sum = inputs.reduce((all, { meter, series: name }) => all + this.ciphertext(meter, name)[0]!, 0);
    return {
      ...{ epoch: 1, parametersId: parametersId(LIGHT), circuit: "sum", parameters: {}, series },
      ...{ firstSlot: this.from, slots: WINDOW, feeders: ["f-1"], inputs, outputs: [outputOf(sum).output] },
      ...fields,
    };
  }

  /** Does not wait for what it leads to. */
  async send(to: TestAggregator, job: string, request: JobRequest): Promise<void> {
    const sealed = await sealServerMessage(request, this.system.party("analytics"), aggregatorId(to.index));
    const topic = topicOf("jobRequest", { job, agg: String(to.index) });
    for (const chunk of splitChunks(sealed)) to.aggregator.handle(topic, chunk);
  }

  async tell(to: TestAggregator, job: string, request: JobRequest): Promise<Said[]> {
    to.take();
    await this.send(to, job, request);
    await to.aggregator.idle();
    return await this.said(to);
  }

  async said(to: TestAggregator): Promise<Said[]> {
    const chunks = new ChunkAssembler(() => 0);
    const said: Said[] = [];
    for (const { topic, payload } of to.take()) {
      const reader = parseTopic(topic)?.name === "jobPartial" ? "utility" : "analytics";
      const whole = chunks.add(aggregatorId(to.index), payload);
      if (whole !== undefined) said.push((await openServerMessage(whole, this.system.party(reader))).message as Said);
    }
    return said;
  }

  /** Tells a job and brings what is asked for, until the last answer. */
  async run(
    to: TestAggregator,
    transcript: Transcript,
    bring = (meter: string, series: string) => this.ciphertext(meter, series),
  ) {
    const bytes = encodeTranscript(transcript);
    const job = jobIdOf(bytes);
    this.#transcripts.set(job, bytes);
    let [answer] = await this.tell(to, job, { type: "job", transcript: bytes });
    while (answer?.type === "need") {
      const items = answer.inputs.map(([meter, series]): [string, string, Uint8Array<ArrayBuffer>] => [
        meter,
        series,
        Uint8Array.from(bring(meter, series)),
      ]);
      [answer] = await this.tell(to, job, { type: "inputs", items });
    }
    return { job, answer };
  }

  /** `ready`: whose word that it is ready goes with it. */
  async open(to: TestAggregator, job: string, active: number[], ready = [1, 2]): Promise<Said | undefined> {
    return (await this.tell(to, job, this.openRequest(job, active, ready)))[0];
  }

  openRequest(job: string, active: number[], ready = [1, 2]): JobRequest {
    return { type: "open", job, active, ready: ready.map((index) => this.word(job, index)) };
  }

  /** What an aggregator signs when it is ready; `signer`: whose key it is signed with. */
  word(job: string, index: number, signer = index): Uint8Array<ArrayBuffer> {
    const transcript = transcriptHash(this.#transcripts.get(job) ?? new Uint8Array(0));
    return Uint8Array.from(signReady(transcript, index, this.system.party(aggregatorId(signer))));
  }
}
