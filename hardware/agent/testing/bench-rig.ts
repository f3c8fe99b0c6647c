/**
 * A meter with its aggregators and a link in one process, for tests of the agent alone. The aggregators here do no more
 * than the wire contract asks: open, remember, acknowledge. Time and commits happen when the test says so.
 */
import Database from "better-sqlite3";
import { bitEntryBytes } from "../../../protocol/range/bit-entries.ts";
import { createAckSealer, createShareOpener, ENTRY_BYTES } from "../../../protocol/envelope/index.ts";
import { ACK_CODES, type AckCode, type AckEntry, type MessageNumber } from "../../../protocol/messages/ack-codes.ts";
import { cellKey } from "../pending-runs.ts";
import { MeterAgent } from "../agent.ts";
import type { AgentLink, AgentSettings, MeterSecrets } from "../agent-options.ts";
import { type Gap, Outbox } from "../outbox.ts";

const METER = "m-001";

const SECRETS: MeterSecrets = {
  meter: METER,
  polynomialKey: new Uint8Array(32).fill(9),
  rootKeys: new Map([1, 2, 3].map((index) => [index, new Uint8Array(32).fill(index)])),
};

const SETTINGS: AgentSettings = {
  threshold: 2,
  bits: {},
  slotSeconds: 900,
  boundaryToleranceSeconds: 45,
  maxIntervalWh: 100_000,
  registerModulus: 1_000_000_000,
  batchSlots: 1,
  maxSlotsPerMessage: 96,
  outboxSlots: 2_976,
  resendSeconds: 2,
  maxInFlight: 16,
  historyDays: 400,
};

export interface Received {
  readonly kind: number;
  readonly firstSlot: number;
  readonly number: MessageNumber;
  readonly bits: number;
  readonly entries: Buffer;
}

/** Opens share messages and answers hellos, with its memory of boots as the only state. */
class FakeAggregator {
  readonly index: number;
  readonly received: Received[] = [];
  readonly cells = new Map<number, Buffer>();
  highestBoot = 0;
  readonly #opener;
  #sealer;
  #counter = 0;
  #challenge = "";

  constructor(index: number) {
    this.index = index;
    const key = SECRETS.rootKeys.get(index)!;
    this.#opener = createShareOpener(key, METER, index);
    this.#sealer = createAckSealer(key, METER, index);
  }

  get topic(): string {
    return `wv/1/a/${this.index}/ack/${METER}`;
  }

  /** Forgets its counters, as an aggregator restored from an old backup would; boots are kept unless asked. */
  restore(highestBoot: number): void {
    this.highestBoot = highestBoot;
    this.#counter = 0;
    this.#challenge = "";
    this.#sealer = createAckSealer(SECRETS.rootKeys.get(this.index)!, METER, this.index);
  }

  hello(challenge: string, boot: number): Uint8Array {
    if (challenge !== this.#challenge) {
      this.#challenge = challenge;
      this.highestBoot = Math.max(this.highestBoot, boot) + 1;
    }
    return this.seal([], { challenge: Buffer.from(challenge, "hex"), boot: this.highestBoot });
  }

  seal(entries: readonly AckEntry[], hello?: { challenge: Uint8Array; boot: number }): Uint8Array {
    const highest = this.received.at(-1)?.number ?? { boot: 0, counter: 0 };
    const number = { boot: 1, counter: this.#counter++ };
    return this.#sealer.seal(number, {
      time: 1_700_000_000,
      highest,
      entries,
      ...(hello === undefined ? {} : { hello }),
    });
  }

  /** Opens, stores and acknowledges one message. */
  take(payload: Uint8Array, code: AckCode = ACK_CODES.stored): Uint8Array {
    const { kind, firstSlot, number, bits, entries } = this.#opener.open(payload);
    const copy = Buffer.from(entries);
    this.received.push({ kind, firstSlot, number, bits, entries: copy });
    const size = bits === 0 ? ENTRY_BYTES : bitEntryBytes(bits);
    const count = copy.length / size;
    for (let i = 0; i < count; i++) {
      this.cells.set(cellKey(kind, firstSlot + i), copy.subarray(size * i, size * (i + 1)));
    }
    return this.seal([{ kind, firstSlot, count, code }]);
  }
}

export interface SentMessage {
  readonly topic: string;
  readonly payload: Buffer;
}

/** Everything around one agent. `database` outlives agents: a new agent on it is a restart. */
export class Rig {
  readonly aggregators = [1, 2, 3].map((index) => new FakeAggregator(index));
  readonly sent: SentMessage[] = [];
  readonly gaps: Gap[] = [];
  readonly refused: unknown[] = [];
  connected = true;
  now = 1_000;
  agent: MeterAgent;
  outbox: Outbox;
  #commit: () => void = () => undefined;
  #challenges = 0;

  readonly #settings: AgentSettings;
  database: Database.Database;

  constructor(settings: Partial<AgentSettings> = {}, database: Database.Database = new Database(":memory:")) {
    this.#settings = { ...SETTINGS, ...settings };
    this.database = database;
    this.outbox = this.#openOutbox();
    this.agent = this.#boot();
  }

  #openOutbox(): Outbox {
    return new Outbox(this.database, (flush) => {
      this.#commit = flush;
    });
  }

  #boot(): MeterAgent {
    const isConnected = (): boolean => this.connected;
    const link: AgentLink = {
      get connected() {
        return isConnected();
      },
      send: (topic, payload, _options, done) => {
        this.sent.push({ topic, payload: Buffer.from(payload) });
        done();
      },
    };
    return new MeterAgent({
      secrets: SECRETS,
      settings: this.#settings,
      outbox: this.outbox,
      link,
      randomBytes: (size) => new Uint8Array(size).fill(++this.#challenges),
      monotonic: () => this.now,
      events: { gap: (_meter, gap) => this.gaps.push(gap), refused: (_meter, error) => this.refused.push(error) },
    });
  }

  /** Loses everything that was not committed and starts the meter again, on the same or another database. */
  restart(database: Database.Database = this.database): void {
    this.database = database;
    this.#commit = () => undefined;
    this.outbox = this.#openOutbox();
    this.agent = this.#boot();
    this.agent.onConnect();
  }

  commit(): void {
    const commit = this.#commit;
    this.#commit = () => undefined;
    commit();
  }

  /** Share messages sent to an aggregator so far, taken out of the list. */
  takeShares(index: number): Buffer[] {
    const topic = `wv/1/m/${METER}/share/${index}`;
    const taken = this.sent.filter((message) => message.topic === topic);
    for (const message of taken) this.sent.splice(this.sent.indexOf(message), 1);
    return taken.map((message) => message.payload);
  }

  /** Answers the last hello for the given aggregators. */
  answerHello(indices: readonly number[] = [1, 2, 3]): void {
    const status = this.sent.findLast((message) => message.topic.endsWith("/status"));
    if (status === undefined) throw new Error("the meter has not said hello");
    const { challenge, boot } = JSON.parse(status.payload.toString()) as { challenge: string; boot: number };
    for (const index of indices) {
      const aggregator = this.aggregators[index - 1]!;
      this.agent.onMessage(aggregator.topic, aggregator.hello(challenge, boot));
    }
  }

  /** Delivers everything sent to the given aggregators and their acks, until nothing moves. */
  deliver(indices: readonly number[] = [1, 2, 3], code?: AckCode): number {
    let count = 0;
    for (let moved = true; moved; ) {
      moved = false;
      for (const index of indices) {
        const aggregator = this.aggregators[index - 1]!;
        for (const payload of this.takeShares(index)) {
          this.agent.onMessage(aggregator.topic, aggregator.take(payload, code));
          count++;
          moved = true;
        }
      }
    }
    return count;
  }
}
