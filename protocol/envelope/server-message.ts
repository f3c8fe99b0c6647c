/**
 * Messages between servers: CBOR, signed by the sender, then sealed to the recipient, so that the broker reads nothing
 * and the recipient knows who wrote. Whether a message is expected, or came before, the caller knows.
 */
import type { KeyObject } from "node:crypto";
import { decodeCbor, encodeCbor } from "../cbor.ts";
import { ProtocolError } from "../errors.ts";
import type { Directory } from "../keys/directory.ts";
import { hpkeOpen, hpkeSeal, serverContext } from "./hpke.ts";
import { sign1, type Signer, verify1 } from "./sign1.ts";

/** A server as this file needs it: its id, its private keys and the directory it trusts. */
export interface ServerParty extends Signer {
  readonly directory: Pick<Directory, "servers">;
  /** X25519 private key. */
  readonly sealKey?: KeyObject;
}

/**
 * Signs as `from` and seals to the server `to`. Throws RangeError when `from` cannot sign or nobody in the directory
 * has the id `to` and a sealing key.
 */
export async function sealServerMessage(message: unknown, from: ServerParty, to: string): Promise<Uint8Array> {
  const recipientKey = from.directory.servers.get(to)?.sealKey;
  if (recipientKey === undefined) throw new RangeError(`to: expected a server with a sealing key, got ${to}`);
  const signed = sign1(encodeCbor(message), from, serverContext(from.id, to));
  return hpkeSeal(signed, from.id, to, recipientKey);
}

/** A message that was opened, not yet checked by a schema. */
export interface OpenedMessage {
  readonly from: string;
  readonly message: unknown;
  /** The COSE_Sign1 of the sender: what a third party can check. */
  readonly signed: Uint8Array;
}

/**
 * Opens a message sealed to `me` and verifies its sender.
 * `expected` is the sender that the topic names. Throws ProtocolError `malformed`, `bad-seal`, `wrong-sender` or
 * `bad-signature`.
 */
export async function openServerMessage(bytes: Uint8Array, me: ServerParty, expected?: string): Promise<OpenedMessage> {
  if (me.sealKey === undefined) throw new RangeError(`sealKey: ${me.id} holds no sealing key`);
  const { from, plaintext } = await hpkeOpen(bytes, me.id, me.sealKey);
  if (expected !== undefined && from !== expected) {
    throw new ProtocolError("wrong-sender", `expected a message from ${expected}, got one from ${from}`);
  }
  const { payload } = verify1(plaintext, me.directory, serverContext(from, me.id), from);
  return { from, message: decodeCbor(payload), signed: plaintext };
}
