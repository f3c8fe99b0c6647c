/**
 * The directory: what the authority says about the system and its servers, in one signed item that every party holds.
 * Public keys only. Who trusts it has pinned the authority's key.
 */
import type { KeyObject } from "node:crypto";
import { z } from "zod";
import { decodeCbor, encodeCbor } from "../cbor.ts";
import { signDetached, verifyDetached } from "../envelope/signature.ts";
import { ProtocolError } from "../errors.ts";
import { bytesOfLength } from "../bytes.ts";
import { aggregatorId, MAX_AGGREGATORS } from "../names.ts";
import { ROLES } from "../topics.ts";
import { publicKeyFromRaw, RAW_KEY_BYTES, rawPublicKey } from "./raw.ts";

const DIRECTORY_CONTEXT = "wv/1 directory";

const rawKey = bytesOfLength(RAW_KEY_BYTES, "a public key");

const server = z.strictObject({
  id: z.string().min(1).max(32),
  role: z.enum(ROLES),
  signKey: rawKey.optional(),
  sealKey: rawKey.optional(),
});

const content = z
  .strictObject({
    n: z.int().min(1).max(MAX_AGGREGATORS),
    t: z.int().min(1).max(MAX_AGGREGATORS),
    q: z.int().min(1).max(MAX_AGGREGATORS),
    slotSeconds: z.int().min(1),
    simulation: z.boolean(),
    created: z.int().min(0),
    ca: bytesOfLength(32, "a hash"),
    servers: z.array(server).max(64),
  })
  .refine(({ n, t, q }) => t <= n && q <= n && q * 2 > n, "t and q are at most n, and q is more than half of n")
  .refine(({ n, servers }) => {
    const ids = new Set(servers.map(({ id }) => id));
    const aggregators = Array.from({ length: n }, (_, i) => aggregatorId(i + 1));
    return ids.size === servers.length && aggregators.every((id) => ids.has(id));
  }, "servers are listed once each, and all n aggregators are there");

export interface ServerKeys {
  readonly role: (typeof ROLES)[number];
  /** Ed25519 public key of servers that sign. */
  readonly signKey?: KeyObject;
  /** Raw X25519 public key of servers that receive sealed messages. */
  readonly sealKey?: Uint8Array;
}

export interface Directory {
  /** Aggregators, threshold, set quorum. */
  readonly n: number;
  readonly t: number;
  readonly q: number;
  readonly slotSeconds: number;
  /** Only where true does anyone accept a simulated clock. */
  readonly simulation: boolean;
  /** Unix seconds. */
  readonly created: number;
  /** SHA-256 of the CA certificate (DER). */
  readonly ca: Uint8Array;
  readonly servers: ReadonlyMap<string, ServerKeys>;
}

/** Signs a directory as the authority. Throws RangeError (a ZodError names the field) for an inconsistent one. */
export function sealDirectory(directory: Directory, authorityKey: KeyObject): Uint8Array {
  const servers = [...directory.servers].map(([id, { role, signKey, sealKey }]) => ({
    id,
    role,
    ...(signKey === undefined ? {} : { signKey: rawPublicKey(signKey) }),
    ...(sealKey === undefined ? {} : { sealKey }),
  }));
  const checked = content.safeParse({ ...directory, servers });
  if (!checked.success) throw new RangeError(`directory: ${z.prettifyError(checked.error)}`);
  return signDetached(encodeCbor(checked.data), "authority", authorityKey, DIRECTORY_CONTEXT);
}

/**
 * Reads a directory and verifies it under the pinned key of the authority, which must also be the key that the
 * directory lists. Throws ProtocolError `malformed`, `wrong-sender` or `bad-signature`.
 */
export function openDirectory(bytes: Uint8Array, authorityKey: KeyObject): Directory {
  const { signer, payload } = verifyDetached(
    bytes,
    (id) => (id === "authority" ? authorityKey : undefined),
    DIRECTORY_CONTEXT,
  );
  const parsed = content.safeParse(decodeCbor(payload));
  if (!parsed.success) throw new ProtocolError("malformed", `the directory: ${z.prettifyError(parsed.error)}`);
  const { servers, ...rest } = parsed.data;
  const directory: Directory = {
    ...rest,
    ca: Uint8Array.from(rest.ca),
    servers: new Map(
      servers.map(({ id, role, signKey, sealKey }) => [
        id,
        {
          role,
          ...(signKey === undefined ? {} : { signKey: publicKeyFromRaw("Ed25519", signKey) }),
          ...(sealKey === undefined ? {} : { sealKey: Uint8Array.from(sealKey) }),
        },
      ]),
    ),
  };
  const listed = directory.servers.get(signer)?.signKey;
  if (listed?.equals(authorityKey) !== true) {
    throw new ProtocolError("wrong-sender", "the directory lists another key for the authority than the pinned one");
  }
  return directory;
}
