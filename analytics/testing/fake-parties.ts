/**
 * Aggregators, a utility and meters that speak the real messages over a real broker, without any mathematics: they
 * check that what they get fits together, and answer as the protocol says.
 */
import { createHash } from "node:crypto";
import { openParty, type Party } from "../../config/keys/index.ts";
import { connectLink, type Link } from "../../config/runtime/link.ts";
import {
  ChunkAssembler,
  type CiphertextAck,
  openCiphertextAck,
  openServerMessage,
  readyOf,
  sealCiphertext,
  sealServerMessage,
  signReady,
  splitChunks,
} from "../../protocol/envelope/index.ts";
import {
  type JobAnswer,
  type JobOutcome,
  type JobRefusalCode,
  jobRequest,
  type OpenJobMessage,
  outputMessage,
  packNumbers,
} from "../../protocol/messages/ckks.ts";
import { transcriptHash } from "../../protocol/ckks/job.ts";
import { filterOf, parseTopic, topicOf } from "../../protocol/topics.ts";
import { fakeOutput, jobOf, readTranscript } from "./fake-circuits.ts";

const QUIET = { info: () => {}, warn: () => {} };

export interface Place {
  readonly data: string;
  readonly port: number;
}

function partyOf({ data }: Place, id: string): Party {
  return openParty(`${data}/keys/${id}`);
}

function connect(
  place: Place,
  party: Party,
  subscriptions: readonly string[],
  onMessage: (topic: string, payload: Uint8Array) => void | Promise<void>,
): Promise<Link> {
  return connectLink({ party, host: "127.0.0.1", port: place.port, subscriptions, onMessage, log: QUIET });
}

/** Wakes whoever waits for something to become true, whenever something happens. */
export class Happenings {
  readonly #waiting = new Set<() => void>();

  happened(): void {
    for (const check of [...this.#waiting]) check();
  }

  until(condition: () => boolean, what: string, seconds = 30): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        clearInterval(ticker);
        this.#waiting.delete(check);
      };
      const check = (): void => {
        if (!condition()) return;
        end();
        resolve();
      };
      const timer = setTimeout(() => {
        end();
        reject(new Error(`not within ${seconds} s: ${what}`));
      }, seconds * 1_000);
      // What happens in another process shows only in its database.
      const ticker = setInterval(check, 50);
      this.#waiting.add(check);
      check();
    });
  }
}

type PassPartial = (job: string, index: number, active: readonly number[]) => void;

export class FakeAggregator {
  readonly index: number;
  readonly happenings: Happenings;
  /** Asked to refuse: the code it answers with instead of `ready`; `meters` are those of the inputs that it objects to. */
  refuses: { code: JobRefusalCode; meters: readonly string[] } | undefined;
  /** Told, but says nothing. */
  silent = false;
  /** Says that it is ready, and then does not open. */
  stalls = false;
  /** Signs another transcript than the one that it was told. */
  forges = false;
  readonly jobs = new Set<string>();
  readonly opened = new Map<string, readonly number[]>();
  /** Active sets that it was asked for, each time. */
  readonly asked: string[] = [];
  inputsReceived = 0;
  readonly #party: Party;
  readonly #chunks = new ChunkAssembler(() => 0);
  readonly #held = new Map<string, Uint8Array>();
  readonly #transcripts = new Map<string, Uint8Array>();
  readonly #passTo: PassPartial;
  link!: Link;

  private constructor(place: Place, index: number, happenings: Happenings, passTo: PassPartial) {
    this.index = index;
    this.happenings = happenings;
    this.#party = partyOf(place, `a-${index}`);
    this.#passTo = passTo;
  }

  static async open(
    place: Place,
    index: number,
    happenings: Happenings,
    utility: FakeUtility,
  ): Promise<FakeAggregator> {
    const it = new FakeAggregator(place, index, happenings, (...partial) => utility.partial(...partial));
    const filter = filterOf("jobRequest", { agg: String(index) });
    it.link = await connect(place, it.#party, [filter], (topic, payload) => it.#onMessage(topic, payload));
    return it;
  }

  async #onMessage(topic: string, payload: Uint8Array): Promise<void> {
    const job = parseTopic(topic)?.parameters.job ?? "";
    const whole = this.#add(payload);
    if (whole === undefined || this.silent) return;
    const { message } = await openServerMessage(whole, this.#party, "analytics");
    const request = jobRequest.parse(message);
    if (request.type === "job") {
      this.#transcripts.set(jobOf(request.transcript), request.transcript);
      this.jobs.add(job);
    }
    if (request.type === "inputs") {
      for (const [meter, series, bytes] of request.items) this.#held.set(this.#key(meter, series, bytes), bytes);
      this.inputsReceived += request.items.length;
    }
    if (request.type === "open" && this.stalls) return;
    if (request.type === "open") this.#open(request);
    else await this.#answer(job);
    this.happenings.happened();
  }

  /** A repeat of a chunk is none of this party's concern. */
  #add(payload: Uint8Array): Uint8Array | undefined {
    try {
      return this.#chunks.add("analytics", payload);
    } catch {
      return undefined;
    }
  }

  #key(meter: string, series: string, bytes: Uint8Array): string {
    return `${meter} ${series} ${createHash("sha256").update(bytes).digest("hex")}`;
  }

  async #answer(job: string): Promise<void> {
    const transcript = this.#transcripts.get(job);
    if (transcript === undefined) {
      await this.#say({ type: "refuse", job, code: "unknown-job", detail: "", where: [] });
      return;
    }
    const { inputs, outputs } = readTranscript(transcript);
    const held = inputs.map(([meter, series, digest]) =>
      this.#held.get(`${meter} ${series} ${Buffer.from(digest).toString("hex")}`),
    );
    const missing = inputs.filter((_, i) => held[i] === undefined);
    if (missing.length > 0) {
      const wanted = missing.map(([meter, series]): [string, string] => [meter, series]);
      await this.#say({ type: "need", job, inputs: wanted });
      return;
    }
    if (this.refuses !== undefined) {
      const { code, meters } = this.refuses;
      const where = inputs.flatMap(([meter], i) => (meters.includes(meter) ? [i] : []));
      await this.#say({ type: "refuse", job, detail: "as the test says", code, where });
      return;
    }
    if (!Buffer.from(outputs[0]!).equals(fakeOutput(held as Uint8Array[]))) {
      await this.#say({ type: "refuse", job, code: "other-output", detail: "", where: [] });
      return;
    }
    await this.#say({ type: "ready", job, endorsement: Uint8Array.from(this.#word(transcript)) });
  }

  async #say(answer: JobAnswer): Promise<void> {
    const sealed = await sealServerMessage(answer, this.#party, "analytics");
    const topic = topicOf("jobAnswer", { agg: String(this.index), job: answer.job, type: answer.type });
    for (const chunk of splitChunks(sealed)) this.link.send(topic, chunk);
  }

  #word(transcript: Uint8Array): Uint8Array {
    return signReady(transcriptHash(this.forges ? new Uint8Array(1) : transcript), this.index, this.#party);
  }

  #open({ job, active, ready }: OpenJobMessage): void {
    const words = readyOf(ready, transcriptHash(this.#transcripts.get(job)!), this.#party.directory);
    if (words.size < this.#party.directory.q) throw new Error(`${words.size} words for job ${job}`);
    this.asked.push(active.join());
    const before = this.opened.get(job);
    if (before !== undefined && before.join() !== active.join()) {
      void this.#say({ type: "refuse", job, code: "other-active-set", detail: "", where: [] });
      return;
    }
    this.opened.set(job, active);
    this.#passTo(job, this.index, active);
  }
}

export class FakeUtility {
  /** What it tells in place of the result. */
  fails: Extract<JobOutcome, { type: "failed" }>["code"] | undefined;
  silent = false;
  readonly outputs = new Map<string, { active: readonly number[]; c0: readonly Uint8Array[] }>();
  readonly results: string[] = [];
  readonly #partials = new Map<string, Set<number>>();
  readonly #party: Party;
  readonly #chunks = new ChunkAssembler(() => 0);
  readonly #happenings: Happenings;
  link!: Link;

  private constructor(place: Place, happenings: Happenings) {
    this.#party = partyOf(place, "utility");
    this.#happenings = happenings;
  }

  static async open(place: Place, happenings: Happenings): Promise<FakeUtility> {
    const it = new FakeUtility(place, happenings);
    it.link = await connect(place, it.#party, [filterOf("jobOutput")], (_, payload) => it.#onOutput(payload));
    return it;
  }

  partial(job: string, index: number, active: readonly number[]): void {
    const key = `${job} ${active.join()}`;
    const seen = this.#partials.get(key) ?? new Set();
    this.#partials.set(key, seen.add(index));
    void this.#tell(job);
  }

  async #onOutput(payload: Uint8Array): Promise<void> {
    const whole = this.#chunks.add("analytics", payload);
    if (whole === undefined) return;
    const { message } = await openServerMessage(whole, this.#party, "analytics");
    const { transcript, active, c0 } = outputMessage.parse(message);
    const job = jobOf(transcript);
    const before = this.outputs.get(job);
    if (before !== undefined && before.active.join() !== active.join()) throw new Error(`two active sets for ${job}`);
    this.outputs.set(job, { active, c0 });
    await this.#tell(job, before !== undefined);
  }

  /** `repeated`: analytics asks again, and hears who is missing. */
  async #tell(job: string, repeated = false): Promise<void> {
    const output = this.outputs.get(job);
    if (output === undefined || this.silent) return;
    const { active } = output;
    const here = this.#partials.get(`${job} ${active.join()}`) ?? new Set();
    const missing = active.filter((index) => !here.has(index));
    if (missing.length > 0 && !repeated) return;
    const outcome: JobOutcome = missing.length > 0 ? { type: "waiting", job, missing } : this.#outcome(job, active);
    const sealed = await sealServerMessage(outcome, this.#party, "analytics");
    for (const chunk of splitChunks(sealed)) this.link.send(topicOf("jobResult", { job }), chunk);
    if (missing.length > 0) return;
    this.results.push(job);
    this.#happenings.happened();
  }

  #outcome(job: string, active: readonly number[]): JobOutcome {
    return this.fails === undefined
      ? { type: "result", job, active: [...active], meters: [3], outputs: [packNumbers([1, 2, 3])], residue: 0.01 }
      : { type: "failed", job, code: this.fails, detail: "as the test says" };
  }
}

/** Sends as any number of meters; each needs its own connection. */
export class FakeMeter {
  readonly id: string;
  readonly acks: CiphertextAck[] = [];
  readonly #party: Party;
  readonly #happenings: Happenings;
  link!: Link;

  private constructor(place: Place, id: string, happenings: Happenings) {
    this.id = id;
    this.#party = partyOf(place, id);
    this.#happenings = happenings;
  }

  static async open(place: Place, id: string, happenings: Happenings): Promise<FakeMeter> {
    const it = new FakeMeter(place, id, happenings);
    it.link = await connect(place, it.#party, [filterOf("heAck", { meter: id })], (_, payload) => {
      it.acks.push(openCiphertextAck(payload, id, it.#party.directory));
      happenings.happened();
    });
    return it;
  }

  async send(series: string, bytes: Uint8Array): Promise<void> {
    const sealed = await sealCiphertext(bytes, this.id, this.#party.directory);
    const topic = topicOf("heCiphertext", { meter: this.id, series });
    for (const chunk of splitChunks(sealed)) await this.link.publish(topic, chunk).catch(() => {});
  }

  /** Resolves with the answer to these bytes. */
  async answerTo(bytes: Uint8Array): Promise<CiphertextAck> {
    const digest = createHash("sha256").update(bytes).digest();
    const found = (): CiphertextAck | undefined => this.acks.findLast((ack) => digest.equals(ack.digest));
    await this.#happenings.until(() => found() !== undefined, `an answer to ${this.id}`);
    return found()!;
  }
}
