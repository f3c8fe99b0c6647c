/** Sets as they come and are stored: their id, their content, and the proof that others endorsed them. */
import { createHash } from "node:crypto";
import { decodeCbor } from "../../protocol/cbor.ts";
import { endorsementsOf } from "../../protocol/envelope/endorsements.ts";
import { CONTEXT } from "../../protocol/envelope/sign1.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import type { Directory } from "../../protocol/keys/directory.ts";
import { endorsementContent, type SetContent, setContent } from "../../protocol/messages/round.ts";
import { assertSet, SetError, withFullBitmaps } from "./layout.ts";

/** The id of a set, of its bytes. */
export function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}

/** A set as the utility encoded it. Throws SetError `malformed-set`. */
export function parseSet(content: Uint8Array): SetContent {
  const parsed = setContent.safeParse(decodeSet(content));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new SetError("malformed-set", `${issue?.path.join(".") ?? "content"}: ${issue?.message ?? "is no set"}`);
  }
  const set = withFullBitmaps(parsed.data);
  assertSet(set);
  return set;
}

function decodeSet(content: Uint8Array): unknown {
  try {
    return decodeCbor(content);
  } catch (error) {
    if (error instanceof ProtocolError) throw new SetError("malformed-set", error.message);
    throw error;
  }
}

/** Valid endorsements by aggregator, no more than q of them. Its own, which is in its store, it knows by its bytes. */
export function proofOf(
  endorsements: readonly Uint8Array[],
  own: { readonly aggregator: number; readonly endorsement: Uint8Array },
  setId: Uint8Array,
  directory: Pick<Directory, "servers" | "q">,
): Map<number, Uint8Array> {
  const proof = new Map<number, Uint8Array>();
  if (endorsements.some((item) => Buffer.compare(item, own.endorsement) === 0)) {
    proof.set(own.aggregator, own.endorsement);
  }
  const says = (content: unknown): number | undefined => {
    const { setId: signed, aggregator } = endorsementContent.parse(content);
    return Buffer.compare(signed, setId) === 0 ? aggregator : undefined;
  };
  const others = endorsements.filter((item) => Buffer.compare(item, own.endorsement) !== 0);
  return new Map([...proof, ...endorsementsOf(others, directory, CONTEXT.endorse, says, directory.q - proof.size)]);
}
