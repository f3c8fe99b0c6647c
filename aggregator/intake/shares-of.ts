/**
 * What a share message brings: shares of readings, and of the bits that they were made of. A kind that is configured to
 * be shared by bits is taken in no other form: who may choose how to share could share what is never proved.
 */
import type { ShareMessage } from "../../protocol/envelope/share.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { type BitsByKind, bitEntryBytes, bitsOfKind, firstInvalidBitEntry } from "../../protocol/range/bit-entries.ts";
import { readingShares } from "../../protocol/range/check.ts";
import { firstInvalidEntry } from "../../protocol/shamir/share-entries.ts";
import type { SharedBits } from "../store/share-store.ts";

export interface Shares {
  /** Shares of readings, with their tags. */
  readonly entries: Uint8Array;
  /** Undefined for a kind that is shared as a whole. */
  readonly shared: SharedBits | undefined;
}

/** Throws ProtocolError `wrong-bits` for another form than configured, `malformed` for what is no field element. */
export function sharesOf({ kind, bits, entries }: ShareMessage, configured: BitsByKind): Shares {
  const expected = bitsOfKind(configured, kind);
  if (bits !== expected) {
    throw new ProtocolError("wrong-bits", `expected ${form(expected)} of kind ${kind}, got ${form(bits)}`);
  }
  const invalid = bits === 0 ? firstInvalidEntry(entries) : firstInvalidBitEntry(entries, bits);
  if (invalid >= 0) throw new ProtocolError("malformed", `entry ${invalid} is no field element`);
  if (bits === 0) return { entries, shared: undefined };
  return { entries: readingShares(entries, bits), shared: { bits, entries } };
}

function form(bits: number): string {
  return bits === 0 ? "whole readings" : `${bits} bits`;
}

/** The bits of one of several entries. */
export function oneOf({ bits, entries }: SharedBits, index: number): SharedBits {
  const size = bitEntryBytes(bits);
  return { bits, entries: entries.subarray(size * index, size * (index + 1)) };
}
