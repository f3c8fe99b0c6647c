/**
 * A round as it is announced: JSON of its content with the signature of analytics. The round's id is a hash of the
 * content, so nobody can tell two homes different things under one id.
 */
import { z } from "zod";
import { CONTEXT, sign1, type Signer, verify1 } from "../envelope/sign1.ts";
import { ProtocolError } from "../errors.ts";
import type { Directory } from "../keys/directory.ts";
import { TOPICS } from "../topics.ts";
import { canonicalHash } from "./canonical.ts";
import { roundContent, type RoundContent } from "./content.ts";

const ROUND_BYTES = 16;
/** The id of a learning round: 16 bytes as 32 hex digits. */
export const learningRound = z.string().regex(/^[0-9a-f]{32}$/, "the id of a learning round is 32 hex digits");

const announcement = z.strictObject({ round: learningRound, content: roundContent, signature: z.base64() });

export interface Announcement {
  readonly round: string;
  readonly content: RoundContent;
}

function hashOf(content: RoundContent): Buffer {
  return canonicalHash(content);
}

/** The id of the round with this content. */
export function roundOf(content: RoundContent): string {
  return hashOf(content).toString("hex", 0, ROUND_BYTES);
}

/** The payload that announces a round. Throws RangeError for a content that cannot be, or is too long. */
export function signAnnouncement(content: RoundContent, signer: Signer): Uint8Array {
  const checked = roundContent.safeParse(content);
  if (!checked.success) throw new RangeError(`content: ${z.prettifyError(checked.error)}`);
  const signature = Buffer.from(sign1(hashOf(checked.data), signer, CONTEXT.learn)).toString("base64");
  const payload = Buffer.from(JSON.stringify({ round: roundOf(checked.data), content: checked.data, signature }));
  const { maxBytes } = TOPICS.learnAnnounce;
  if (payload.length > maxBytes) {
    throw new RangeError(`content: an announcement has at most ${maxBytes} bytes, got ${payload.length}`);
  }
  return payload;
}

/**
 * Reads an announcement and verifies that analytics made it. Throws ProtocolError `wrong-length`, `malformed`,
 * `wrong-sender` or `bad-signature`.
 */
export function openAnnouncement(payload: Uint8Array, directory: Pick<Directory, "servers">): Announcement {
  if (payload.length > TOPICS.learnAnnounce.maxBytes) {
    throw new ProtocolError("wrong-length", `an announcement of ${payload.length} bytes`);
  }
  const parsed = announcement.safeParse(jsonOf(payload));
  if (!parsed.success) throw new ProtocolError("malformed", `an announcement: ${z.prettifyError(parsed.error)}`);
  const { round, content, signature } = parsed.data;
  const hash = hashOf(content);
  if (hash.toString("hex", 0, ROUND_BYTES) !== round) {
    throw new ProtocolError("malformed", "an announcement has another round than its content");
  }
  const signed = verify1(Buffer.from(signature, "base64"), directory, CONTEXT.learn);
  if (directory.servers.get(signed.signer)?.role !== "analytics") {
    throw new ProtocolError("wrong-sender", `expected an announcement by analytics, got one by ${signed.signer}`);
  }
  if (Buffer.compare(signed.payload, hash) !== 0) {
    throw new ProtocolError("bad-signature", "the signature of an announcement is of another content");
  }
  return { round, content };
}

function jsonOf(payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload).toString()) as unknown;
  } catch (cause) {
    throw new ProtocolError("malformed", "an announcement is no JSON", { cause });
  }
}
