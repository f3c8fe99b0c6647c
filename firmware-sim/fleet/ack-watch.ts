/**
 * What a fleet can tell of a device that keeps its own counsel: which aggregator has settled what, by the acks on their
 * way to it. The simulation holds the meter's keys; the gateway beside it does not.
 */
import { type MeterSecrets } from "../../config/keys/index.ts";
import { type AckOpener, createAckOpener } from "../../protocol/envelope/index.ts";
import { ACK_CODES } from "../../protocol/messages/ack-codes.ts";

export interface AckWatchOptions {
  readonly secrets: Pick<MeterSecrets, "meter" | "rootKeys">;
  /** Milliseconds. */
  readonly monotonic: () => number;
}

/** More than a device keeps. */
const REMEMBERED = 256;

interface Peer {
  readonly opener: AckOpener;
  /** The last readings that were settled, oldest first. */
  readonly settled: Set<string>;
  /** Since when something waits for it without a word. */
  waitsSince: number | undefined;
}

export class AckWatch {
  readonly #peers: ReadonlyMap<number, Peer>;
  readonly #monotonic: () => number;
  readonly #greeted = new Set<number>();
  /** Shares that an aggregator will never take. */
  gaps = 0;
  /** The latest time that an aggregator has told, Unix seconds. */
  time = 0;
  /** When an ack came last, by this process's clock in milliseconds. */
  heardAt = Number.NEGATIVE_INFINITY;

  constructor({ secrets, monotonic }: AckWatchOptions) {
    this.#monotonic = monotonic;
    this.#peers = new Map(
      [...secrets.rootKeys].map(([aggregator, rootKey]): [number, Peer] => [
        aggregator,
        { opener: createAckOpener(rootKey, secrets.meter, aggregator), settled: new Set(), waitsSince: undefined },
      ]),
    );
  }

  isSettled(aggregator: number, kind: number, slot: number): boolean {
    return this.#peers.get(aggregator)?.settled.has(`${kind}/${slot}`) ?? true;
  }

  /** How many aggregators have answered its hello, and with that told the time. */
  get greeted(): number {
    return this.#greeted.size;
  }

  /** An ack is on its way: the time that it tells. Undefined for one that does not open: the device will refuse it. */
  ack(aggregator: number, payload: Uint8Array): number | undefined {
    const peer = this.#peers.get(aggregator);
    if (peer === undefined) return undefined;
    let opened;
    try {
      opened = peer.opener.open(payload).ack;
    } catch {
      return undefined;
    }
    peer.waitsSince = undefined;
    if (opened.hello !== undefined) this.#greeted.add(aggregator);
    this.time = Math.max(this.time, opened.time);
    for (const { kind, firstSlot, count, code } of opened.entries) {
      if (code === ACK_CODES.conflict || code === ACK_CODES.closed) this.gaps += count;
      for (let slot = firstSlot; slot < firstSlot + count; slot++) {
        if (code === ACK_CODES.resend) peer.settled.delete(`${kind}/${slot}`);
        else peer.settled.add(`${kind}/${slot}`);
      }
    }
    for (const oldest of peer.settled) {
      if (peer.settled.size <= REMEMBERED) break;
      peer.settled.delete(oldest);
    }
    this.heardAt = this.#monotonic();
    return opened.time;
  }

  /** Aggregators for which something waits, and which have said nothing for longer than the patience. */
  silent(patienceMilliseconds: number, waits: (aggregator: number) => boolean): number[] {
    const now = this.#monotonic();
    return [...this.#peers].flatMap(([index, peer]) => {
      peer.waitsSince = waits(index) ? (peer.waitsSince ?? now) : undefined;
      return peer.waitsSince !== undefined && peer.waitsSince < now - patienceMilliseconds ? [index] : [];
    });
  }
}
