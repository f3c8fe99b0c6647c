/**
 * The utility's side of openings over a real database, with real encryption and dealing at small parameters. Analytics
 * and aggregators are in the test's hands, and the broker passes on what they seal.
 */
import { createHash, generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestContext } from "node:test";
import { loadConfig } from "../../../config/index.ts";
import type { Party } from "../../../config/keys/index.ts";
import { decodeCbor, encodeCbor } from "../../../protocol/cbor.ts";
import { bindCircuit } from "../../../protocol/ckks/circuits/registry.ts";
import { packHalf } from "../../../protocol/ckks/half.ts";
import {
  decodeTranscript,
  describeOutput,
  encodeTranscript,
  jobIdOf,
  type JobOutput,
  outputSeed,
  randomisationSeed,
  type Transcript,
  transcriptHash,
} from "../../../protocol/ckks/job.ts";
import {
  packCiphertext,
  packedDigest,
  repeatWindow,
  strideOf,
  unpackCiphertext,
} from "../../../protocol/ckks/packed.ts";
import type { RnsPoly } from "../../../protocol/ckks/ring/index.ts";
import type { RawCiphertext } from "../../../protocol/ckks/seal/layout.ts";
import { partial } from "../../../protocol/ckks/threshold/partial.ts";
import { coefficientsAt } from "../../../protocol/ckks/threshold/stride.ts";
import { randomiseC1, zeroEncryption } from "../../../protocol/ckks/threshold/zero.ts";
import { ChunkAssembler, openServerMessage, sealServerMessage, splitChunks } from "../../../protocol/envelope/index.ts";
import { type CkksManifest, type Directory, rawPublicKey, type ServerKeys } from "../../../protocol/keys/index.ts";
import { originOf } from "../../../protocol/log/index.ts";
import { type JobOutcome, jobOutcome } from "../../../protocol/messages/ckks.ts";
import { parseTopic, topicOf } from "../../../protocol/topics.ts";
import { Ledger } from "../../ledger/ledger.ts";
import { testPlace } from "../../../config/runtime/testing/store-place.ts";
import { openUtilityDatabase, type UtilityDatabase } from "../../store/open.ts";
import { type LoadRow, saveLoads } from "../../store/loads-store.ts";
import { type Opened, startOpened } from "../index.ts";
import type { Opener } from "../opener.ts";
import { open } from "../worker.ts";
import { dealtKeys, type Keys, N, SMALL, T } from "./dealing.ts";

export const SLOT_SECONDS = 900;
/** 2025-01-15 00:00 in Berlin. */
export const DAY = 1_736_895_600 / SLOT_SECONDS;
export const SLOTS = 96;
const SIGMA_BITS = 12;

/** Combines in the test's own thread. */
export const LOCAL: Opener = { open, close: () => Promise.resolve() };

const SERVERS = ["analytics", "utility", "a-1", "a-2", "a-3"];

export interface BedJob {
  readonly job: string;
  readonly transcript: Uint8Array;
  readonly outputs: readonly RawCiphertext[];
}

export type Readings = ReadonlyMap<string, readonly number[]>;

export class OpenedBed {
  readonly folder: string;
  /** Outcomes that analytics was told. */
  readonly told: JobOutcome[] = [];
  readonly published: [topic: string, text: string][] = [];
  readonly refused: string[] = [];
  readonly details: string[] = [];
  connected = true;
  /** Keys that were dealt; a longer list is a redealing. */
  readonly dealt: { manifest: CkksManifest };
  time = (DAY + 200) * SLOT_SECONDS;
  db!: UtilityDatabase;
  ledger!: Ledger;
  opened!: Opened;
  readonly keys: Keys;
  readonly #opener: Opener;
  readonly #parties: ReadonlyMap<string, Party>;
  readonly #chunks = new ChunkAssembler(() => 0);

  private constructor(folder: string, made: Keys, opener: Opener) {
    this.folder = folder;
    this.keys = made;
    this.#opener = opener;
    const pairs = SERVERS.map((id) => ({
      id,
      sign: generateKeyPairSync("ed25519"),
      seal: generateKeyPairSync("x25519"),
    }));
    const roles = (id: string): ServerKeys["role"] =>
      id.startsWith("a-") ? "aggregator" : (id as "utility" | "analytics");
    const directory: Directory = {
      ...{ n: N, t: T, q: 2, slotSeconds: SLOT_SECONDS, simulation: true, created: 0, ca: new Uint8Array(32) },
      servers: new Map(
        pairs.map(({ id, sign, seal }) => [
          id,
          { role: roles(id), signKey: sign.publicKey, sealKey: rawPublicKey(seal.publicKey) },
        ]),
      ),
    };
    const digests = { publicKey: createHash("sha256").update(made.publicKeyFile).digest() };
    const epoch = {
      ...{ epoch: 1, dealing: new Uint8Array(16), created: 0, n: N, t: T, insecureForTests: true },
      sets: new Map([["light", { parameters: SMALL, galoisSteps: [], digests }]]),
    };
    this.#parties = new Map(
      pairs.map(({ id, sign, seal }) => [
        id,
        {
          ...{ id, role: roles(id), folder, directory, tls: { key: "", cert: "", ca: "" } },
          ...{ signKey: sign.privateKey, sealKey: seal.privateKey },
        },
      ]),
    );
    this.dealt = { manifest: { epochs: [epoch], current: epoch } };
  }

  static async make(t: TestContext, { opener = LOCAL }: { opener?: Opener } = {}): Promise<OpenedBed> {
    const bed = new OpenedBed(await mkdtemp(path.join(tmpdir(), "opened-")), await dealtKeys(), opener);
    const place = path.join(bed.folder, "ckks", "1", "light");
    await mkdir(place, { recursive: true });
    await writeFile(path.join(place, "public.key"), bed.keys.publicKeyFile);
    await bed.start();
    t.after(async () => {
      await bed.opened.stop();
      await bed.db.destroy();
      await rm(bed.folder, { recursive: true, force: true });
    });
    return bed;
  }

  /** A process over the database as it is. */
  async start(opener = this.#opener): Promise<void> {
    const base = loadConfig({ profile: "demo", env: {} });
    const { degree, primeBits, scaleBits } = SMALL;
    const homomorphic = {
      ...base.homomorphic,
      ...{ enabled: true, insecureForTests: true, sets: ["light" as const] },
      light: { degree: degree as 1024, primeBits: [...primeBits], scaleBits },
      ...{ statisticalBits: 10, openings: 1, maxMeters: 100 },
    };
    this.db = await openUtilityDatabase(testPlace(path.join(this.folder, "utility.db")));
    const signKey = this.#parties.get("utility")!.signKey!;
    this.ledger = new Ledger({ signer: { name: originOf(signKey), signKey } });
    this.opened = startOpened({
      ledger: this.ledger,
      ...{ db: this.db, party: this.#parties.get("utility")!, dealt: this.dealt, opener },
      config: { homomorphic, aggregator: base.aggregator, paths: { ...base.paths, data: this.folder } },
      time: () => this.time,
      now: () => 0,
      publish: (topic, payload) => this.#carry(topic, payload),
      connected: () => this.connected,
      refuse: (code, detail) => {
        this.refused.push(code);
        this.details.push(detail);
      },
      log: { info: () => {}, warn: () => {} } as never,
    })!;
    await this.opened.start();
  }

  /** The process ends without a word; what it was doing is not waited for. */
  async kill(): Promise<void> {
    await this.db.destroy();
  }

  async #carry(topic: string, payload: Uint8Array | string): Promise<void> {
    if (!this.connected) throw new Error("offline");
    if (parseTopic(topic)?.name !== "jobResult") {
      this.published.push([topic, String(payload)]);
      return;
    }
    const sealed = this.#chunks.add("utility", payload as Uint8Array);
    if (sealed === undefined) return;
    const { message } = await openServerMessage(sealed, this.#parties.get("analytics")!, "utility");
    this.told.push(jobOutcome.parse(message));
  }

  /** What every meter encrypts, packed as it travels. */
  encrypt(values: ArrayLike<number>, series = "load"): Uint8Array {
    const { engine } = this.keys;
    const stride = strideOf(values.length, engine.degree);
    return engine.scope(() => {
      const raw = engine.rawCiphertext(engine.encrypt(engine.encode(repeatWindow(values, engine.slots))));
      return packCiphertext(engine, { series, firstSlot: DAY, slots: values.length }, raw, stride);
    });
  }

  /** Computes as analytics and aggregators do. `change` may spoil the transcript. */
  compute(readings: Readings, order: Partial<Transcript> = {}, ciphertexts?: readonly Uint8Array[]): BedJob {
    const { engine } = this.keys;
    const { circuit = "sum", parameters = {}, feeders = ["f-1"] } = order;
    const slots = [...readings.values()][0]!.length;
    const packed = ciphertexts ?? [...readings.values()].map((values) => this.encrypt(values));
    const bound = bindCircuit(circuit, parameters, slots);
    const outputs = engine.scope(() => {
      const evaluation = bound.circuit.start(engine, bound.parameters, slots);
      for (const bytes of packed) evaluation.fold([unpackCiphertext(engine, bytes, engine.dataLevels)]);
      return evaluation.finish();
    });
    const transcript = encodeTranscript({
      ...{ epoch: 1, parametersId: engine.id, circuit, parameters, series: ["load"], firstSlot: DAY, slots, feeders },
      inputs: [...readings.keys()].map((meter, i) => ({ meter, series: "load", digest: packedDigest(packed[i]!) })),
      outputs: outputs.map((raw) => this.describe(raw, slots)),
      ...order,
    });
    return { job: jobIdOf(transcript), transcript, outputs };
  }

  describe(raw: RawCiphertext, slots = SLOTS): JobOutput {
    return describeOutput(this.keys.engine.ring, raw, this.stride(slots));
  }

  /** First halves, as analytics hands them over. */
  halves({ outputs }: BedJob, stride = this.stride()): Uint8Array[] {
    const { ring } = this.keys.engine;
    return outputs.map(({ polys, level }) => this.pack(coefficientsAt(ring, polys[0]!, stride), level));
  }

  /** An aggregator's parts. */
  parts(
    { transcript, outputs }: BedJob,
    index: number,
    active: readonly number[],
    stride = this.stride(),
  ): Uint8Array[] {
    const { engine, shares } = this.keys;
    const { ring } = engine;
    const random = (count: number): Uint8Array => randomBytes(count);
    return outputs.map(({ polys, level }, i) => {
      const c1 = randomiseC1(ring, polys[1]!, this.#zero(transcript, active, level, i));
      const flooding = { sigmaBits: SIGMA_BITS };
      const part = partial({ ring, c1, share: shares[index - 1]!, active, stride, flooding, random });
      return this.pack(part, level);
    });
  }

  /** What the utility's thread has to open the first output with. */
  seed({ transcript }: BedJob, active: readonly number[]): Uint8Array {
    return outputSeed(randomisationSeed(transcript, active), 0);
  }

  /** The same ciphertext under the claim that it holds fewer slots of the same period. */
  relabel(packed: Uint8Array, slots: number): Uint8Array {
    const content = decodeCbor(packed) as unknown[];
    return encodeCbor(content.map((item, i) => (i === 4 ? slots : item)));
  }

  stride(slots = SLOTS): number {
    return strideOf(slots, this.keys.engine.degree);
  }

  pack(poly: RnsPoly, level: number): Uint8Array {
    return packHalf(this.keys.engine.ring, poly, level);
  }

  #zero(transcript: Uint8Array, active: readonly number[], level: number, index: number): [RnsPoly, RnsPoly] {
    const { engine, publicKey } = this.keys;
    const seed = outputSeed(randomisationSeed(transcript, active), index);
    return zeroEncryption({ ring: engine.ring, publicKey, level, seed });
  }

  /** Sends what analytics hands over. */
  async output(job: BedJob, active: readonly number[], change: Record<string, unknown> = {}): Promise<void> {
    const { transcript } = job;
    const message = { type: "output", transcript, active, c0: this.halves(job), ...change };
    await this.send("analytics", topicOf("jobOutput", { job: job.job }), message);
  }

  /** Sends what an aggregator gives. */
  async part(
    job: BedJob,
    index: number,
    active: readonly number[],
    change: Record<string, unknown> = {},
  ): Promise<void> {
    const outputs = change["outputs"] ?? this.parts(job, index, active);
    const transcript = transcriptHash(job.transcript);
    const { slots, inputs } = decodeTranscript(job.transcript);
    const meters = Array.from({ length: slots }, () => inputs.length);
    const message = { type: "partial", job: job.job, index, transcript, active, meters, outputs, ...change };
    await this.send(`a-${index}`, topicOf("jobPartial", { agg: String(index), job: job.job }), message);
  }

  /** Seals and carries a message, chunk by chunk; resolves when nothing is being combined. */
  async send(from: string, topic: string, message: unknown): Promise<void> {
    const sealed = await sealServerMessage(message, this.#parties.get(from)!, "utility");
    await this.carry(topic, splitChunks(sealed));
  }

  async carry(topic: string, chunks: readonly Uint8Array[]): Promise<void> {
    const parsed = parseTopic(topic);
    for (const chunk of chunks) await this.opened.accept(parsed?.name, parsed?.parameters ?? {}, chunk);
    await this.opened.idle();
  }

  /** Output and all parts. */
  async openAll(job: BedJob, active: readonly number[] = [1, 2]): Promise<void> {
    await this.output(job, active);
    for (const index of active) await this.part(job, index, active);
  }

  /** Loads as rounds leave them. */
  async release(
    readings: Readings,
    change: (row: LoadRow, i: number) => LoadRow = (row) => row,
    feeder = "f-1",
  ): Promise<void> {
    const rows = Array.from({ length: SLOTS }, (_, i): LoadRow => {
      const energy_wh = [...readings.values()].reduce((sum, values) => sum + values[i]!, 0);
      const facts = { export_wh: null, meters: readings.size, status: "final", spare_answers: 1, round_id: null };
      return change({ feeder_id: feeder, slot_start: (DAY + i) * SLOT_SECONDS, energy_wh, ...facts }, i);
    });
    await saveLoads(this.db, rows);
    await this.opened.loadsReleased();
  }
}

/** A day of four meters. */
export function day(meters = 4, first = 1): Map<string, number[]> {
  return new Map(
    Array.from({ length: meters }, (_, m) => [
      `m-${String(first + m).padStart(3, "0")}`,
      Array.from({ length: SLOTS }, (_, slot) => ((first + m) * 137 + slot * 29) % 2_000),
    ]),
  );
}
