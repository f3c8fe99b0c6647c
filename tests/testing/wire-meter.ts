/**
 * A meter that the test plays, with that meter's folder of keys and its own TLS connection: it splits, seals, greets and
 * waits for acks as the protocol says, and can also send what no honest meter would.
 */
import { createHash, randomBytes } from "node:crypto";
import { type MeterSecrets, openMeterSecrets } from "../../config/keys/index.ts";
import type { Link } from "../../config/runtime/link.ts";
import {
  type AckOpener,
  createAckOpener,
  createShareSealer,
  ENTRY_BYTES,
  type ShareSealer,
} from "../../protocol/envelope/index.ts";
import { ACK_CODES, type AckCode } from "../../protocol/messages/ack-codes.ts";
import { splitBatch } from "../../protocol/shamir/split.ts";
import { filterOf, parseTopic, topicOf } from "../../protocol/topics.ts";
import type { Kind } from "../../protocol/units.ts";
import type { Stage } from "./stage.ts";

const RESEND_MILLISECONDS = 400;
/** The slowest answer on a crowded machine takes a few seconds. */
const SILENCE_MILLISECONDS = 30_000;

interface Channel {
  readonly sealer: ShareSealer;
  readonly opener: AckOpener;
  boot: number;
  counter: number;
}

export class WireMeter {
  readonly id: string;
  readonly secrets: MeterSecrets;
  readonly #stage: Stage;
  readonly #channels = new Map<number, Channel>();
  readonly #waiting = new Set<{ aggregator: number; kind: number; slot: number; done: (code: AckCode) => void }>();
  /** Payloads that came on its bill topic. */
  readonly bills: Uint8Array[] = [];
  #granted: (() => void) | undefined;
  #onBill: (() => void) | undefined;
  #challenge = "";
  link!: Link;

  private constructor(stage: Stage, id: string) {
    this.#stage = stage;
    this.id = id;
    this.secrets = openMeterSecrets(stage.keys(id));
    for (const [aggregator, rootKey] of this.secrets.rootKeys) {
      const sealer = createShareSealer(rootKey, id, aggregator);
      this.#channels.set(aggregator, { sealer, opener: createAckOpener(rootKey, id, aggregator), boot: 0, counter: 0 });
    }
  }

  /** Connects and says hello; resolves when every aggregator has granted a boot number. */
  static async open(stage: Stage, id: string): Promise<WireMeter> {
    const meter = new WireMeter(stage, id);
    const filters = [filterOf("ack", { meter: id }), filterOf("bill", { meter: id })];
    meter.link = await stage.connect(stage.party(id), filters, (topic, payload) => meter.#onMessage(topic, payload));
    await meter.#hello();
    return meter;
  }

  async #hello(): Promise<void> {
    this.#challenge = randomBytes(16).toString("hex");
    const status = JSON.stringify({ state: "online", challenge: this.#challenge, boot: 0 });
    const granted = new Promise<void>((resolve) => {
      this.#granted = resolve;
    });
    await again(granted, () => this.link.publish(topicOf("meterStatus", { meter: this.id }), status, { retain: true }));
  }

  #onMessage(topic: string, payload: Uint8Array): void {
    const parsed = parseTopic(topic);
    if (parsed?.name === "bill") {
      this.bills.push(Uint8Array.from(payload));
      this.#onBill?.();
      return;
    }
    const aggregator = Number(parsed?.parameters.agg);
    const channel = this.#channels.get(aggregator)!;
    const { ack } = channel.opener.open(payload);
    if (ack.hello !== undefined && Buffer.from(ack.hello.challenge).toString("hex") === this.#challenge) {
      channel.boot = ack.hello.boot;
      if ([...this.#channels.values()].every(({ boot }) => boot > 0)) this.#granted?.();
    }
    for (const { kind, firstSlot, count, code } of ack.entries) {
      for (const one of this.#waiting) {
        const fits = one.aggregator === aggregator && one.kind === kind;
        if (!fits || one.slot < firstSlot || one.slot >= firstSlot + count) continue;
        this.#waiting.delete(one);
        one.done(code);
      }
    }
  }

  /** The shares of consecutive readings by share index: plaintexts of share messages. */
  split(kind: Kind, firstSlot: number, readings: readonly number[], key = this.secrets.polynomialKey) {
    const { aggregators, threshold } = this.#stage.config.system;
    const out = Array.from({ length: aggregators }, () => new Uint8Array(ENTRY_BYTES * readings.length));
    splitBatch({ key, kind, firstSlot, readings, n: aggregators, t: threshold, out });
    return new Map(out.map((entries, i) => [i + 1, entries]));
  }

  /** A share message under this meter's right key and its next number. */
  seal(aggregator: number, kind: Kind, firstSlot: number, entries: Uint8Array): Uint8Array {
    const { sealer, boot, counter } = this.#channels.get(aggregator)!;
    this.#channels.get(aggregator)!.counter++;
    return sealer.seal(kind, firstSlot, { boot, counter }, entries);
  }

  /** Publishes bytes as a share message of this meter. */
  push(aggregator: number, payload: Uint8Array): Promise<void> {
    return this.link.publish(topicOf("share", { meter: this.id, agg: String(aggregator) }), payload);
  }

  /** The code that an aggregator gives to a slot, from now on. */
  acked(aggregator: number, kind: number, slot: number): Promise<AckCode> {
    return new Promise((done) => this.#waiting.add({ aggregator, kind, slot, done }));
  }

  /** Sends bytes until the aggregator answers for the slot. */
  async deliver(aggregator: number, payload: Uint8Array, kind: number, slot: number): Promise<AckCode> {
    const code = this.acked(aggregator, kind, slot);
    await again(code, () => this.push(aggregator, payload));
    return code;
  }

  /** Splits, seals and sends consecutive readings; resolves when every aggregator has stored them. */
  async report(firstSlot: number, readings: readonly number[], kind: Kind = 1, key?: Uint8Array): Promise<void> {
    const shares = this.split(kind, firstSlot, readings, key);
    const last = firstSlot + readings.length - 1;
    await Promise.all(
      [...shares].map(async ([aggregator, entries]) => {
        const code = await this.deliver(aggregator, this.seal(aggregator, kind, firstSlot, entries), kind, last);
        // Too late for its load is stored all the same.
        if (code !== ACK_CODES.stored && code !== ACK_CODES.duplicate && code !== ACK_CODES.late) {
          throw new Error(`${this.id}: slot ${last} is answered with code ${code} by aggregator ${aggregator}`);
        }
      }),
    );
  }

  /** Resolves when a bill has come. */
  async bill(): Promise<Uint8Array> {
    if (this.bills.length === 0) await new Promise<void>((resolve) => (this.#onBill = resolve));
    return this.bills[0]!;
  }
}

/**
 * Repeats what the network may lose until `done` resolves, as every party of the protocol does. Rejects when nobody
 * answers for so long that nobody will.
 */
export async function again(done: Promise<unknown>, send: () => Promise<void>): Promise<void> {
  const attempt = (): void => void send().catch(() => {});
  const timer = setInterval(attempt, RESEND_MILLISECONDS);
  let limit: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_resolve, reject) => {
    limit = setTimeout(() => reject(new Error(`no answer within ${SILENCE_MILLISECONDS} ms`)), SILENCE_MILLISECONDS);
  });
  try {
    attempt();
    await Promise.race([done, silence]);
  } finally {
    clearInterval(timer);
    clearTimeout(limit);
  }
}

/** Pseudo-random numbers from a text: the same in every run. */
export function seeded(seed: string): (below: number) => number {
  let at = 0;
  return (below) => {
    const digest = createHash("sha256").update(`${seed}/${at++}`).digest();
    return Number(digest.readBigUInt64BE() % BigInt(below));
  };
}
