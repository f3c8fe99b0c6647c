/**
 * Brings meters' ciphertexts to the aggregators that lack them: one message at a time for each aggregator, each of
 * bounded size, the next when the broker has the last.
 */
import type { InputsMessage } from "../../protocol/messages/ckks.ts";

export interface CourierPorts {
  /** Reads one stored ciphertext; undefined when it is gone. */
  readonly bytesOf: (meter: string, series: string) => Uint8Array | undefined;
  /** Rejects when it cannot be sent now. */
  readonly send: (message: InputsMessage) => Promise<void>;
  /** Bytes of one message. */
  readonly messageBytes: number;
  readonly active: () => boolean;
}

/** As the message's schema has it. */
const MAX_ITEMS = 4_096;

/** Sends all that was asked for; returns how many ciphertexts went. Rejects as `send` does. */
export async function bringInputs(
  wanted: readonly (readonly [meter: string, series: string])[],
  { bytesOf, send, messageBytes, active }: CourierPorts,
): Promise<number> {
  let items: [string, string, Uint8Array][] = [];
  let bytes = 0;
  let sent = 0;
  const flush = async (): Promise<void> => {
    if (items.length === 0) return;
    const message: InputsMessage = { type: "inputs", items };
    sent += items.length;
    items = [];
    bytes = 0;
    await send(message);
  };
  for (const [meter, series] of wanted) {
    if (!active()) return sent;
    const ciphertext = bytesOf(meter, series);
    if (ciphertext === undefined) continue;
    if (bytes + ciphertext.length > messageBytes || items.length >= MAX_ITEMS) await flush();
    items.push([meter, series, ciphertext]);
    bytes += ciphertext.length;
  }
  await flush();
  return sent;
}
