/** Which aggregators are online, as the broker tells: kept for as long as the connection stands, whatever the line does. */
import { serverStatus } from "../../protocol/messages/public.ts";

/** A device has a bit for each of the first eight. */
const MOST = 8;

export class OnlineAggregators {
  #bits = 0;

  /** Bit a - 1: aggregator a is online. */
  get bits(): number {
    return this.#bits;
  }

  /** The connection is gone: the next one tells everything anew. */
  forget(): void {
    this.#bits = 0;
  }

  /** Takes an aggregator's status; false where it is none. */
  take(aggregator: number, payload: Uint8Array): boolean {
    if (!(aggregator >= 1 && aggregator <= MOST)) return false;
    const parsed = serverStatus.safeParse(parseJson(payload));
    if (!parsed.success) return false;
    const bit = 1 << (aggregator - 1);
    this.#bits = parsed.data.state === "online" ? this.#bits | bit : this.#bits & ~bit;
    return true;
  }
}

function parseJson(payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload).toString("utf8"));
  } catch {
    return undefined;
  }
}
