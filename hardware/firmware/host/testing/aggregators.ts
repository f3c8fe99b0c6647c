/**
 * Aggregators as a device meets them: they grant boots, keep the first share of every cell, answer with sealed acks, and
 * fail the test when a nonce comes twice. Made of protocol/ alone; tests/ does the same with the real ones.
 */
import assert from "node:assert/strict";
import { directionKey } from "../../../../protocol/envelope/aead.ts";
import {
  type Ack,
  type AckSealer,
  createAckSealer,
  createShareOpener,
  type ShareOpener,
} from "../../../../protocol/envelope/index.ts";
import { ACK_CODES, type AckEntry } from "../../../../protocol/messages/ack-codes.ts";
import { interpolate } from "../../../../protocol/shamir/interpolate.ts";
import type { HelloFrame, PeerKeys, Provisioning } from "../../../link/index.ts";
import type { StreetAggregator } from "./street.ts";

const SLOT_SECONDS = 900;

export class ModelAggregator implements StreetAggregator {
  readonly index: number;
  readonly keys: PeerKeys;
  online = true;
  /** Highest boot seen, granted or named. */
  highestBoot = 0;
  /** By "kind:slot": the 16 bytes stored first. */
  readonly cells = new Map<string, string>();
  conflicts = 0;
  duplicates = 0;
  /** Every nonce that ever authenticated, and the message that had it. */
  readonly nonces = new Map<string, string>();
  #challenge = "";
  #granted = 0;
  #seen = { boot: 0, counter: 0 };
  #counter = 0;
  readonly #opener: ShareOpener;
  readonly #sealer: AckSealer;

  constructor(rootKey: Uint8Array, meter: string, index: number) {
    this.index = index;
    this.keys = { shareKey: directionKey(rootKey, "wv/1/share"), ackKey: directionKey(rootKey, "wv/1/ack") };
    this.#opener = createShareOpener(rootKey, meter, index);
    this.#sealer = createAckSealer(rootKey, meter, index);
  }

  seal(ack: Ack): Uint8Array {
    return this.#sealer.seal({ boot: 1, counter: this.#counter++ }, ack);
  }

  /** The answer to a hello: the same challenge keeps its grant. */
  onHello(hello: HelloFrame, time: number): Uint8Array[] {
    const challenge = Buffer.from(hello.challenge).toString("hex");
    if (challenge !== this.#challenge) {
      this.#challenge = challenge;
      this.highestBoot = Math.max(this.highestBoot, this.#granted, this.#seen.boot, hello.boot) + 1;
      this.#granted = this.highestBoot;
    }
    const granted = { challenge: hello.challenge, boot: this.#granted };
    return [this.seal({ time, highest: this.#seen, entries: [], hello: granted })];
  }

  /** Takes a share message; the entry of its ack. Throws when it does not authenticate or repeats a nonce. */
  #take(message: Uint8Array): AckEntry {
    const { kind, firstSlot, number, entries } = this.#opener.open(message);
    const nonce = `${number.boot}:${number.counter}`;
    assert.equal(this.nonces.get(nonce), undefined, `aggregator ${this.index}: nonce ${nonce} was used before`);
    this.nonces.set(nonce, Buffer.from(message).toString("hex"));
    this.#seen = number;
    const cell = `${kind}:${firstSlot}`;
    const entry = Buffer.from(entries).toString("hex");
    const stored = this.cells.get(cell);
    if (stored === undefined) this.cells.set(cell, entry);
    else if (stored === entry) this.duplicates++;
    else this.conflicts++;
    const code = stored === undefined ? ACK_CODES.stored : stored === entry ? ACK_CODES.duplicate : ACK_CODES.conflict;
    return { kind, firstSlot, count: 1, code };
  }

  onShare(message: Uint8Array, time: number): Uint8Array[] {
    return [this.ackOf([this.#take(message)], time)];
  }

  ackOf(entries: readonly AckEntry[], time: number): Uint8Array {
    return this.seal({ time, highest: this.#seen, entries });
  }
}

export interface ModelSystem {
  readonly aggregators: readonly ModelAggregator[];
  readonly provisioning: Provisioning;
}

/** n aggregators and what a device of theirs is provisioned with; keys come from `seed`. */
export function modelSystem(n = 3, threshold = 2, seed = 1, meter = "m-001"): ModelSystem {
  const key = (label: number): Uint8Array =>
    Uint8Array.from({ length: 32 }, (_, at) => (seed * 101 + label * 31 + at * 7) & 255);
  const aggregators = Array.from({ length: n }, (_, at) => new ModelAggregator(key(at + 1), meter, at + 1));
  return {
    aggregators,
    provisioning: {
      meter,
      polynomialKey: key(99),
      peers: aggregators.map(({ keys }) => keys),
      threshold,
      checkpoint: 32,
      slotSeconds: SLOT_SECONDS,
      pulsesPerKwh: 1000,
      resendSeconds: 5,
    },
  };
}

/** The readings that the aggregators hold together, by "kind:slot": each must lie on one polynomial of degree t - 1. */
export function readingsOf({ aggregators, provisioning }: ModelSystem): Map<string, number> {
  const readings = new Map<string, number>();
  const cells = new Set(aggregators.flatMap(({ cells: own }) => [...own.keys()]));
  for (const cell of cells) {
    const points = aggregators.flatMap(({ index, cells: own }) => {
      const entry = own.get(cell);
      return entry === undefined ? [] : [{ x: index, y: BigInt(`0x${entry.slice(0, 16)}`) }];
    });
    if (points.length < provisioning.threshold) continue;
    const { value, disagreeing } = interpolate(points, provisioning.threshold);
    assert.equal(disagreeing, 0, `the shares of ${cell} lie on one polynomial`);
    readings.set(cell, Number(value));
  }
  return readings;
}
