/** A meter's hello: which boot number it is granted. What is granted is durable before it is said. */
import { meterStatus } from "../../protocol/messages/public.ts";
import type { MeterChannel } from "./meter-channel.ts";

const MAX_BOOT = 0xffff_ffff;
/** More starts than a meter has while this aggregator lacks its newest backup. */
const MAX_BOOT_LEAP = 65_536;

/** A retained status as it was published; undefined for anything else. */
export function readStatus(payload: Uint8Array) {
  try {
    return meterStatus.parse(JSON.parse(Buffer.from(payload).toString("utf8")));
  } catch {
    return undefined;
  }
}

/** Grants a boot to a new challenge; the same challenge keeps what it has. Returns the code of a refusal. */
export function grantBoot(channel: MeterChannel, hello: { readonly challenge: string; readonly boot: number }) {
  const challenge = Buffer.from(hello.challenge, "hex");
  if (channel.challenge !== undefined && challenge.equals(channel.challenge)) return undefined;
  const known = Math.max(channel.grantedBoot, channel.seen.boot);
  // A hello is not authenticated by the meter's key: it may not use up the numbers in a few leaps.
  if (hello.boot > known + MAX_BOOT_LEAP) return "boot-leap";
  const highest = Math.max(known, hello.boot);
  if (highest >= MAX_BOOT) return "boots-exhausted";
  channel.grantedBoot = highest + 1;
  channel.challenge = challenge;
  channel.dirty = true;
  return undefined;
}
