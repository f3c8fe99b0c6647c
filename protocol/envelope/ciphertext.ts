/**
 * Between a meter and analytics (docs/protocol.md, "Ciphertexts"): the ciphertext, sealed and not signed, because the
 * digest at the aggregators vouches for it; and analytics' signed answer, after which the meter may forget it.
 */
import { z } from "zod";
import { bytesOfLength } from "../bytes.ts";
import { decodeCbor, encodeCbor } from "../cbor.ts";
import { ProtocolError } from "../errors.ts";
import type { Directory } from "../keys/directory.ts";
import { CIPHERTEXT_CODES, type CiphertextCode } from "../messages/ack-codes.ts";
import { meterId, seriesName } from "../names.ts";
import { MAX_SLOT } from "../slots.ts";
import { hpkeOpen, hpkeSeal } from "./hpke.ts";
import type { ServerParty } from "./server-message.ts";
import { sign1, type Signer, verify1 } from "./sign1.ts";

const ANALYTICS = "analytics";

/**
 * Seals a packed ciphertext to analytics; the result travels in chunks. Throws RangeError when the directory lists no
 * analytics server that receives.
 */
export async function sealCiphertext(
  bytes: Uint8Array,
  meter: string,
  directory: Pick<Directory, "servers">,
): Promise<Uint8Array> {
  const key = directory.servers.get(ANALYTICS)?.sealKey;
  if (key === undefined) throw new RangeError("directory: lists no analytics server with a sealing key");
  return hpkeSeal(bytes, meterId.parse(meter), ANALYTICS, key);
}

/**
 * Opens what was sealed to analytics on the topic of `meter`. That this meter sealed it is claimed, not proven. Throws
 * ProtocolError `malformed`, `bad-seal` or `wrong-sender`.
 */
export async function openCiphertext(
  bytes: Uint8Array,
  analytics: Pick<ServerParty, "id" | "sealKey">,
  meter: string,
): Promise<Uint8Array> {
  if (analytics.sealKey === undefined) throw new RangeError(`sealKey: ${analytics.id} holds no sealing key`);
  const { from, plaintext } = await hpkeOpen(bytes, ANALYTICS, analytics.sealKey);
  if (from !== meter) {
    throw new ProtocolError("wrong-sender", `expected a ciphertext from ${meter}, got one from ${from}`);
  }
  return plaintext;
}

const codes = new Set<number>(Object.values(CIPHERTEXT_CODES));
const content = z.tuple([
  seriesName,
  z.int().min(0).max(MAX_SLOT),
  bytesOfLength(32, "a digest"),
  z.int().refine((code) => codes.has(code), "a known code"),
]);

/** What analytics says of one ciphertext. */
export interface CiphertextAck {
  readonly series: string;
  readonly firstSlot: number;
  /** Of the ciphertext that it answers. */
  readonly digest: Uint8Array;
  readonly code: CiphertextCode;
}

/** Signs an answer to a meter as analytics. */
export function signCiphertextAck(ack: CiphertextAck, meter: string, analytics: Signer): Uint8Array {
  const checked = content.safeParse([ack.series, ack.firstSlot, ack.digest, ack.code]);
  if (!checked.success) throw new RangeError(`ack: ${z.prettifyError(checked.error)}`);
  return sign1(encodeCbor(checked.data), analytics, contextOf(meter));
}

/** Reads such an answer. Throws ProtocolError `malformed`, `wrong-sender` or `bad-signature`. */
export function openCiphertextAck(
  bytes: Uint8Array,
  meter: string,
  directory: Pick<Directory, "servers">,
): CiphertextAck {
  const { payload } = verify1(bytes, directory, contextOf(meter), ANALYTICS);
  const parsed = content.safeParse(decodeCbor(payload));
  if (!parsed.success)
    throw new ProtocolError("malformed", `an answer to a ciphertext: ${z.prettifyError(parsed.error)}`);
  const [series, firstSlot, digest, code] = parsed.data;
  return { series, firstSlot, digest, code: code as CiphertextCode };
}

function contextOf(meter: string): string {
  return `wv/1 he-ack ${meter}`;
}
