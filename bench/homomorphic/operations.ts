/** What every step costs under each parameter set, and how large its results are. */
import { randomBytes } from "node:crypto";
import type { SetName } from "../../config/schema-ckks.ts";
import { assertAuthorship, proveAuthorship } from "../../protocol/ckks/authorship/authorship.ts";
import { SumAccumulator } from "../../protocol/ckks/circuits/index.ts";
import { packCiphertext, repeatWindow, strideOf, unpackCiphertext } from "../../protocol/ckks/packed.ts";
import { encryptZero } from "../../protocol/ckks/threshold/zero.ts";
import { DAY_SLOTS, dayOf } from "./meters.ts";
import { ACTIVE, makeParty, partOf, randomised, sigmaBitsOf, slotsOf } from "./party.ts";
import { stopwatch, type Timing } from "./stopwatch.ts";

/** Results of comparisons come down to at most this many primes before they are opened. */
const MOST_OPENED_PRIMES = 5;

/** Deviation of the noise of a product of sums, about: it decides how wide the flooding is, and so how long it takes to draw. */
const PRODUCT_NOISE = 2 ** 80;

export interface SetFigures {
  readonly set: SetName;
  readonly degree: number;
  readonly primeBits: readonly number[];
  readonly contextCpuMs: number;
  readonly keygenCpuMs: number;
  readonly keyBytes: number;
  /** Bytes of a day: packed with all that its use needs; packed whole; as SEAL saves it without compression. */
  readonly dayBytes: number;
  readonly wholeBytes: number;
  readonly sealBytes: number;
  /** Primes of the ciphertext whose opening is measured. */
  readonly openedPrimes: number;
  readonly times: Readonly<Record<string, Timing>>;
}

export interface SetChoice {
  readonly set: SetName;
  /** Whether the set has room for a product. */
  readonly products: boolean;
}

/** A set of the full table. */
export const SETS: readonly SetChoice[] = [
  { set: "light", products: false },
  { set: "standard", products: true },
  { set: "strong", products: true },
];

export async function operations({ set, products }: SetChoice, budgetMs: number): Promise<SetFigures> {
  const party = await makeParty(set, products);
  const { engine, parameters, contextCpuMs, keygenCpuMs, keyBytes } = party;
  const day = repeatWindow(dayOf(1), engine.slots);
  const dayStride = strideOf(DAY_SLOTS, engine.degree);
  const stride = products ? 1 : dayStride;
  const window = { series: "load", firstSlot: 0, slots: DAY_SLOTS };
  const times: Record<string, Timing> = {};
  const time = (name: string, work: () => unknown): void => {
    times[name] = stopwatch(budgetMs, () => engine.scope(work));
  };
  const figures = engine.scope((scope) => {
    time("encode", () => engine.encode(day));
    const plain = engine.encode(day);
    time("encrypt", () => engine.encrypt(plain));
    const { ring } = engine;
    const encryptOwn = () =>
      encryptZero({ ring, publicKey: party.publicKey, level: engine.dataLevels, random: randomBytes });
    time("encrypt by ourselves", encryptOwn);
    const { zero, u } = encryptOwn();
    const statement = { ring, a: party.publicKey[1], c1: zero[1], statement: randomBytes(32) };
    time("prove authorship", () => proveAuthorship(statement, u, randomBytes));
    const proof = proveAuthorship(statement, u, randomBytes);
    time("check authorship", () => assertAuthorship(statement, proof));
    const [a, b] = [engine.encrypt(plain), engine.encrypt(plain)];
    time("save", () => engine.rawCiphertext(a));
    const raw = engine.rawCiphertext(a);
    const sealBytes = engine.saveCiphertext(a).length;
    time("pack", () => packCiphertext(engine, window, raw, stride));
    const bytes = packCiphertext(engine, window, raw, stride);
    time("unpack", () => unpackCiphertext(engine, bytes, raw.level));
    const unpacked = unpackCiphertext(engine, bytes, raw.level);
    const sum = new SumAccumulator(engine);
    time("add residues", () => sum.add(unpacked));
    time("load", () => engine.loadCiphertext(raw));
    time("add in SEAL", () => engine.add(a, b));
    if (products) {
      time("multiply", () => engine.rescale(engine.multiply(a, b)));
      time("rotate", () => engine.rotate(a, 1));
    }
    const openedPrimes = Math.min(raw.level, MOST_OPENED_PRIMES);
    const toOpen = engine.rawCiphertext(openedPrimes === raw.level ? a : engine.modSwitchTo(a, openedPrimes));
    const sigmaBits = sigmaBitsOf(party, openedPrimes, PRODUCT_NOISE, engine.degree / dayStride);
    time("randomise", () => randomised(party, toOpen, dayStride));
    const opening = randomised(party, toOpen, dayStride);
    time("partial", () => partOf(party, opening, ACTIVE[0]!, sigmaBits));
    const partials = ACTIVE.map((index) => partOf(party, opening, index, sigmaBits));
    time("combine", () => slotsOf(party, opening, partials));
    const wholeBytes = packCiphertext(engine, window, raw, 1).length + proof.length;
    [a, b].forEach((item) => scope.drop(item));
    return { dayBytes: bytes.length + proof.length, wholeBytes, sealBytes, openedPrimes };
  });
  engine.close();
  const { degree, primeBits } = parameters;
  return { set, degree, primeBits, contextCpuMs, keygenCpuMs, keyBytes, ...figures, times };
}
