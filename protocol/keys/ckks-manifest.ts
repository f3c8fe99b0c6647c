/**
 * The manifest of CKKS keys, `ckks.cose`: what the authority says was dealt, epoch by epoch, in one signed item. Public
 * keys are files beside the system's keys, too large to be handed to each party; the manifest has their digests.
 */
import type { KeyObject } from "node:crypto";
import { z } from "zod";
import { bytesOfLength } from "../bytes.ts";
import { decodeCbor, encodeCbor } from "../cbor.ts";
import type { CkksParameters } from "../ckks/parameters.ts";
import { signDetached, verifyDetached } from "../envelope/signature.ts";
import { ProtocolError } from "../errors.ts";
import { MAX_AGGREGATORS } from "../names.ts";

const CONTEXT = "wv/1 ckks";
export const DEALING_BYTES = 16;

const digest = bytesOfLength(32, "a digest");

const set = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, "the name of a parameter set"),
  degree: z.int().min(1024).max(32_768),
  primeBits: z.array(z.int().min(2).max(60)).min(2).max(32),
  scaleBits: z.int().min(1).max(1_900),
  galoisSteps: z.array(z.int().min(-32_768).max(32_768)).max(64),
  publicKey: digest,
  relinKeys: digest.optional(),
  galoisKeys: digest.optional(),
});

const epoch = z
  .strictObject({
    epoch: z.int().min(1).max(0xffff),
    dealing: bytesOfLength(DEALING_BYTES, "the id of a dealing"),
    created: z.int().min(0),
    n: z.int().min(1).max(MAX_AGGREGATORS),
    t: z.int().min(1).max(MAX_AGGREGATORS),
    insecureForTests: z.boolean(),
    sets: z.array(set).min(1).max(8),
  })
  .refine(({ n, t }) => t <= n, "t is at most n")
  .refine(({ sets }) => new Set(sets.map(({ name }) => name)).size === sets.length, "a set is listed once");

const content = z
  .strictObject({ epochs: z.array(epoch).min(1).max(1_000) })
  .refine(({ epochs }) => epochs.every((one, i) => i === 0 || one.epoch > epochs[i - 1]!.epoch), "epochs rise");

/** The parts of a set's public material. */
export type CkksPart = "publicKey" | "relinKeys" | "galoisKeys";

export interface CkksSet {
  readonly parameters: CkksParameters;
  /** The rotations that Galois keys were made for. */
  readonly galoisSteps: readonly number[];
  /** SHA-256 of each file; only those that were made. */
  readonly digests: {
    readonly publicKey: Uint8Array;
    readonly relinKeys?: Uint8Array;
    readonly galoisKeys?: Uint8Array;
  };
}

/** One dealing: a key pair for each set, shared among n aggregators, t of whom open. */
export interface CkksEpoch {
  readonly epoch: number;
  /** 16 random bytes that tell this dealing from one that was interrupted. */
  readonly dealing: Uint8Array;
  /** Unix seconds. */
  readonly created: number;
  readonly n: number;
  readonly t: number;
  /** Its parameters may be below 128-bit security. */
  readonly insecureForTests: boolean;
  readonly sets: ReadonlyMap<string, CkksSet>;
}

export interface CkksManifest {
  /** Rising. What was encrypted in an old epoch opens with the shares of that epoch. */
  readonly epochs: readonly CkksEpoch[];
  /** The last: what meters encrypt under now. */
  readonly current: CkksEpoch;
}

/** Signs a manifest as the authority. Throws RangeError for an inconsistent one. */
export function sealCkksManifest(epochs: readonly CkksEpoch[], authorityKey: KeyObject): Uint8Array {
  const plain = epochs.map(({ sets, ...rest }) => ({
    ...rest,
    sets: [...sets.values()].map(({ parameters: { name, degree, primeBits, scaleBits }, galoisSteps, digests }) => ({
      ...{ name, degree, primeBits: [...primeBits], scaleBits, galoisSteps: [...galoisSteps] },
      ...digests,
    })),
  }));
  const checked = content.safeParse({ epochs: plain });
  if (!checked.success) throw new RangeError(`manifest: ${z.prettifyError(checked.error)}`);
  return signDetached(encodeCbor(checked.data), "authority", authorityKey, CONTEXT);
}

/** Reads and verifies a manifest. Throws ProtocolError `malformed`, `wrong-sender` or `bad-signature`. */
export function openCkksManifest(bytes: Uint8Array, authorityKey: KeyObject): CkksManifest {
  const keyOf = (id: string) => (id === "authority" ? authorityKey : undefined);
  const { payload } = verifyDetached(bytes, keyOf, CONTEXT);
  const parsed = content.safeParse(decodeCbor(payload));
  if (!parsed.success)
    throw new ProtocolError("malformed", `the manifest of CKKS keys: ${z.prettifyError(parsed.error)}`);
  const epochs = parsed.data.epochs.map(
    ({ sets, dealing, ...rest }): CkksEpoch => ({
      ...rest,
      dealing: Uint8Array.from(dealing),
      sets: new Map(sets.map((one) => [one.name, setOf(one)])),
    }),
  );
  return { epochs, current: epochs.at(-1)! };
}

function setOf({ name, degree, primeBits, scaleBits, galoisSteps, ...digests }: z.infer<typeof set>): CkksSet {
  const { publicKey, relinKeys, galoisKeys } = digests;
  return {
    parameters: { name, degree, primeBits, scaleBits },
    galoisSteps,
    digests: {
      publicKey: Uint8Array.from(publicKey),
      ...(relinKeys === undefined ? {} : { relinKeys: Uint8Array.from(relinKeys) }),
      ...(galoisKeys === undefined ? {} : { galoisKeys: Uint8Array.from(galoisKeys) }),
    },
  };
}
