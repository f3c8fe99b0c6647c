/**
 * A curious party with everything it holds: it takes folders of keys, databases and messages, tries whatever could be a
 * key on whatever is sealed, and what it opens may hold further keys. The same code plays the party that must fail and,
 * with one more folder, the control that must not.
 */
import { createDecipheriv, createHash, createPrivateKey, type KeyObject } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { customerKeyObject } from "../../config/keys/index.ts";
import { METER_KEYS_FILE, readMeterKeyLists } from "../../config/keys/meter-keys-file.ts";
import { directionKey } from "../../protocol/envelope/aead.ts";
import { hpkeOpen } from "../../protocol/envelope/hpke.ts";
import {
  type Ack,
  ChunkAssembler,
  createAckOpener,
  createShareOpener,
  createUpdateOpener,
  type ShareMessage,
  type UpdateMessage,
} from "../../protocol/envelope/index.ts";
import { aggregatorId } from "../../protocol/names.ts";
import { parseTopic } from "../../protocol/topics.ts";
import type { Published } from "./recording.ts";

const KEY_BYTES = 32;
/** 32 random bytes have about 30 different ones; fewer than this is text or structure, once in a billion times a key. */
const LEAST_DIFFERENT = 20;
/** The least that a sealed share message or ack can have. */
const SHORTEST_BYTES = 44;
/** Header 6 of COSE, eight bytes long. */
const PARTIAL_IV = Buffer.from("a10648", "hex");
/** Header 5, twelve bytes long. */
const IV = Buffer.from("a1054c", "hex");

/** What may be a root key, and the keys of both directions that follow from it once somebody asked. */
interface Candidate {
  readonly root: Uint8Array;
  share?: Uint8Array;
  ack?: Uint8Array;
  update?: Uint8Array;
}

export interface OpenedUpdate {
  readonly meter: string;
  readonly aggregator: number;
  readonly update: UpdateMessage;
}

export interface Opened {
  readonly shares: { readonly meter: string; readonly aggregator: number; readonly message: ShareMessage }[];
  readonly acks: { readonly meter: string; readonly aggregator: number; readonly ack: Ack }[];
  /** Server messages and bills: whose they are, and the signed content. */
  readonly sealed: { readonly topic: string; readonly to: string; readonly plaintext: Uint8Array }[];
}

export class Holder {
  readonly #keys = new Map<string, Candidate>();
  readonly #privateKeys: KeyObject[] = [];
  readonly #delivered: Uint8Array[] = [];

  /** Everything in a party's folder of keys: files as they are, or what their text stands for. */
  takeFolder(folder: string): this {
    for (const name of readdirSync(folder)) {
      const bytes = readFileSync(path.join(folder, name));
      const text = bytes.toString("latin1");
      for (const [hex] of text.matchAll(/[0-9a-f]{64}/g)) {
        const key = Buffer.from(hex, "hex");
        this.takeBytes(key);
        this.#privateKeys.push(customerKeyObject(key));
      }
      for (const [, body = ""] of text.matchAll(/-----BEGIN [^-]+-----([^-]+)-----END/g)) {
        this.takeBytes(Buffer.from(body, "base64"));
      }
      if (/\.(cbor|cose)$/.test(name)) this.takeBytes(bytes);
      if (name.endsWith(".key")) this.#takePrivateKey(text);
      if (name === METER_KEYS_FILE) this.#delivered.push(...readMeterKeyLists(folder));
    }
    return this;
  }

  #takePrivateKey(pem: string): void {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === "x25519") this.#privateKeys.push(key);
  }

  /** A file of any kind, a database for example. */
  takeFile(file: string): this {
    return this.takeBytes(readFileSync(file));
  }

  /** Whatever 32 bytes lie side by side may be a key. */
  takeBytes(bytes: Uint8Array): this {
    for (let at = 0; at + KEY_BYTES <= bytes.length; at++) {
      const key = bytes.subarray(at, at + KEY_BYTES);
      if (new Set(key).size < LEAST_DIFFERENT) continue;
      const name = Buffer.from(key).toString("latin1");
      if (!this.#keys.has(name)) this.#keys.set(name, { root: key });
    }
    return this;
  }

  get keys(): number {
    return this.#keys.size;
  }

  /** Tries all keys on all messages. */
  async open(published: readonly Published[]): Promise<Opened> {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0; // hundreds of thousands of keys that do not fit
    try {
      await this.#openDelivered();
      const opened: Opened = { shares: [], acks: [], sealed: [] };
      this.#openShares(published, opened);
      await this.#openSealed(published, opened);
      return opened;
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
  }

  /** The updates that its keys open: whose they are, and for whom. */
  async openUpdates(published: readonly Published[]): Promise<OpenedUpdate[]> {
    await this.#openDelivered();
    const rootKeys = new Map<string, Uint8Array | undefined>();
    return published.flatMap(({ topic, payload }) => {
      const { name, parameters } = parseTopic(topic) ?? {};
      if (name !== "update") return [];
      const { meter = "", agg = "", round = "" } = parameters ?? {};
      const open = (key: Uint8Array) => createUpdateOpener(key, meter, Number(agg)).open(round, payload);
      const channel = `${meter} ${agg}`;
      if (!rootKeys.has(channel)) rootKeys.set(channel, this.#rootKeyOf("update", payload, open));
      const key = rootKeys.get(channel);
      return key === undefined ? [] : [{ meter, aggregator: Number(agg), update: open(key) }];
    });
  }

  /** Lists of meters' root keys, sealed to their aggregator. */
  async #openDelivered(): Promise<void> {
    for (const list of this.#delivered.splice(0)) {
      for (let index = 1; index <= 7; index++) {
        const plaintext = await this.#hpke(list, aggregatorId(index));
        if (plaintext !== undefined) this.takeBytes(plaintext);
      }
    }
  }

  async #hpke(bytes: Uint8Array, to: string): Promise<Uint8Array | undefined> {
    for (const key of this.#privateKeys) {
      try {
        const { plaintext } = await hpkeOpen(bytes, to, key);
        // Whoever has a recipient's key has it for the next letter, too.
        this.#privateKeys.unshift(...this.#privateKeys.splice(this.#privateKeys.indexOf(key), 1));
        return plaintext;
      } catch {
        // Not this one.
      }
    }
    return undefined;
  }

  #openShares(published: readonly Published[], { shares, acks }: Opened): void {
    // Both directions of a meter and an aggregator come from one root key: what fits neither is tried once.
    const rootKeys = new Map<string, Uint8Array | undefined>();
    for (const { topic, payload } of published) {
      const parsed = parseTopic(topic);
      if ((parsed?.name !== "share" && parsed?.name !== "ack") || payload.length < SHORTEST_BYTES) continue;
      const { name } = parsed;
      const meter = parsed.parameters.meter!;
      const aggregator = Number(parsed.parameters.agg);
      const channel = `${meter} ${aggregator}`;
      const open = (key: Uint8Array): ShareMessage | Ack =>
        name === "share"
          ? createShareOpener(key, meter, aggregator).open(payload)
          : createAckOpener(key, meter, aggregator).open(payload).ack;
      if (!rootKeys.has(channel)) rootKeys.set(channel, this.#rootKeyOf(name, payload, open));
      const key = rootKeys.get(channel);
      if (key === undefined) continue;
      const message = open(key);
      if ("firstSlot" in message) shares.push({ meter, aggregator, message });
      else acks.push({ meter, aggregator, ack: message });
    }
  }

  #rootKeyOf(name: keyof typeof LOOKS, payload: Buffer, open: (key: Uint8Array) => unknown): Uint8Array | undefined {
    const { iv, ciphertext } = name === "update" ? syntheticCipherOf(payload) : cipherOf(payload);
    for (const candidate of this.#keys.values()) {
      const key = (candidate[name] ??= directionKey(candidate.root, `wv/1/${name}`));
      const plain = createDecipheriv("chacha20", key, iv).update(ciphertext);
      if (!LOOKS[name](plain)) continue;
      try {
        open(candidate.root);
        return candidate.root;
      } catch {
        // It only looked so.
      }
    }
    return undefined;
  }

  async #openSealed(published: readonly Published[], { sealed }: Opened): Promise<void> {
    const chunks = new ChunkAssembler(() => 0, {
      maxSenders: 1000,
      maxMessages: 1000,
      maxBytes: 2 ** 26,
      maxAgeSeconds: 1,
    });
    const seen = new Set<string>();
    for (const { from, topic, payload } of published) {
      const to = recipientOf(topic);
      if (to === undefined) continue;
      const whole = parseTopic(topic)?.name === "bill" ? payload : chunks.add(`${from} ${topic}`, payload);
      if (whole === undefined) continue;
      const digest = createHash("sha256").update(whole).digest("hex");
      if (seen.has(digest)) continue;
      seen.add(digest);
      const plaintext = await this.#hpke(whole, to);
      if (plaintext !== undefined) sealed.push({ topic, to, plaintext });
    }
  }
}

/** IV (block counter 1, then the nonce) and first bytes of the ciphertext of a share message or an ack. */
function cipherOf(payload: Buffer): { iv: Buffer; ciphertext: Buffer } {
  const nonceAt = payload.indexOf(PARTIAL_IV) + PARTIAL_IV.length;
  const iv = Buffer.concat([Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]), payload.subarray(nonceAt, nonceAt + 8)]);
  const head = payload[nonceAt + 8]!;
  const at = nonceAt + 9 + (head < 0x58 ? 0 : 2 ** (head - 0x58));
  return { iv, ciphertext: payload.subarray(at, at + 16) };
}

/** A share is below 2^61. To try a key on all of a message, tag included, costs ten times as much. */
function looksLikeShares(plain: Uint8Array): boolean {
  return plain[0]! < 0x20;
}

/** The same of an update: its header 5 of COSE is the whole nonce. */
function syntheticCipherOf(payload: Buffer): { iv: Buffer; ciphertext: Buffer } {
  const nonceAt = payload.indexOf(IV) + IV.length;
  const iv = Buffer.concat([Buffer.from([1, 0, 0, 0]), payload.subarray(nonceAt, nonceAt + 12)]);
  const head = payload[nonceAt + 12]!;
  const at = nonceAt + 13 + (head < 0x58 ? 0 : 2 ** (head - 0x58));
  return { iv, ciphertext: payload.subarray(at, at + 16) };
}

/** A CBOR map whose first key is 1. */
function looksLikeAck(plain: Uint8Array): boolean {
  return (plain[0] === 0xa3 || plain[0] === 0xa5) && plain[1] === 1;
}

/** A CBOR array of four, of which the first is a tag of 8 bytes. */
function looksLikeUpdate(plain: Uint8Array): boolean {
  return plain[0] === 0x84 && plain[1] === 0x48;
}

const LOOKS = { share: looksLikeShares, ack: looksLikeAck, update: looksLikeUpdate } as const;

/** To whom a sealed message on a topic is addressed; undefined for the others. */
export function recipientOf(topic: string): string | undefined {
  const parsed = parseTopic(topic);
  switch (parsed?.name) {
    case "roundRequest":
    case "enrolRequest":
    case "jobRequest":
      return aggregatorId(Number(parsed.parameters.agg));
    case "roundAnswer":
    case "jobPartial":
    case "jobOutput":
      return "utility";
    case "heCiphertext":
    case "jobAnswer":
    case "jobResult":
      return "analytics";
    case "enrolAnswer":
      return "authority";
    case "bill":
      return parsed.parameters.meter;
    default:
      return undefined;
  }
}

/** Which of the numbers stand somewhere in the bytes: as 8 bytes of either order, as a double, or as JSON. */
export function numbersIn(bytes: readonly Uint8Array[], numbers: Iterable<bigint>): bigint[] {
  const hay = bytes.map((one) => Buffer.from(one));
  return [...numbers].filter((number) => {
    const forms = [0, 1, 2, 3].map(() => Buffer.alloc(8));
    forms[0]!.writeBigUInt64BE(number);
    forms[1]!.writeBigUInt64LE(number);
    forms[2]!.writeDoubleBE(Number(number));
    forms[3]!.writeDoubleLE(Number(number));
    const json = [`:${number},`, `:${number}}`].map((text) => Buffer.from(text));
    return [...forms, ...json].some((form) => hay.some((one) => one.includes(form)));
  });
}
