/**
 * The worker thread that combines and decodes: making a context of a large degree takes seconds, and so may many
 * outputs. It keeps one public key for each set of an epoch.
 */
import { loadCkksMaterial } from "../../config/keys/index.ts";
import { CkksError } from "../../protocol/ckks/errors.ts";
import { CkksEngine } from "../../protocol/ckks/seal/engine.ts";
import { publicKeyPolys } from "../../protocol/ckks/seal/public-key.ts";
import type { CkksEpoch, CkksSet } from "../../protocol/keys/index.ts";
import { type OpenedOutput, type OpeningKey, openOutput, type OutputParts, PartialError } from "./combination.ts";

export interface OpenTask {
  /** The folder with public keys. */
  readonly data: string;
  readonly epoch: CkksEpoch;
  /** Name of the parameter set. */
  readonly set: string;
  readonly stride: number;
  readonly outputs: readonly OutputParts[];
}

/** Errors lose their class on the way between threads. */
export type OpenAnswer =
  | { readonly ok: true; readonly outputs: readonly OpenedOutput[] }
  | { readonly ok: false; readonly code: "malformed-output" | "malformed-partial"; readonly detail: string };

/** By the key's digest: epochs of other folders have other keys. */
const keys = new Map<string, Promise<OpeningKey>>();

function keyOf({ data, epoch, set: name }: OpenTask): Promise<OpeningKey> {
  const set = epoch.sets.get(name);
  if (set === undefined) return Promise.reject(new RangeError(`set: epoch ${epoch.epoch} has no set ${name}`));
  const id = Buffer.from(set.digests.publicKey).toString("hex");
  let key = keys.get(id);
  if (key === undefined) {
    key = makeKey(data, epoch, set);
    keys.set(id, key);
    // A file that was not there yet is read again.
    key.catch(() => keys.delete(id));
  }
  return key;
}

/** SEAL chooses the primes and reads the key; the arithmetic is the ring's alone. */
async function makeKey(data: string, epoch: CkksEpoch, { parameters }: CkksSet): Promise<OpeningKey> {
  const { insecureForTests } = epoch;
  const { publicKey: bytes } = loadCkksMaterial(data, epoch, parameters.name, ["publicKey"]);
  const engine = await CkksEngine.create(parameters, { insecureForTests });
  const { ring } = engine;
  engine.close();
  return { ring, publicKey: await publicKeyPolys(bytes, parameters, { insecureForTests }) };
}

export async function open(task: OpenTask): Promise<OpenAnswer> {
  const key = await keyOf(task);
  try {
    return { ok: true, outputs: task.outputs.map((output) => openOutput(key, task.stride, output)) };
  } catch (error) {
    if (error instanceof PartialError) return { ok: false, code: "malformed-partial", detail: error.message };
    if (error instanceof CkksError) return { ok: false, code: "malformed-output", detail: error.message };
    throw error;
  }
}
