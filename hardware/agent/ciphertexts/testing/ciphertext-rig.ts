/**
 * A meter that encrypts, with its aggregators, analytics and both connections in one process. The parties here do no
 * more than the wire contract asks; the encryptor makes no real ciphertext. Time passes when the test says so.
 */
import { createHash, generateKeyPairSync, randomBytes } from "node:crypto";
import Database from "better-sqlite3";
import { configSchema } from "../../../../config/schema.ts";
import { seriesShape } from "../../../../config/ckks-series.ts";
import { PARAMETER_SETS } from "../../../../protocol/ckks/parameters.ts";
import {
  ChunkAssembler,
  type CiphertextAck,
  createAckSealer,
  createDigestOpener,
  createShareOpener,
  type CiphertextDigest,
  ENTRY_BYTES,
  openCiphertext,
  sealCiphertext,
  signCiphertextAck,
} from "../../../../protocol/envelope/index.ts";
import { rawPublicKey } from "../../../../protocol/keys/index.ts";
import { ACK_CODES, type AckCode, type AckEntry, type DigestAck } from "../../../../protocol/messages/ack-codes.ts";
import { KINDS } from "../../../../protocol/units.ts";
import { MeterAgent } from "../../agent.ts";
import type { AgentLink } from "../../agent-options.ts";
import { BulkCourier } from "../../bulk/bulk-courier.ts";
import type { BulkLinkHandlers } from "../../bulk/bulk-session.ts";
import { Turns } from "../../bulk/turns.ts";
import { Outbox } from "../../outbox.ts";
import { agentSettings } from "../../settings.ts";
import { CiphertextAgent, type CiphertextEvent, type CiphertextSettings } from "../ciphertext-agent.ts";
import type { EncryptionRequest } from "../encryption.ts";
import { CiphertextStore } from "../store.ts";
import { WindowCalendar } from "../../../../config/windows.ts";

const METER = "m-001";
const AGGREGATORS = [1, 2, 3];
const rootKeys = new Map(AGGREGATORS.map((index) => [index, new Uint8Array(32).fill(index)]));

const sign = generateKeyPairSync("ed25519");
const seal = generateKeyPairSync("x25519");
const analyticsSigner = { id: "analytics", signKey: sign.privateKey };
const directory = {
  servers: new Map([
    ["analytics", { role: "analytics" as const, signKey: sign.publicKey, sealKey: rawPublicKey(seal.publicKey) }],
  ]),
};

const config = configSchema.parse({});

/** Callbacks of the future, called when the test lets time pass. */
class Timers {
  now = 1_000;
  readonly #waiting = new Set<{ at: number; callback: () => void }>();

  readonly after = (milliseconds: number, callback: () => void): (() => void) => {
    const timer = { at: this.now + milliseconds, callback };
    this.#waiting.add(timer);
    return () => this.#waiting.delete(timer);
  };

  async advance(milliseconds: number): Promise<void> {
    const end = this.now + milliseconds;
    for (;;) {
      await settle();
      const [next] = [...this.#waiting].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#waiting.delete(next);
      this.now = Math.max(this.now, next.at);
      next.callback();
    }
    this.now = end;
    await settle();
  }
}

/** Lets everything happen that needs no time. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Two of three aggregators must have a reading. */
const LACKING = 2;

export interface BulkMessage {
  readonly at: number;
  readonly topic: string;
  readonly bytes: number;
}

/** What one start of the meter has in memory. */
interface Running {
  readonly agent: MeterAgent;
  readonly ciphertexts: CiphertextAgent;
  readonly bulk: BulkCourier;
  readonly outbox: Outbox;
}

export class CiphertextRig {
  readonly timers = new Timers();
  readonly settings: CiphertextSettings;
  readonly #bytesPerSecond: number;
  readonly requests: EncryptionRequest[] = [];
  readonly events: CiphertextEvent[] = [];
  readonly refused: unknown[] = [];
  readonly bulk: BulkMessage[] = [];
  readonly digests = new Map<number, CiphertextDigest[]>(AGGREGATORS.map((index) => [index, []]));
  /** Ciphertexts that analytics has taken, by series and first slot. */
  readonly stored = new Map<string, Uint8Array>();
  /** Every sealed message that came whole. */
  readonly sealed: Uint8Array[] = [];
  analyticsAnswers = true;
  analyticsCode: CiphertextAck["code"] | undefined;
  digestCode: (aggregator: number) => DigestAck["code"] | undefined = () => 0;
  shareCode: (aggregator: number, slot: number) => AckCode | undefined = () => ACK_CODES.stored;
  encryptedBytes = 1_000;
  failEncryption: Error | undefined;
  connected = true;
  connects = 0;
  closes = 0;
  /** Of the newest dealing. */
  epoch = 1;
  /** Unix seconds. */
  time = 0;
  database: Database.Database;
  running: Running;
  handlers: BulkLinkHandlers | undefined;
  #assembler = new ChunkAssembler(() => 0);
  #challenges = 0;
  #ackCounter = 0;
  readonly #sealers = new Map(AGGREGATORS.map((x) => [x, createAckSealer(rootKeys.get(x)!, METER, x)]));

  constructor(
    { bytesPerSecond = 250_000, ...settings }: Partial<CiphertextSettings & { bytesPerSecond: number }> = {},
    database: Database.Database = new Database(":memory:"),
  ) {
    const { homomorphic } = config;
    this.#bytesPerSecond = bytesPerSecond;
    this.settings = {
      shapes: [seriesShape(homomorphic, "load")],
      dealt: () => ({ epoch: this.epoch, parameters: new Map(Object.entries(PARAMETER_SETS)) }),
      slotSeconds: 900,
      graceSlots: 4,
      mostWh: 25_000,
      outboxWindows: 3,
      resendSeconds: 10,
      quietSeconds: 2,
      historyDays: 400,
      ...settings,
    };
    this.database = database;
    this.running = this.#boot();
  }

  get agent(): MeterAgent {
    return this.running.agent;
  }

  get ciphertexts(): CiphertextAgent {
    return this.running.ciphertexts;
  }

  /** Kills the meter without a word and starts it on the same or another database. */
  restart(database: Database.Database = this.database): void {
    this.handlers = undefined;
    this.connected = false;
    this.database = database;
    this.connected = true;
    this.running = this.#boot();
  }

  #boot(): Running {
    const outbox = new Outbox(this.database);
    const isConnected = (): boolean => this.connected;
    const link: AgentLink = {
      get connected() {
        return isConnected();
      },
      send: (topic, payload, _options, done) => {
        done();
        this.#onOrdinary(topic, payload);
      },
    };
    const monotonic = (): number => this.timers.now;
    const agent: MeterAgent = new MeterAgent({
      secrets: { meter: METER, polynomialKey: new Uint8Array(32).fill(9), rootKeys },
      settings: { ...agentSettings(config, 2), batchSlots: 1 },
      ...{ outbox, link, monotonic },
      randomBytes: (size) => new Uint8Array(size).fill(++this.#challenges),
      events: {
        settled: () => parts.ciphertexts.settled(),
        refused: (_meter, error) => this.refused.push(error),
      },
    });
    const { after } = this.timers;
    const bulk = new BulkCourier({
      ...{ monotonic, after, random: () => 0.5, turns: new Turns(4), bytesPerSecond: this.#bytesPerSecond },
      patienceMilliseconds: this.settings.resendSeconds * 1_000,
      connect: (handlers) => this.#connectBulk(handlers),
      failed: (error) => this.refused.push(error),
    });
    const ciphertexts = new CiphertextAgent({
      ...{ settings: this.settings, readings: agent, rootKeys, directory, link, bulk, monotonic, after },
      now: () => this.time,
      store: new CiphertextStore(this.database, outbox, LACKING),
      calendar: new WindowCalendar({ slotSeconds: 900, timezone: "Europe/Berlin", windowDays: 1 }),
      encryptor: { encrypt: (request) => this.#encrypt(request), close: () => Promise.resolve() },
      events: {
        ciphertext: (_meter, event) => this.events.push(event),
        refused: (_meter, error) => this.refused.push(error),
      },
    });
    const parts = { ciphertexts };
    agent.attach(ciphertexts);
    const running = { agent, ciphertexts, bulk, outbox };
    this.running = running;
    agent.onConnect();
    return running;
  }

  async #encrypt(request: EncryptionRequest) {
    this.requests.push(request);
    if (this.failEncryption !== undefined) throw this.failEncryption;
    const packed = Uint8Array.from(randomBytes(this.encryptedBytes));
    const digest = Uint8Array.from(createHash("sha256").update(packed).digest());
    const sealed = await sealCiphertext(packed, METER, directory);
    return { sealed, digest, packedBytes: packed.length, milliseconds: 1 };
  }

  // --- the ordinary connection ---

  #onOrdinary(topic: string, payload: Uint8Array | string): void {
    const { agent } = this.running;
    const [, , , , what, to] = topic.split("/");
    if (what === "status") {
      const { challenge, boot } = JSON.parse(String(payload)) as { challenge: string; boot: number };
      const hello = { challenge: Buffer.from(challenge, "hex"), boot: boot + 1 };
      setImmediate(() => {
        for (const x of AGGREGATORS) this.#ack(agent, x, { entries: [], hello });
      });
      return;
    }
    const x = Number(to);
    const bytes = Uint8Array.from(payload as Uint8Array);
    if (what === "share") setImmediate(() => this.#onShare(agent, x, bytes));
    else if (what === "digest") {
      const digest = createDigestOpener(rootKeys.get(x)!, METER, x).open(bytes);
      this.digests.get(x)!.push(digest);
      const code = this.digestCode(x);
      const { series, firstSlot } = digest;
      if (code !== undefined) {
        setImmediate(() => this.#ack(agent, x, { entries: [], digests: [{ series, firstSlot, code }] }));
      }
    }
  }

  #onShare(agent: MeterAgent, x: number, payload: Uint8Array): void {
    const { kind, firstSlot, entries } = createShareOpener(rootKeys.get(x)!, METER, x).open(payload);
    const acks: AckEntry[] = [];
    for (let slot = firstSlot; slot < firstSlot + entries.length / ENTRY_BYTES; slot++) {
      const code = this.shareCode(x, slot);
      if (code !== undefined) acks.push({ kind, firstSlot: slot, count: 1, code });
    }
    if (acks.length > 0) this.#ack(agent, x, { entries: acks });
  }

  #ack(
    agent: MeterAgent,
    x: number,
    content: {
      entries: AckEntry[];
      hello?: { challenge: Uint8Array; boot: number };
      digests?: readonly DigestAck[];
    },
  ): void {
    if (agent !== this.running.agent || !this.connected) return;
    const number = { boot: 1, counter: this.#ackCounter++ };
    const payload = this.#sealers.get(x)!.seal(number, { time: 1, highest: { boot: 0, counter: 0 }, ...content });
    agent.onMessage(`wv/1/a/${x}/ack/${METER}`, payload);
  }

  // --- the bulk connection ---

  #connectBulk(handlers: BulkLinkHandlers) {
    this.connects += 1;
    this.handlers = handlers;
    this.#assembler = new ChunkAssembler(() => 0);
    queueMicrotask(() => handlers.onConnect());
    const link = {
      connected: true,
      publish: (topic: string, payload: Uint8Array): Promise<void> => {
        if (this.handlers !== handlers) return Promise.reject(new Error("the connection is gone"));
        this.bulk.push({ at: this.timers.now, topic, bytes: payload.length });
        setImmediate(() => void this.#onChunk(handlers, topic, Uint8Array.from(payload)));
        return Promise.resolve();
      },
      close: (): Promise<void> => {
        this.closes += 1;
        return Promise.resolve();
      },
    };
    return Promise.resolve(link);
  }

  async #onChunk(handlers: BulkLinkHandlers, topic: string, chunk: Uint8Array): Promise<void> {
    const sealed = this.#assembler.add(METER, chunk);
    if (sealed === undefined) return;
    this.sealed.push(sealed);
    const packed = await openCiphertext(sealed, { id: "analytics", sealKey: seal.privateKey }, METER);
    if (!this.analyticsAnswers) return;
    const series = topic.split("/")[5]!;
    const digest = Uint8Array.from(createHash("sha256").update(packed).digest());
    const firstSlot = this.slotOfDigest(digest);
    const key = `${series} ${firstSlot}`;
    const known = this.stored.get(key);
    const same = known !== undefined && Buffer.compare(known, packed) === 0;
    if (known === undefined) this.stored.set(key, packed);
    const code = this.analyticsCode ?? (known === undefined ? 0 : same ? 1 : 2);
    handlers.onMessage(`wv/1/an/ack/${METER}`, this.sign({ series, firstSlot, digest, code }));
  }

  sign(ack: CiphertextAck, meter = METER): Uint8Array {
    return signCiphertextAck(ack, meter, analyticsSigner);
  }

  /** Analytics would read it in the ciphertext; here the meter's own record tells. */
  slotOfDigest(digest: Uint8Array): number {
    const row = this.records().find((record) => Buffer.compare(record.digest, digest) === 0);
    if (row === undefined) throw new Error("a ciphertext left that is not durable");
    return row.firstSlot;
  }

  records() {
    return new CiphertextStore(this.database, this.running.outbox, LACKING).records(this.running.agent.number);
  }

  /** Hands over readings of consecutive slots and lets everything happen that follows at once. */
  async read(firstSlot: number, readings: readonly number[]): Promise<void> {
    this.agent.addReadings(KINDS.import, firstSlot, readings);
    await settle();
  }

  /** A whole local day: sets the time to its end. */
  async day(iso: string, value = 100): Promise<{ firstSlot: number; slots: number }> {
    const calendar = new WindowCalendar({ slotSeconds: 900, timezone: "Europe/Berlin", windowDays: 1 });
    const window = calendar.holding(Date.parse(`${iso}T12:00Z`) / 1_000 / 900);
    await this.read(window.firstSlot, new Array<number>(window.slots).fill(value));
    this.time = Math.max(this.time, (window.firstSlot + window.slots) * 900);
    return window;
  }

  async tick(milliseconds = 1_000): Promise<void> {
    this.agent.tick();
    this.ciphertexts.tick();
    await this.timers.advance(milliseconds);
  }

  codes(): string[] {
    return this.events.map(({ code, who }) => (who === undefined ? code : `${code} ${who}`));
  }
}
