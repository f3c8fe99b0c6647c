/**
 * One meter as the intake knows it: its keys, the numbers seen and granted, and the ack that waits for a commit.
 * Holds key material inside sealer and opener; nothing here is logged.
 */
import { createAckSealer, type AckSealer } from "../../protocol/envelope/ack.ts";
import { pooled } from "../../protocol/envelope/aead.ts";
import { type CiphertextDigest, createDigestOpener, type DigestOpener } from "../../protocol/envelope/digest.ts";
import { createUpdateOpener, type UpdateMessage, type UpdateOpener } from "../../protocol/envelope/update.ts";
import { createShareOpener, type ShareMessage, type ShareOpener } from "../../protocol/envelope/share.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import type { Place } from "../../protocol/messages/enrolment.ts";
import { compareMessageNumbers, type MessageNumber } from "../../protocol/messages/ack-codes.ts";
import { topicOf } from "../../protocol/topics.ts";
import { AckBatch } from "./ack-batch.ts";

/** What the meters table remembers. */
export interface MeterState {
  readonly number: number;
  readonly id: string;
  readonly seen: MessageNumber;
  readonly grantedBoot: number;
  readonly challenge: Uint8Array | undefined;
}

/** A root key; `trying` until a message has authenticated under it. */
export interface RootKey {
  readonly version: number;
  readonly key: Uint8Array;
  readonly trying: boolean;
}

interface Suite {
  readonly version: number;
  readonly opener: ShareOpener;
  readonly sealer: AckSealer;
  /** Made with the first digest: most meters of most systems send none. */
  digests: DigestOpener | undefined;
  updates: UpdateOpener | undefined;
  readonly key: Uint8Array;
  trying: boolean;
}

export class MeterChannel {
  readonly id: string;
  readonly number: number;
  readonly ackTopic: string;
  readonly acks = new AckBatch();
  seen: MessageNumber;
  grantedBoot: number;
  challenge: Uint8Array | undefined;
  /** The answer to a hello waits for the commit. */
  helloDue = false;
  /** Listed among those to be acknowledged at the next commit. */
  due = false;
  /** Its row in table `meters` is behind. */
  dirty = false;
  /** Where the meter belongs, from the newest record the authority signed; empty: nowhere. */
  places: readonly Place[] = [];
  /** The counter of the next ack, in the aggregator's present boot. */
  ackCounter = 0;
  readonly #aggregator: number;
  /** Newest first. */
  #suites: Suite[] = [];

  constructor(state: MeterState, aggregator: number, keys: readonly RootKey[]) {
    this.id = state.id;
    this.number = state.number;
    this.seen = state.seen;
    this.grantedBoot = state.grantedBoot;
    this.challenge = state.challenge;
    this.#aggregator = aggregator;
    this.ackTopic = topicOf("ack", { meter: state.id, agg: String(aggregator) });
    for (const key of keys) this.addKey(key);
  }

  get hasKey(): boolean {
    return this.#suites.length > 0;
  }

  /** The keys in use and on trial, newest first. */
  get held(): readonly { readonly version: number; readonly trying: boolean }[] {
    return this.#suites;
  }

  /** Adds a key; the same version again changes nothing. */
  addKey({ version, key: read, trying }: RootKey): void {
    if (this.#suites.some((suite) => suite.version === version)) return;
    const key = pooled(read);
    const opener = createShareOpener(key, this.id, this.#aggregator);
    const sealer = createAckSealer(key, this.id, this.#aggregator);
    this.#suites.push({ version, opener, sealer, digests: undefined, updates: undefined, key, trying });
    this.#suites.sort((a, b) => b.version - a.version);
  }

  /**
   * Opens a message under the newest key that fits. When that key was on trial, it is so no longer, the older keys are
   * dropped, and `onConfirmed` gets its version. Throws ProtocolError.
   */
  open(payload: Uint8Array, onConfirmed: (version: number) => void): ShareMessage {
    return this.#openWith(({ opener }) => opener.open(payload), onConfirmed);
  }

  /** The same for a digest. */
  openDigest(payload: Uint8Array, onConfirmed: (version: number) => void): CiphertextDigest {
    return this.#openWith((suite) => {
      suite.digests ??= createDigestOpener(suite.key, this.id, this.#aggregator);
      return suite.digests.open(payload);
    }, onConfirmed);
  }

  /** The same for an update of a learning round. */
  openUpdate(round: string, payload: Uint8Array, onConfirmed: (version: number) => void): UpdateMessage {
    return this.#openWith((suite) => {
      suite.updates ??= createUpdateOpener(suite.key, this.id, this.#aggregator);
      return suite.updates.open(round, payload);
    }, onConfirmed);
  }

  #openWith<T>(open: (suite: Suite) => T, onConfirmed: (version: number) => void): T {
    for (const suite of this.#suites) {
      let message: T;
      try {
        message = open(suite);
      } catch (error) {
        const older = suite.trying && suite !== this.#suites.at(-1);
        if (older && error instanceof ProtocolError && error.code === "bad-seal") continue;
        throw error;
      }
      if (suite.trying) {
        suite.trying = false;
        this.#suites = this.#suites.filter(({ version }) => version >= suite.version);
        onConfirmed(suite.version);
      }
      return message;
    }
    throw new ProtocolError("bad-seal", "there is no key for this meter");
  }

  /**
   * Seals an ack under the key in use. While a new key is on trial the answer to a hello goes out under each, since
   * nobody knows which one the meter has.
   */
  seal(boot: number, ack: Parameters<AckSealer["seal"]>[1]): Uint8Array[] {
    const suites = ack.hello === undefined ? this.#suites.filter((suite) => !suite.trying).slice(0, 1) : this.#suites;
    const used = suites.length === 0 ? this.#suites.slice(0, 1) : suites;
    return used.map(({ sealer }) => sealer.seal({ boot, counter: this.ackCounter++ }, ack));
  }

  /** Notes the number of an authentic message. */
  saw(number: MessageNumber): void {
    if (compareMessageNumbers(number, this.seen) <= 0) return;
    // Within a boot the row may lag: grants depend on boots alone.
    if (number.boot > this.seen.boot) this.dirty = true;
    this.seen = number;
  }

  /** Whether all slots from `first` to `last` lie in one place of the meter. */
  belongs(first: number, last: number): boolean {
    return this.places.some(({ from, to }) => from <= first && (to === null || last < to));
  }

  /** Whether any slot from `first` to `last` lies in a place of the meter. */
  touches(first: number, last: number): boolean {
    return this.places.some(({ from, to }) => from <= last && (to === null || first < to));
  }

  /** Whether a slot lies before every place of the meter: it was added later, and not revoked. */
  isBeforeFirst(slot: number): boolean {
    return this.places.length > 0 && this.places.every(({ from }) => from > slot);
  }
}
