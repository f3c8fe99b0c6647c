/**
 * Worker threads over real keys, for tests: small parameter sets, several epochs, and the secret keys at hand, so that a
 * test can see what came out.
 */
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { stringify } from "yaml";
import { type Config, loadConfig } from "../../config/index.ts";
import { openParty } from "../../config/keys/index.ts";
import { enrol, meterList } from "../../config/enrolment/index.ts";
import type { SqlDatabase } from "../../config/runtime/sql.ts";
import { migrateStore, openStore } from "../../config/runtime/store.ts";
import { testPlace } from "../../config/runtime/testing/store-place.ts";
import { encryptAs } from "../../protocol/ckks/authorship/sender.ts";
import { timeSteps } from "../../protocol/ckks/circuits/index.ts";
import { decodeTranscript } from "../../protocol/ckks/job.ts";
import { packedDigest, periodOf, strideOf } from "../../protocol/ckks/packed.ts";
import { CkksEngine } from "../../protocol/ckks/seal/engine.ts";
import { decryptForTests } from "../../protocol/ckks/seal/testing/decrypt.ts";
import type { PublicKeyPolys } from "../../protocol/ckks/threshold/index.ts";
import { generateKeys } from "../../protocol/ckks/seal/keys.ts";
import { type CkksEpoch, type CkksManifest, type CkksSet, sealCkksManifest } from "../../protocol/keys/index.ts";
import { createEvaluator } from "../homomorphic/engine.ts";
import type { Computed, Evaluator } from "../homomorphic/evaluator.ts";
import { CiphertextStore } from "../store/ciphertext-store.ts";
import { MIGRATIONS } from "../store/schema.ts";

/** A day of hours: 24 of 32 slots of a period. */
export const WINDOW = { firstSlot: 480_000, slots: 24 };
const SLOT_SECONDS = 3_600;
const SETS = {
  light: { degree: 2048, primeBits: [45, 45, 19], scaleBits: 60 },
  standard: { degree: 2048, primeBits: [54, 54, 54, 55], scaleBits: 60 },
} as const;
type SetName = keyof typeof SETS;

interface Keyed {
  readonly engine: CkksEngine;
  readonly publicKey: PublicKeyPolys;
  readonly decrypt: ReturnType<typeof decryptForTests>;
}

export class KeyedEngine {
  readonly folder = mkdtempSync(path.join(tmpdir(), "wattveil-engine-"));
  readonly config: Config;
  readonly #keyed = new Map<string, Keyed>();
  manifest!: CkksManifest;
  db!: SqlDatabase;
  store!: CiphertextStore;
  evaluator!: Evaluator;

  private constructor() {
    const base = loadConfig({ profile: "demo", env: {} });
    const energy = { kind: "import" as const, content: "energy" as const };
    const series = {
      load: { ...energy, set: "light" as const },
      whole: { ...energy, set: "standard" as const },
      solar: { ...energy, kind: "export" as const, set: "standard" as const },
      hot: { kind: "import" as const, content: "buckets" as const, levels: [500], set: "light" as const },
    };
    const sets: SetName[] = ["light", "standard"];
    const light = { ...SETS.light, primeBits: [...SETS.light.primeBits] };
    const standard = { ...SETS.standard, primeBits: [...SETS.standard.primeBits] };
    const homomorphic = { ...base.homomorphic, enabled: true, insecureForTests: true, sets, light, standard, series };
    const system = { ...base.system, slotSeconds: SLOT_SECONDS };
    const paths = {
      data: this.folder,
      logs: path.join(this.folder, "logs"),
      results: path.join(this.folder, "results"),
    };
    this.config = { ...base, homomorphic, system, paths, analytics: { ...base.analytics, jobs: [] } };
  }

  static async open(context: { after(done: () => Promise<void>): void }, { epochs = 1 } = {}): Promise<KeyedEngine> {
    const it = new KeyedEngine();
    context.after(() => it.close());
    await enrol({ data: it.folder, meters: meterList(3, 1), slotSeconds: SLOT_SECONDS });
    const dealt: CkksEpoch[] = [];
    for (let epoch = 1; epoch <= epochs; epoch++) dealt.push(await it.#deal(epoch));
    it.manifest = { epochs: dealt, current: dealt.at(-1)! };
    const { signKey } = openParty(path.join(it.folder, "keys", "authority"));
    const manifest = path.join(it.folder, "keys", "analytics", "ckks.cose");
    writeFileSync(manifest, sealCkksManifest(dealt, signKey!), { mode: 0o600 });
    writeFileSync(path.join(it.folder, "config.yaml"), stringify(it.config));
    mkdirSync(path.join(it.folder, "analytics"));
    it.db = openStore(it.database, { synchronous: "NORMAL" });
    migrateStore(it.db, MIGRATIONS);
    it.store = new CiphertextStore(it.db);
    it.evaluator = createEvaluator(it.config, it.database, 1, it);
    return it;
  }

  get database(): string {
    return testPlace(path.join(this.folder, "analytics", "analytics.db"));
  }

  async #deal(epoch: number): Promise<CkksEpoch> {
    const sets = new Map<string, CkksSet>();
    for (const name of ["light", "standard"] as const) {
      const parameters = { name, ...SETS[name] };
      const galoisSteps = name === "light" ? [] : timeSteps(WINDOW.slots);
      const keys = await generateKeys(parameters, { relin: name !== "light", galoisSteps, insecureForTests: true });
      const { secretKey, publicKey, relinKeys, galoisKeys } = keys;
      const place = path.join(this.folder, "ckks", String(epoch), name);
      mkdirSync(place, { recursive: true });
      const put = (file: string, bytes: Uint8Array): Uint8Array => {
        writeFileSync(path.join(place, file), bytes);
        return Uint8Array.from(createHash("sha256").update(bytes).digest());
      };
      const digests = {
        publicKey: put("public.key", publicKey),
        ...(relinKeys === undefined ? {} : { relinKeys: put("relin.key", relinKeys) }),
        ...(galoisKeys === undefined ? {} : { galoisKeys: put("galois.key", galoisKeys) }),
      };
      sets.set(name, { parameters, galoisSteps, digests });
      const engine = await CkksEngine.create(parameters, { insecureForTests: true });
      const polys = engine.keys.publicPolys(publicKey);
      this.#keyed.set(`${epoch} ${name}`, { engine, publicKey: polys, decrypt: decryptForTests(engine, secretKey) });
    }
    const dealing = new Uint8Array(16).fill(epoch);
    return { epoch, dealing, created: 0, n: 3, t: 2, insecureForTests: true, sets };
  }

  /** What a meter sends. */
  encrypt(series: string, values: ArrayLike<number>, { epoch = 1, meter = "m-001" } = {}): Uint8Array {
    const { set } = this.config.homomorphic.series[series]!;
    const { engine, publicKey } = this.#keyed.get(`${epoch} ${set}`)!;
    const stride = set === "light" ? strideOf(values.length, engine.degree) : 1;
    const window = { series, firstSlot: WINDOW.firstSlot, slots: values.length, epoch };
    const level = engine.dataLevels;
    const numbers = Float64Array.from(values);
    return encryptAs(engine, publicKey, { meter, window, level, stride, numbers }, randomBytes);
  }

  /** Encrypts as the meter does; the ciphertext is checked in the threads and stored. */
  async take(meter: string, series: string, values: ArrayLike<number>, epoch = 1) {
    const bytes = this.encrypt(series, values, { epoch, meter });
    const checked = await this.evaluator.check(meter, series, bytes);
    const digest = packedDigest(bytes);
    this.store.put({ ...checked, meter, digest, bytes }, 0);
    return { meter, series, digest };
  }

  /** Slots of the period of each output, as whoever has the secret key sees them. */
  slotsOf({ transcript: bytes, outputs }: Computed): Float64Array[] {
    const transcript = decodeTranscript(bytes);
    const { set } = this.config.homomorphic.series[transcript.series[0]!]!;
    const { engine, decrypt } = this.#keyed.get(`${transcript.epoch} ${set}`)!;
    // Of a cut c0 only the coefficients at multiples of the stride mean anything: their slots are means over blocks.
    return transcript.outputs.map(({ level, scale }, i) => {
      const words = new BigUint64Array(Uint8Array.from(outputs[i]!).buffer);
      const half = level * engine.degree;
      const raw = { polys: [words.slice(0, half), words.slice(half)], level, scale, ntt: true };
      return engine.scope(() => {
        const all = decrypt(engine.loadCiphertext(raw));
        const period = periodOf(transcript.slots);
        const blocks = all.length / period;
        return Float64Array.from({ length: period }, (_, slot) => {
          let sum = 0;
          for (let block = 0; block < blocks; block++) sum += all[block * period + slot]!;
          return sum / blocks;
        });
      });
    });
  }

  async close(): Promise<void> {
    await this.evaluator.close();
    this.db.close();
    for (const { engine } of this.#keyed.values()) engine.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
