/**
 * A curious party, or several together, and the ciphertexts of meters: it takes folders of keys, disks and everything on
 * the wire, opens what its keys open, and tries to decrypt with whatever shares of the secret key it has. The same code
 * plays those who must fail and, with one share more, the control that must not.
 */
import path from "node:path";
import Database from "better-sqlite3";
import type { Config } from "../../config/index.ts";
import { parametersOf } from "../../config/schema-ckks.ts";
import { openCkksShare, openParty, type Party } from "../../config/keys/index.ts";
import { decodeCbor } from "../../protocol/cbor.ts";
import { CkksEngine, dataLevels, unpackCiphertext } from "../../protocol/ckks/index.ts";
import { bitsOfPrime, packedBytes, type RnsPoly, unpackResidues } from "../../protocol/ckks/ring/index.ts";
import { combine, toSlots } from "../../protocol/ckks/threshold/combine.ts";
import { coefficientsAt, decodeShare, type KeyShare } from "../../protocol/ckks/threshold/index.ts";
import { lagrangeAtZero } from "../../protocol/ckks/threshold/share.ts";
import { serverContext } from "../../protocol/envelope/hpke.ts";
import { verify1 } from "../../protocol/envelope/index.ts";
import { partialMessage } from "../../protocol/messages/ckks.ts";
import { aggregatorId } from "../../protocol/names.ts";
import { parseTopic } from "../../protocol/topics.ts";
import { Holder } from "./holder.ts";
import type { Published } from "./recording.ts";

export interface HeldCiphertext {
  readonly meter: string;
  readonly bytes: Uint8Array;
}

/** What came of one way to decrypt, and which. */
export interface Attempt {
  readonly how: string;
  readonly slots: Float64Array;
}

const SET = "light";

export class CiphertextHolder {
  readonly shares: KeyShare[] = [];
  /** By meter; every meter has sent one. */
  readonly ciphertexts = new Map<string, HeldCiphertext>();
  /** Parts of openings, in coefficients. */
  readonly parts: RnsPoly[] = [];
  readonly #engine: CkksEngine;
  readonly #data: string;
  readonly #holder = new Holder();
  #directory: Party["directory"] | undefined;

  private constructor(engine: CkksEngine, data: string) {
    this.#engine = engine;
    this.#data = data;
  }

  static async create(config: Config, data: string): Promise<CiphertextHolder> {
    return new CiphertextHolder(await CkksEngine.create(parametersOf(config.homomorphic, SET)), data);
  }

  /** The whole folder of keys of a party, and its share of the secret key where it has one. */
  async takeFolder(id: string): Promise<this> {
    const folder = path.join(this.#data, "keys", id);
    const party = openParty(folder);
    this.#directory = party.directory;
    this.#holder.takeFolder(folder);
    if (party.role === "aggregator") {
      const bytes = await openCkksShare(party, party.ckks!.current, SET);
      this.shares.push(decodeShare(this.#engine.ring, bytes, dataLevels(this.#engine.parameters)));
    }
    return this;
  }

  /** The ciphertexts on the disk of analytics. */
  takeDisk(): this {
    const db = new Database(path.join(this.#data, "analytics", "analytics.db"), { readonly: true });
    try {
      const rows = db.prepare<[], { meter: string; bytes: Buffer }>("SELECT meter, bytes FROM ciphertexts").all();
      for (const { meter, bytes } of rows) this.#take(meter, Uint8Array.from(bytes));
      return this;
    } finally {
      db.close();
    }
  }

  /** Opens everything on the wire that its keys open. */
  async takeWire(published: readonly Published[]): Promise<this> {
    for (const { topic, to, plaintext } of (await this.#holder.open(published)).sealed) {
      const parsed = parseTopic(topic);
      if (parsed?.name === "heCiphertext") this.#take(parsed.parameters.meter!, plaintext);
      if (parsed?.name === "jobRequest") this.#takeInputs(this.#content(plaintext, "analytics", to));
      if (parsed?.name === "jobPartial") {
        const sender = aggregatorId(Number(parsed.parameters.agg));
        this.#takeParts(partialMessage.parse(this.#content(plaintext, sender, to)).outputs);
      }
    }
    return this;
  }

  #content(plaintext: Uint8Array, from: string, to: string): unknown {
    return decodeCbor(verify1(plaintext, this.#directory!, serverContext(from, to)).payload);
  }

  #takeInputs(message: unknown): void {
    const { type, items } = message as { type: string; items?: [string, string, Uint8Array][] };
    if (type === "inputs") for (const [meter, , bytes] of items ?? []) this.#take(meter, Uint8Array.from(bytes));
  }

  #takeParts(outputs: readonly Uint8Array[]): void {
    const { ring } = this.#engine;
    const primes = ring.primes.slice(0, dataLevels(this.#engine.parameters));
    for (const bytes of outputs) {
      const bits = primes.reduce((sum, prime) => sum + bitsOfPrime(prime), 0);
      const width = (8 * bytes.length) / bits;
      let from = 0;
      const residues = primes.map((prime) => {
        const to = from + packedBytes(width, bitsOfPrime(prime));
        const part = unpackResidues(bytes.subarray(from, to), width, bitsOfPrime(prime), prime);
        from = to;
        return [...part];
      });
      this.parts.push(BigUint64Array.from(residues.flat()));
    }
  }

  #take(meter: string, bytes: Uint8Array): void {
    this.ciphertexts.set(meter, { meter, bytes });
  }

  /** A meter's ciphertext from elsewhere, given to those who have none. */
  give(from: CiphertextHolder): this {
    for (const [meter, held] of from.ciphertexts) this.ciphertexts.set(meter, held);
    return this;
  }

  /** Every way to decrypt a meter's ciphertext that shares, public keys and parts of openings allow. */
  attempts(meter: string): Attempt[] {
    const held = this.ciphertexts.get(meter);
    if (held === undefined) return [];
    const { ring, parameters, degree } = this.#engine;
    const level = dataLevels(parameters);
    const { c0, c1, stride } = unpackCiphertext(this.#engine, held.bytes, level);
    const first = stride === 1 ? coefficientsAt(ring, c0, 1) : c0;
    const slotsOf = (how: string, partials: readonly RnsPoly[]): Attempt => {
      const { real } = toSlots(ring, combine({ ring, c0: first, partials, stride }), 2 ** parameters.scaleBits, stride);
      return { how, slots: real };
    };
    const product = (key: RnsPoly, weights: readonly bigint[]): RnsPoly =>
      coefficientsAt(ring, ring.scale(ring.multiply(c1.slice(), key.slice(0, level * degree)), weights), stride);
    const ones = ring.primes.slice(0, level).map(() => 1n);
    return [
      slotsOf("without a key", []),
      slotsOf("the first polynomial of the ciphertext as a key", [product(c1, ones)]),
      ...this.parts.map((part, i) => slotsOf(`part ${i} of an opening`, [part])),
      ...this.parts.flatMap((one, i) =>
        this.parts.slice(i + 1).map((two, j) => slotsOf(`parts ${i} and ${i + 1 + j}`, [one, two])),
      ),
      ...subsets(this.shares).map((shares) => {
        const active = shares.map(({ index }) => index);
        const partials = shares.map(({ index, poly }) =>
          product(
            poly,
            ring.primes.slice(0, level).map((prime) => lagrangeAtZero(active, index, prime)),
          ),
        );
        return slotsOf(`shares ${active.join(", ")}`, partials);
      }),
    ];
  }
}

/** All but the empty one. */
function subsets<T>(items: readonly T[]): T[][] {
  return items.reduce<T[][]>((all, item) => [...all, ...all.map((one) => [...one, item])], [[]]).slice(1);
}
