/**
 * A small system for tests: authority, utility, n aggregators with real keys and real databases in a temporary folder,
 * and meters that split, seal and send. Only MQTT is left out: messages are handed over.
 */
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { SqlDatabase } from "../../config/runtime/sql.ts";
import { migrateStore, openStore } from "../../config/runtime/store.ts";
import { testPlace } from "../../config/runtime/testing/store-place.ts";
import {
  type Ack,
  type AckOpener,
  ChunkAssembler,
  createAckOpener,
  createShareSealer,
  openServerMessage,
  sealServerMessage,
  type ServerParty,
  type ShareSealer,
  splitChunks,
} from "../../protocol/envelope/index.ts";
import { type CiphertextDigest, createDigestSealer, type DigestSealer } from "../../protocol/envelope/digest.ts";
import { rawPublicKey } from "../../protocol/keys/index.ts";
import type { Directory, ServerKeys, SubsetKeyList } from "../../protocol/keys/index.ts";
import { countersign, signRecord } from "../../protocol/membership.ts";
import type { MembershipCertificate, Place } from "../../protocol/messages/enrolment.ts";
import { aggregatorId } from "../../protocol/names.ts";
import { keySubsets } from "../../protocol/shamir/key-subsets.ts";
import { type Role, topicOf } from "../../protocol/topics.ts";
import { Aggregator } from "../aggregator.ts";
import type { AggregatorSettings } from "../aggregator-options.ts";
import type { JobDeskSettings } from "../openings/job-desk.ts";
import { MIGRATIONS } from "../store/schema.ts";

const SLOT_SECONDS = 900;

export const SETTINGS: AggregatorSettings = {
  slotSeconds: SLOT_SECONDS,
  windowSlots: 2976,
  futureSlots: 1,
  commitMessages: 1_000_000,
  cacheBlocks: 65_536,
  dirtyBlocks: 4_096,
  journalRows: 100_000,
  minMeters: 2,
  minSlots: 3,
  bits: {},
  learnRounds: 4,
  learnMegabytes: 16,
  learnKeepSeconds: 86_400,
  shareDays: 0,
};

interface TestParty extends ServerParty {
  readonly directory: Directory;
}

/** A temporary folder that goes with the test. */
export function temporaryFolder(context: { after(done: () => void): void }): string {
  const folder = mkdtempSync(path.join(tmpdir(), "wattveil-aggregator-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function openTestDatabase(file: string): SqlDatabase {
  const db = openStore(testPlace(file), { synchronous: "FULL" });
  migrateStore(db, MIGRATIONS);
  return db;
}

export interface Sent {
  readonly topic: string;
  readonly payload: Uint8Array;
}

/** What a meter or a server of a test talks to: an aggregator, or the processes of one. */
export interface Receiver {
  readonly index: number;
  readonly aggregator: Pick<Aggregator, "handle" | "commit" | "idle">;
  /** Takes what was sent since the last call. */
  take(): Sent[];
}

/** One aggregator whose messages are collected. */
export class TestAggregator implements Receiver {
  readonly sent: Sent[] = [];
  readonly refused: { code: string; detail?: string }[] = [];
  readonly index: number;
  readonly #system: TestSystem;
  readonly #file: string;
  readonly #settings: AggregatorSettings;
  readonly #homomorphic: (() => JobDeskSettings) | undefined;
  #db!: SqlDatabase;
  aggregator!: Aggregator;

  constructor(
    system: TestSystem,
    index: number,
    folder: string,
    settings: AggregatorSettings,
    homomorphic?: () => JobDeskSettings,
  ) {
    this.#homomorphic = homomorphic;
    this.#system = system;
    this.index = index;
    this.#settings = settings;
    this.#file = path.join(folder, `a-${index}.db`);
    this.start();
  }

  start(): void {
    this.#db = openTestDatabase(this.#file);
    this.aggregator = new Aggregator({
      index: this.index,
      db: this.#db,
      party: this.#system.party(aggregatorId(this.index)),
      settings: this.#settings,
      subsetKeys: this.#system.subsetKeys(this.index),
      now: () => this.#system.now,
      wallTime: () => this.#system.seconds,
      monotonic: () => this.#system.seconds,
      scheduleCommit: () => {},
      send: (topic, payload) => this.sent.push({ topic, payload }),
      refuse: (code, detail) => this.refused.push(detail === undefined ? { code } : { code, detail }),
      pause: async () => {},
      ...(this.#homomorphic === undefined ? {} : { homomorphic: this.#homomorphic() }),
    });
    this.aggregator.load(this.#system.certificates, this.#system.rootKeys(this.index));
  }

  /** As after kill -9: nothing is flushed, then it starts again over the same file. */
  kill(): void {
    this.#db.close();
    this.start();
  }

  stop(): void {
    this.#db.close();
  }

  get db(): SqlDatabase {
    return this.#db;
  }

  codes(): string[] {
    return this.refused.map(({ code }) => code);
  }

  /** Takes what was sent since the last call. */
  take(): Sent[] {
    return this.sent.splice(0);
  }
}

export class TestSystem {
  now = 1_900_000 * SLOT_SECONDS;
  /** What does not follow a simulation. */
  seconds = 0;
  readonly certificates: MembershipCertificate[] = [];
  readonly directory: Directory;
  readonly #keys = new Map<string, { sign: KeyObject; seal: KeyObject }>();
  readonly #rootKeys = new Map<string, Uint8Array>();
  readonly #serials = new Map<string, number>();
  readonly n: number;

  constructor({ n = 3, t = 2, q = 2 } = {}) {
    this.n = n;
    const servers = new Map<string, ServerKeys>();
    const add = (id: string, role: Role): void => {
      const sign = generateKeyPairSync("ed25519");
      const seal = generateKeyPairSync("x25519");
      this.#keys.set(id, { sign: sign.privateKey, seal: seal.privateKey });
      servers.set(id, { role, signKey: sign.publicKey, sealKey: rawPublicKey(seal.publicKey) });
    };
    add("authority", "authority");
    add("utility", "utility");
    add("analytics", "analytics");
    for (let index = 1; index <= n; index++) add(aggregatorId(index), "aggregator");
    const ca = new Uint8Array(32);
    this.directory = { n, t, q, slotSeconds: SLOT_SECONDS, simulation: false, created: 0, ca, servers };
  }

  get slot(): number {
    return Math.floor(this.now / SLOT_SECONDS);
  }

  party(id: string): TestParty {
    const { sign, seal } = this.#keys.get(id)!;
    return { id, directory: this.directory, signKey: sign, sealKey: seal };
  }

  record(meter: string, places: readonly Place[], keyVersion = 1): Uint8Array {
    const serial = (this.#serials.get(meter) ?? 0) + 1;
    this.#serials.set(meter, serial);
    return signRecord({ meter, serial, keyVersion, places: [...places] }, this.party("authority"));
  }

  certify(record: Uint8Array, by: readonly number[] = [1, 2, 3]): MembershipCertificate {
    const countersignatures = by.map((index) => countersign(record, index, this.party(aggregatorId(index))));
    return { record, countersignatures };
  }

  /** A meter with a place, known to every aggregator that starts after this. */
  addMeter(meter: string, places: readonly Place[] | string): void {
    const list = typeof places === "string" ? [{ feeder: places, from: 0, to: null }] : places;
    const by = Array.from({ length: Math.max(3, this.directory.q) }, (_, i) => i + 1);
    this.certificates.push(this.certify(this.record(meter, list), by));
    this.#rootKeys.set(meter, new Uint8Array(32).fill(this.#rootKeys.size + 1));
  }

  /** Keys of subsets, made of their members' indices; a test may deal none. */
  subsetKeys = (index: number): SubsetKeyList | undefined => {
    const { n, t } = this.directory;
    const own = keySubsets(n, t).filter((members) => members.includes(index));
    const keys = own.map((members) => ({
      members,
      key: new Uint8Array(32).fill(members.reduce((a, b) => a | (1 << b), 0)),
    }));
    return { dealing: new Uint8Array(16).fill(1), keys };
  };

  rootKey(meter: string, index: number): Uint8Array {
    const key = Uint8Array.from(this.#rootKeys.get(meter)!);
    key[31] = index;
    return key;
  }

  rootKeys(index: number): Map<string, { keyVersion: number; rootKey: Uint8Array }> {
    return new Map(
      [...this.#rootKeys.keys()].map((meter) => [meter, { keyVersion: 1, rootKey: this.rootKey(meter, index) }]),
    );
  }

  /** A request of a server to an aggregator, through sealing, chunks and back; returns the decoded answers. */
  async ask(
    to: Receiver,
    message: { type: string; round?: string },
    from = "utility",
    name: "roundRequest" | "jobRequest" = "roundRequest",
  ): Promise<unknown[]> {
    const { index } = to;
    const sealed = await sealServerMessage(message, this.party(from), aggregatorId(index));
    const topic =
      from === "authority"
        ? topicOf("enrolRequest", { agg: String(index) })
        : name === "jobRequest"
          ? topicOf(name, { job: "j", agg: String(index) })
          : topicOf(name, { round: message.round ?? "r", agg: String(index) });
    to.take();
    for (const chunk of splitChunks(sealed)) to.aggregator.handle(topic, chunk);
    await to.aggregator.idle();
    const assembler = new ChunkAssembler(() => 0);
    const answers: unknown[] = [];
    for (const { payload } of to.take()) {
      const whole = assembler.add(aggregatorId(index), payload);
      if (whole !== undefined) answers.push((await openServerMessage(whole, this.party(from))).message);
    }
    return answers;
  }
}

/** A meter towards one aggregator: what it would send, and what it understands. */
export class TestMeter {
  readonly #sealer: ShareSealer;
  readonly #opener;
  readonly #digests: DigestSealer;
  readonly id: string;
  readonly #to: Receiver;
  boot = 0;
  counter = 0;

  constructor(id: string, to: Receiver, rootKey: Uint8Array) {
    this.id = id;
    this.#to = to;
    this.#sealer = createShareSealer(rootKey, id, to.index);
    this.#opener = createAckOpener(rootKey, id, to.index);
    this.#digests = createDigestSealer(rootKey, id, to.index);
  }

  hello(challenge = "00".repeat(16), boot = 0): void {
    const status = { state: "online", challenge, boot };
    this.#to.aggregator.handle(topicOf("meterStatus", { meter: this.id }), Buffer.from(JSON.stringify(status)));
  }

  seal(kind: 1 | 2 | 3 | 4, firstSlot: number, entries: Uint8Array, bits = 0): Uint8Array {
    return this.#sealer.seal(kind, firstSlot, { boot: this.boot, counter: this.counter++ }, entries, bits);
  }

  send(payload: Uint8Array): void {
    this.#to.aggregator.handle(topicOf("share", { meter: this.id, agg: String(this.#to.index) }), payload);
  }

  /** Sends the digest of a ciphertext. */
  vouch(digest: CiphertextDigest): void {
    const topic = topicOf("heDigest", { meter: this.id, agg: String(this.#to.index) });
    this.#to.aggregator.handle(topic, this.#digests.seal(digest));
  }

  put(kind: 1 | 2 | 3 | 4, firstSlot: number, entries: Uint8Array, bits = 0): void {
    this.send(this.seal(kind, firstSlot, entries, bits));
  }

  /** Opens an ack. */
  read(payload: Uint8Array): ReturnType<AckOpener["open"]> {
    return this.#opener.open(payload);
  }

  /** Commits, and opens the acks that came for this meter. */
  acks(): Ack[] {
    this.#to.aggregator.commit();
    const topic = topicOf("ack", { meter: this.id, agg: String(this.#to.index) });
    return this.#to
      .take()
      .filter((message) => message.topic === topic)
      .map(({ payload }) => this.read(payload).ack);
  }
}

/** Entries of consecutive slots: share and tag from numbers. */
export function entriesOf(values: readonly (readonly [share: number, tag: number])[]): Uint8Array {
  const bytes = Buffer.alloc(16 * values.length);
  for (const [i, [share, tag]] of values.entries()) {
    bytes.writeBigUInt64BE(BigInt(share), 16 * i);
    bytes.writeBigUInt64BE(BigInt(tag), 16 * i + 8);
  }
  return bytes;
}
