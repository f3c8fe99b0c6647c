/** Signed items of the servers in the directory, each for one purpose (docs/protocol.md, "Server messages"). */
import type { KeyObject } from "node:crypto";
import { ProtocolError } from "../errors.ts";
import type { Directory } from "../keys/directory.ts";
import { signDetached, type Verified, verifyDetached } from "./signature.ts";

/** Who signs: its id and Ed25519 private key. A party that has no such key cannot sign. */
export interface Signer {
  readonly id: string;
  readonly signKey?: KeyObject;
}

/** Purposes of a signature; server messages are `wv/1 <sender> <recipient>`. */
export const CONTEXT = {
  member: "wv/1 member",
  countersign: "wv/1 countersign",
  endorse: "wv/1 endorse",
  ready: "wv/1 ready",
  clock: "wv/1 clock",
  customers: "wv/1 customers",
  learn: "wv/1 learn",
} as const;

/** Signs `payload` for one purpose. Throws RangeError when the party holds no signing key. */
export function sign1(payload: Uint8Array, { id, signKey }: Signer, context: string): Uint8Array {
  if (signKey === undefined) throw new RangeError(`signKey: ${id} holds no signing key`);
  return signDetached(payload, id, signKey, context);
}

/**
 * Verifies a signature by a server of the directory. Throws ProtocolError `malformed`, `wrong-sender` (nobody in the
 * directory, or not `expected`) or `bad-signature`.
 */
export function verify1(
  bytes: Uint8Array,
  directory: Pick<Directory, "servers">,
  context: string,
  expected?: string,
): Verified {
  const verified = verifyDetached(bytes, (id) => directory.servers.get(id)?.signKey, context);
  if (expected !== undefined && verified.signer !== expected) {
    throw new ProtocolError("wrong-sender", `expected a signature by ${expected}, got one by ${verified.signer}`);
  }
  return verified;
}
