/** A meter's ciphertext with the proof that this meter made it, for this series and window: made here, and checked. */
import { createHash } from "node:crypto";
import { encodeCbor } from "../../cbor.ts";
import { packCiphertext, type PackedWindow, type PackingRing, repeatWindow, type Window } from "../packed.ts";
import type { RandomBytes } from "../ring/sample.ts";
import type { RnsPoly } from "../ring/index.ts";
import type { CkksEngine } from "../seal/engine.ts";
import { encryptZero, type PublicKeyPolys } from "../threshold/zero.ts";
import { assertAuthorship, proveAuthorship } from "./authorship.ts";

export interface Authored {
  readonly meter: string;
  readonly window: Window;
  /** Primes of the ciphertext. */
  readonly level: number;
  readonly stride: number;
  /** At most as many as the engine has slots; repeated until they fill all. */
  readonly numbers: Float64Array;
}

const LABEL = "wv/1 ckks authorship";

/** Encrypts, proves and packs. `random`: a cryptographic source. Throws RangeError for numbers that do not fit. */
export function encryptAs(
  engine: CkksEngine,
  publicKey: PublicKeyPolys,
  { meter, window, level, stride, numbers }: Authored,
  random: RandomBytes,
): Uint8Array {
  const { ring } = engine;
  const { poly, scale } = engine.scope(() =>
    engine.rawPlaintext(engine.encode(repeatWindow(numbers, engine.slots), { level })),
  );
  const { zero, u } = encryptZero({ ring, publicKey, level, random });
  const [z0, c1] = zero;
  const raw = { polys: [ring.add(z0, poly), c1], level, scale, ntt: true };
  return packCiphertext(engine, window, raw, stride, (content) =>
    proveAuthorship({ ring, a: publicKey[1], c1, statement: statementOf(meter, content) }, u, random),
  );
}

/**
 * Throws CkksError `not-its-own` unless `meter` has made this ciphertext, as it is. `a`: the second polynomial of its
 * epoch's public key, at key level, in NTT form.
 */
export function assertSender(at: PackingRing, a: RnsPoly, packed: PackedWindow, meter: string): void {
  const { c1, content, proof } = packed;
  assertAuthorship({ ring: at.ring, a, c1, statement: statementOf(meter, content) }, proof);
}

function statementOf(meter: string, content: Uint8Array): Uint8Array {
  return createHash("sha256").update(LABEL).update(encodeCbor(meter)).update(content).digest();
}
