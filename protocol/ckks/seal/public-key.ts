/** The public key as polynomials: its file has a seed in place of the second one, which SEAL expands. */
import type { CkksParameters } from "../parameters.ts";
import { createContext } from "./context.ts";
import { readCiphertextHeader, readPolys, type RnsPoly } from "./layout.ts";
import { loadSeal, uncompressed } from "./load.ts";

/** Both polynomials at key level, in NTT form. */
export async function publicKeyPolys(
  bytes: Uint8Array,
  parameters: CkksParameters,
  options: { readonly insecureForTests: boolean },
): Promise<readonly [RnsPoly, RnsPoly]> {
  const seal = await loadSeal();
  const { context, levels } = createContext(seal, parameters, options);
  const key = seal.PublicKey();
  try {
    key.loadArray(context, bytes);
    const saved = key.saveArray(uncompressed(seal));
    const [first, second] = readPolys(saved, readCiphertextHeader(saved));
    return [first!, second!];
  } finally {
    key.delete();
    for (const { parmsId } of levels) parmsId.delete();
    context.delete();
  }
}
