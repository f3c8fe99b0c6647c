/**
 * A home that learns, with its aggregators, in one process. The aggregators do no more than the wire contract asks: open,
 * remember by round, acknowledge. Time passes when the test says so; a new start on the same database is a kill.
 */
import { createHash, generateKeyPairSync } from "node:crypto";
import Database from "better-sqlite3";
import { configSchema } from "../../../../config/schema.ts";
import { seededBytes } from "../../../../protocol/ckks/ring/sample.ts";
import { createAckSealer, createUpdateOpener, type UpdateMessage } from "../../../../protocol/envelope/index.ts";
import { type PrivacyBudget, type RoundContent, signAnnouncement } from "../../../../protocol/learning/index.ts";
import type { UpdateCode } from "../../../../protocol/messages/ack-codes.ts";
import { KINDS } from "../../../../protocol/units.ts";
import { MeterAgent } from "../../agent.ts";
import type { AgentLink } from "../../agent-options.ts";
import { Outbox } from "../../outbox.ts";
import { agentSettings } from "../../settings.ts";
import { LearningAgent, type LearningEvent } from "../learning-agent.ts";
import type { LearningPolicy, LearningRoom } from "../policy.ts";
import { DurablePrivacyGuard } from "../privacy-guard.ts";
import { UpdateStore } from "../store.ts";
import type { Trainer } from "../tasks.ts";

const AGGREGATORS = [1, 2, 3];
const sign = generateKeyPairSync("ed25519");
const analytics = { id: "analytics", signKey: sign.privateKey };
const directory = {
  servers: new Map([["analytics", { role: "analytics" as const, signKey: sign.publicKey }]]),
};
const config = configSchema.parse({});

/** Lets everything happen that needs no time. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

export interface RigOptions {
  readonly meter?: string;
  readonly policy?: Partial<LearningPolicy>;
  readonly room?: Partial<LearningRoom>;
  readonly budget?: PrivacyBudget;
  readonly trainer?: Trainer;
  readonly database?: Database.Database;
}

/** One message of an update, as it went out: over the first connection, or as bulk. */
export interface SentUpdate {
  readonly way: "first" | "bulk";
  readonly aggregator: number;
  readonly round: string;
  readonly payload: Buffer;
}

export class LearningRig {
  readonly meter: string;
  readonly database: Database.Database;
  readonly events: LearningEvent[] = [];
  readonly refused: unknown[] = [];
  readonly sent: SentUpdate[] = [];
  /** By aggregator and round: what was stored. */
  readonly stored = new Map<string, UpdateMessage>();
  /** What aggregators answer; undefined for no answer. */
  answer: (aggregator: number) => UpdateCode | undefined = () => 0;
  connected = true;
  /** Unix seconds. */
  time = 1_700_000_000;
  monotonic = 1_000;
  trainings = 0;
  agent: MeterAgent;
  learning: LearningAgent;
  outbox: Outbox;
  guard: DurablePrivacyGuard;
  store: UpdateStore;
  readonly #options: RigOptions;
  readonly #rootKeys: ReadonlyMap<number, Uint8Array>;
  readonly #sealers;
  #counter = 0;
  #starts = 0;

  constructor(options: RigOptions = {}) {
    this.#options = options;
    this.meter = options.meter ?? "m-001";
    const keyOf = (x: number): Uint8Array =>
      Uint8Array.from(createHash("sha256").update(`${this.meter} ${x}`).digest());
    this.#rootKeys = new Map(AGGREGATORS.map((x) => [x, keyOf(x)]));
    this.#sealers = new Map(AGGREGATORS.map((x) => [x, createAckSealer(keyOf(x), this.meter, x)]));
    this.database = options.database ?? new Database(":memory:");
    [this.outbox, this.agent, this.guard, this.store, this.learning] = this.#boot();
    this.agent.onConnect();
  }

  /** Kills the meter without a word and starts it on the same database: what was not committed is lost. */
  async restart(): Promise<void> {
    [this.outbox, this.agent, this.guard, this.store, this.learning] = this.#boot();
    this.agent.onConnect();
    await settle();
  }

  #boot(): [Outbox, MeterAgent, DurablePrivacyGuard, UpdateStore, LearningAgent] {
    const start = ++this.#starts;
    const outbox = new Outbox(this.database);
    const isConnected = (): boolean => this.connected && this.#starts === start;
    const link: AgentLink = {
      get connected() {
        return isConnected();
      },
      send: (topic, payload, _options, done) => {
        done();
        if (isConnected()) this.#onSent(topic, payload, "first");
      },
    };
    const bulk = {
      post: (topic: string, payload: Uint8Array, wanted: () => boolean) => {
        if (this.#starts === start && wanted()) this.#onSent(topic, payload, "bulk");
      },
    };
    const secrets = { meter: this.meter, polynomialKey: this.#rootKeys.get(1)!, rootKeys: this.#rootKeys };
    const monotonic = (): number => this.monotonic;
    const random = seededBytes(this.#rootKeys.get(2)!, `start ${start}`);
    const agent = new MeterAgent({
      ...{ secrets, outbox, link, monotonic },
      settings: { ...agentSettings(config, 2), batchSlots: 1 },
      randomBytes: random,
      events: { refused: (_meter, error) => this.refused.push(error) },
    });
    const store = new UpdateStore(this.database, outbox);
    const { budget = { epsilon: 8, delta: 1e-5 }, policy, room, trainer } = this.#options;
    const guard = new DurablePrivacyGuard(this.database, agent.number, budget);
    const learning = new LearningAgent({
      ...{ secrets, number: agent.number, threshold: 2, guard, store, link, bulk },
      ...{ monotonic, directory, resendSeconds: 10 },
      policy: { minMeters: 2, colluderShare: 0, minNoise: 0, exact: true, ...policy },
      room: { rounds: 16, seconds: 200_000_000, ...room },
      own: {
        slotSeconds: 900,
        readings: (kind, slots) => outbox.readingsOf(agent.number, kind, slots),
        nextSlot: (kind) => agent.nextSlot(kind),
      },
      trainer: trainer && {
        train: (task, own) => {
          this.trainings += 1;
          return trainer.train(task, own);
        },
      },
      isOpen: (x) => agent.isOpen(x),
      randomBytes: random,
      now: () => this.time,
      events: {
        learning: (_meter, event) => {
          if (this.#starts === start) this.events.push(event);
        },
        refused: (_meter, error) => this.refused.push(error),
      },
    });
    agent.attach(learning);
    return [outbox, agent, guard, store, learning];
  }

  #onSent(topic: string, payload: Uint8Array | string, way: SentUpdate["way"]): void {
    const { agent } = this;
    const [, , , , what, round, to] = topic.split("/");
    if (what === "status") {
      const { challenge, boot } = JSON.parse(String(payload)) as { challenge: string; boot: number };
      const hello = { challenge: Buffer.from(challenge, "hex"), boot: boot + 1 };
      setImmediate(() => {
        for (const x of AGGREGATORS) this.#ack(x, { hello });
      });
    } else if (what === "fl") {
      const x = Number(to);
      const bytes = Buffer.from(payload as Uint8Array);
      this.sent.push({ way, aggregator: x, round: round!, payload: bytes });
      setImmediate(() => {
        if (agent === this.agent) this.#onUpdate(x, round!, bytes);
      });
    }
  }

  #onUpdate(x: number, round: string, payload: Uint8Array): void {
    const code = this.answer(x);
    if (code === undefined) return;
    const update = createUpdateOpener(this.#rootKeys.get(x)!, this.meter, x).open(round, payload);
    const key = `${x} ${round}`;
    const known = this.stored.get(key);
    if (code === 0 && known === undefined) this.stored.set(key, update);
    const again = known !== undefined && Buffer.compare(known.tag, update.tag) === 0 ? 1 : 2;
    this.#ack(x, { updates: [{ round, code: code === 0 && known !== undefined ? again : code }] });
  }

  #ack(x: number, content: object): void {
    const number = { boot: 1, counter: this.#counter++ };
    const ack = { time: 1, highest: { boot: 0, counter: 0 }, entries: [], ...content };
    if (this.connected) this.agent.onMessage(`wv/1/a/${x}/ack/${this.meter}`, this.#sealers.get(x)!.seal(number, ack));
  }

  read(firstSlot: number, readings: readonly number[]): void {
    this.agent.addReadings(KINDS.import, firstSlot, readings);
    this.outbox.flush();
  }

  /** Announces a round and lets everything happen that follows at once. */
  async announce(content: RoundContent, signer = analytics): Promise<void> {
    this.learning.accept("wv/1/pub/learn/announce", signAnnouncement(content, signer));
    await this.learning.idle();
    await settle();
  }

  /** So many seconds later. */
  async tick(seconds = 11): Promise<void> {
    this.monotonic += 1_000 * seconds;
    this.time += seconds;
    this.agent.tick();
    this.learning.tick();
    await settle();
  }

  codes(): string[] {
    return this.events.map(({ code, who }) => (who === undefined ? code : `${code} ${who}`));
  }
}
