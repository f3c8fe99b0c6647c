/**
 * The worker thread that combines and decodes: making a context of a large degree takes seconds, and so may many
 * outputs. It keeps one context for each parameter set.
 */
import { CkksError } from "../../protocol/ckks/errors.ts";
import { type CkksParameters, parametersId } from "../../protocol/ckks/parameters.ts";
import type { Ring } from "../../protocol/ckks/ring/index.ts";
import { CkksEngine } from "../../protocol/ckks/seal/engine.ts";
import { type OpenedOutput, openOutput, type OutputParts, PartialError } from "./combination.ts";

export interface OpenTask {
  readonly parameters: CkksParameters;
  readonly insecureForTests: boolean;
  readonly stride: number;
  readonly outputs: readonly OutputParts[];
}

/** Errors lose their class on the way between threads. */
export type OpenAnswer =
  | { readonly ok: true; readonly outputs: readonly OpenedOutput[] }
  | { readonly ok: false; readonly code: "malformed-output" | "malformed-partial"; readonly detail: string };

const rings = new Map<string, Promise<Ring>>();

function ringOf({ parameters, insecureForTests }: OpenTask): Promise<Ring> {
  const id = Buffer.from(parametersId(parameters)).toString("hex");
  let ring = rings.get(id);
  if (ring === undefined) {
    ring = makeRing(parameters, insecureForTests);
    rings.set(id, ring);
  }
  return ring;
}

/** SEAL chooses the primes; the arithmetic is the ring's alone. */
async function makeRing(parameters: CkksParameters, insecureForTests: boolean): Promise<Ring> {
  const engine = await CkksEngine.create(parameters, { insecureForTests });
  const { ring } = engine;
  engine.close();
  return ring;
}

export async function open(task: OpenTask): Promise<OpenAnswer> {
  const ring = await ringOf(task);
  try {
    return { ok: true, outputs: task.outputs.map((output) => openOutput(ring, task.stride, output)) };
  } catch (error) {
    if (error instanceof PartialError) return { ok: false, code: "malformed-partial", detail: error.message };
    if (error instanceof CkksError) return { ok: false, code: "malformed-output", detail: error.message };
    throw error;
  }
}
