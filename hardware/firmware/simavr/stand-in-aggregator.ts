/** What an aggregator says to a device under measurement: grants boots, opens shares, acknowledges them. Keeps nothing. */
import { ACK_CODES, type AckCode, type MessageNumber } from "../../../protocol/messages/ack-codes.ts";
import {
  type AckSealer,
  createAckSealer,
  createShareOpener,
  type ShareMessage,
  type ShareOpener,
} from "../../../protocol/envelope/index.ts";
import type { HelloFrame } from "../../link/index.ts";

export class StandInAggregator {
  readonly #opener: ShareOpener;
  readonly #sealer: AckSealer;
  #sealed = 0;
  #granted = 0;
  #highest: MessageNumber = { boot: 0, counter: 0 };

  constructor(rootKey: Uint8Array, meter: string, index: number) {
    this.#opener = createShareOpener(rootKey, meter, index);
    this.#sealer = createAckSealer(rootKey, meter, index);
  }

  /** The answer to a hello, at Unix time `time`. */
  greet({ challenge, boot }: HelloFrame, time: number): Uint8Array {
    this.#granted = Math.max(this.#granted, boot) + 1;
    const hello = { challenge, boot: this.#granted };
    return this.#sealer.seal(this.#nextNumber(), { time, highest: this.#highest, entries: [], hello });
  }

  /** Opens a share. Throws ProtocolError. */
  open(message: Uint8Array): ShareMessage {
    const share = this.#opener.open(message);
    this.#highest = share.number;
    return share;
  }

  /** Acknowledges one slot. */
  acknowledge({ kind, firstSlot }: ShareMessage, time: number, code: AckCode = ACK_CODES.stored): Uint8Array {
    const entries = [{ kind, firstSlot, count: 1, code }];
    return this.#sealer.seal(this.#nextNumber(), { time, highest: this.#highest, entries });
  }

  #nextNumber(): MessageNumber {
    this.#sealed += 1;
    return { boot: 1, counter: this.#sealed };
  }
}
