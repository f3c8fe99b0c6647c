/**
 * The meter's side of the hello (docs/protocol.md): one challenge at a time, and boot numbers that only ever grow.
 * What an aggregator grants is durable before it is used, so that a restored backup cannot lead to a repeated nonce.
 */
import { ProtocolError } from "../../protocol/errors.ts";
import type { MeterStatus } from "../../protocol/messages/public.ts";
import { filterOf, topicOf } from "../../protocol/topics.ts";

const CHALLENGE_BYTES = 16;
/** More starts than a meter forgets by a restored backup, or whose answers it never heard. */
const MAX_BOOT_LEAP = 65_536;

export interface GreetingOptions {
  readonly meter: string;
  /** The boot number of this start, already durable. */
  readonly boot: number;
  readonly randomBytes: (size: number) => Uint8Array;
  /** Makes a higher boot number durable, at once. */
  readonly remember: (boot: number) => void;
}

export class Greeting {
  readonly topic: string;
  readonly #options: GreetingOptions;
  #challenge: Uint8Array;
  /** The highest boot number that this meter has used or been granted; durable. */
  #highest: number;
  /** What the hello of the current challenge names: an answer must grant more. */
  #named: number;

  constructor(options: GreetingOptions) {
    this.#options = options;
    this.topic = topicOf("meterStatus", { meter: options.meter });
    this.#challenge = options.randomBytes(CHALLENGE_BYTES);
    this.#highest = options.boot;
    this.#named = options.boot;
  }

  get challenge(): Uint8Array {
    return this.#challenge;
  }

  /** The status line that says hello. */
  text(): string {
    const challenge = Buffer.from(this.#challenge).toString("hex");
    const status: MeterStatus = { state: "online", challenge, boot: this.#named };
    return JSON.stringify(status);
  }

  /** Makes a new challenge: whatever was granted for the old one, the answers to this one grant more. */
  renew(): void {
    this.#challenge = this.#options.randomBytes(CHALLENGE_BYTES);
    this.#named = this.#highest;
  }

  /**
   * Takes a granted boot number and makes it durable; false when it is not above the one that the hello named. Throws
   * ProtocolError `boot-leap` for one far above it: all aggregators hear the highest with the next hello, and the others
   * would refuse it for ever.
   */
  grant(boot: number): boolean {
    if (boot <= this.#named) return false;
    if (boot > this.#named + MAX_BOOT_LEAP) {
      throw new ProtocolError(
        "boot-leap",
        `boot ${boot} was granted after ${this.#named}, more than ${MAX_BOOT_LEAP} on`,
      );
    }
    if (boot > this.#highest) {
      this.#options.remember(boot);
      this.#highest = boot;
    }
    return true;
  }
}

/** What a meter's connection subscribes to. */
export function meterSubscriptions(meter: string): string[] {
  return [filterOf("ack", { meter })];
}

/** The last will of a meter's connection. */
export function meterLastWill(meter: string): { topic: string; payload: string; retain: true } {
  const status: MeterStatus = { state: "offline" };
  return { topic: topicOf("meterStatus", { meter }), payload: JSON.stringify(status), retain: true };
}
