/**
 * What an aggregator does with one device's messages, in process and on virtual time: grants boots, stores cells once,
 * acknowledges. It keeps what a test wants to know: every nonce, and every cell as it was first stored.
 */
import { type Ack, createAckSealer, createShareOpener } from "../../protocol/envelope/index.ts";
import { ACK_CODES } from "../../protocol/messages/ack-codes.ts";
import { type Kind } from "../../protocol/units.ts";

export interface Cell {
  readonly kind: Kind;
  readonly slot: number;
  /** Share and tag, 16 bytes. */
  readonly entry: Uint8Array;
}

export interface VirtualAggregatorOptions {
  readonly rootKey: Uint8Array;
  readonly meter: string;
  readonly index: number;
  /** Unix seconds. */
  readonly now: () => number;
}

export class VirtualAggregator {
  readonly index: number;
  readonly cells = new Map<string, Cell>();
  /** Messages whose nonce had been seen before, other tags for a cell that was stored, and messages that do not open. */
  readonly faults: string[] = [];
  repeats = 0;
  readonly #options: VirtualAggregatorOptions;
  readonly #sealer;
  readonly #opener;
  readonly #numbers = new Set<string>();
  #challenge: Uint8Array | undefined;
  #granted = 0;
  #highest = { boot: 0, counter: 0 };
  #counter = 0;

  constructor(options: VirtualAggregatorOptions) {
    const { rootKey, meter, index } = options;
    this.#options = options;
    this.index = index;
    this.#sealer = createAckSealer(rootKey, meter, index);
    this.#opener = createShareOpener(rootKey, meter, index);
  }

  /** Answers a hello. */
  hello(challenge: Uint8Array, boot: number): Uint8Array {
    if (this.#challenge === undefined || Buffer.compare(challenge, this.#challenge) !== 0) {
      this.#granted = Math.max(this.#granted, this.#highest.boot, boot) + 1;
      this.#challenge = challenge;
    }
    return this.#ack([], { challenge: this.#challenge, boot: this.#granted });
  }

  /** Stores a share message and acknowledges it; undefined for one that does not open. */
  share(message: Uint8Array): Uint8Array | undefined {
    let opened;
    try {
      opened = this.#opener.open(message);
    } catch (error) {
      this.faults.push(`a${this.index}: ${String(error)}`);
      return undefined;
    }
    const { kind, firstSlot: slot, number, entries: entry } = opened;
    const nonce = `${number.boot}/${number.counter}`;
    if (this.#numbers.has(nonce)) this.faults.push(`a${this.index}: nonce ${nonce} came again`);
    this.#numbers.add(nonce);
    const isHigher =
      number.boot > this.#highest.boot ||
      (number.boot === this.#highest.boot && number.counter > this.#highest.counter);
    if (isHigher) this.#highest = number;
    const key = `${kind}/${slot}`;
    const known = this.cells.get(key);
    let code: (typeof ACK_CODES)[keyof typeof ACK_CODES] = ACK_CODES.stored;
    if (known === undefined) this.cells.set(key, { kind, slot, entry });
    else if (Buffer.compare(known.entry, entry) === 0) {
      code = ACK_CODES.duplicate;
      this.repeats += 1;
    } else {
      code = ACK_CODES.conflict;
      this.faults.push(`a${this.index}: another reading for ${key}`);
    }
    return this.#ack([{ kind, firstSlot: slot, count: 1, code }]);
  }

  #ack(entries: Ack["entries"], hello?: Ack["hello"]): Uint8Array {
    const number = { boot: 1, counter: this.#counter++ };
    const ack = { time: this.#options.now(), highest: this.#highest, entries };
    return this.#sealer.seal(number, hello === undefined ? ack : { ...ack, hello });
  }
}
