/**
 * Digests of ciphertexts in, their codes into the next ack. The window rules are those of shares: a window that ended
 * before the accepted slots is closed, one that reaches ahead is not answered, since the clocks may meet.
 */
import type { CiphertextDigest } from "../../protocol/envelope/digest.ts";
import { CIPHERTEXT_CODES } from "../../protocol/messages/ack-codes.ts";
import type { DigestStore } from "../openings/digest-store.ts";
import type { MeterChannel } from "./meter-channel.ts";

export interface DigestIntakeOptions {
  readonly store: DigestStore;
  readonly slotSeconds: number;
  readonly windowSlots: number;
  readonly futureSlots: number;
  readonly refuse: (code: string, detail?: string) => void;
}

/** Takes one digest; false where it is not answered. */
export function takeDigest(
  channel: MeterChannel,
  item: CiphertextDigest,
  time: number,
  { store, slotSeconds, windowSlots, futureSlots, refuse }: DigestIntakeOptions,
): boolean {
  const { series, firstSlot, slots } = item;
  const now = Math.floor(time / slotSeconds);
  const last = firstSlot + slots - 1;
  if (last > now + futureSlots) {
    refuse("future", channel.id);
    return false;
  }
  const oldest = now - windowSlots;
  const belongs = channel.touches(firstSlot, last);
  if ((last < oldest || !belongs) && store.find(channel.number, series, firstSlot) === undefined) {
    refuse(belongs ? "closed" : "revoked", channel.id);
    channel.acks.addDigest({ series, firstSlot, code: CIPHERTEXT_CODES.closed });
    return true;
  }
  // Its own beginning is among those that are counted, however long it is.
  const result = store.put(channel.number, item, Math.floor(time), oldest - Math.max(windowSlots, slots));
  if (result === "full") {
    refuse("digests-full", channel.id);
    return false;
  }
  if (result === "conflict") refuse("digest-conflict", `${channel.id} series ${series} window ${firstSlot}`);
  channel.acks.addDigest({ series, firstSlot, code: CIPHERTEXT_CODES[result] });
  return true;
}
