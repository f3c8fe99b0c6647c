/** Digests of units (docs/protocol.md, "A round"): SHA-256 over (member, tag) of the set bits. Sees tags, no shares. */
import { createHash } from "node:crypto";
import { countMembers, members } from "../../protocol/bitmap.ts";
import type { Question } from "../../protocol/messages/round.ts";
import { billingPlace } from "./shape.ts";

/** Bytes of a tag. */
export const TAG_BYTES = 8;

const NOTHING = new Uint8Array(0);

/**
 * The digest of a unit's cells `bitmap`, taken from an aggregator that holds `held` with `tags` (8 bytes per set bit
 * of `held`). `bitmap` must be a subset of `held`. Empty for no cell.
 */
export function unitDigest(
  question: Question,
  unit: number,
  bitmap: Uint8Array,
  held: Uint8Array,
  tags: Uint8Array,
): Uint8Array {
  const count = countMembers(bitmap);
  if (count === 0) return NOTHING;
  const memberBytes = question.purpose === "billing" ? 4 : 2;
  const base = question.purpose === "billing" ? (question.segments[billingPlace(question, unit).segment]?.[0] ?? 0) : 0;
  const bytes = Buffer.allocUnsafe(count * (memberBytes + TAG_BYTES));
  let at = 0;
  let tag = 0;
  for (const member of members(held)) {
    if ((bitmap[member >>> 3] ?? 0) & (1 << (member & 7))) {
      if (memberBytes === 2) bytes.writeUInt16BE(member, at);
      else bytes.writeUInt32BE(base + member, at);
      at += memberBytes;
      bytes.set(tags.subarray(tag, tag + TAG_BYTES), at);
      at += TAG_BYTES;
    }
    tag += TAG_BYTES;
  }
  if (at !== bytes.length) throw new RangeError("bitmap: expected cells that the aggregator holds, got others too");
  return new Uint8Array(createHash("sha256").update(bytes).digest());
}
