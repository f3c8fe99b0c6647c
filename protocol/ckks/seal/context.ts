/**
 * One parameter set inside the WebAssembly heap: SEAL's context with its chain of levels. Making it takes 0.2 s at
 * degree 8192 and 2 s at 32768, so a thread makes it once and keeps it.
 */
import { assertParameters, dataLevels } from "../parameters.ts";
import type { CkksParameters } from "../parameters.ts";
import type { SealContext, SealLibrary, SealParmsId } from "./load.ts";

export interface ContextLevel {
  readonly parmsId: SealParmsId;
  /** The same as 32 bytes, as they stand in serialized objects. */
  readonly parmsIdBytes: Uint8Array;
}

export interface ContextChain {
  readonly context: SealContext;
  readonly degree: number;
  /** The data primes, then the special prime. */
  readonly primes: readonly bigint[];
  /** levels[n]: ciphertexts with n primes, from 1 to the data levels; levels[0] is that of keys, with all primes. */
  readonly levels: readonly ContextLevel[];
}

type SchemeType = NonNullable<Parameters<SealLibrary["EncryptionParameters"]>[0]>;
type SecurityLevel = NonNullable<Parameters<SealLibrary["Context"]>[2]>;

interface Deletable {
  readonly delete: () => void;
}

function using<T extends Deletable, R>(object: T, work: (object: T) => R): R {
  try {
    return work(object);
  } finally {
    object.delete();
  }
}

function levelOf(parmsId: SealParmsId): ContextLevel {
  const { buffer, byteOffset, byteLength } = parmsId.values;
  return { parmsId, parmsIdBytes: new Uint8Array(buffer, byteOffset, byteLength).slice() };
}

/**
 * The primes that SEAL chooses for a set, the special one last: all that packing and the ring need, without the memory
 * of a context. Throws as assertParameters does.
 */
export function primesOf(
  seal: SealLibrary,
  parameters: CkksParameters,
  options: { insecureForTests?: boolean },
): bigint[] {
  assertParameters(parameters, options);
  const bits = Int32Array.from(parameters.primeBits);
  return using(seal.CoeffModulus.Create(parameters.degree, bits), (modulus) => [
    ...(modulus.toArray() as BigUint64Array),
  ]);
}

/** Makes the context. Throws as assertParameters does. */
export function createContext(
  seal: SealLibrary,
  parameters: CkksParameters,
  options: { insecureForTests?: boolean },
): ContextChain {
  assertParameters(parameters, options);
  const security = (
    options.insecureForTests === true ? seal.SecurityLevel.none : seal.SecurityLevel.tc128
  ) as SecurityLevel;
  const bits = Int32Array.from(parameters.primeBits);
  const primes: bigint[] = [];
  const context = using(seal.CoeffModulus.Create(parameters.degree, bits), (modulus) => {
    primes.push(...(modulus.toArray() as BigUint64Array));
    return using(seal.EncryptionParameters(seal.SchemeType.ckks as SchemeType), (encryption) => {
      encryption.setPolyModulusDegree(parameters.degree);
      encryption.setCoeffModulus(modulus);
      return seal.Context(encryption, true, security);
    });
  });
  if (!context.parametersSet()) {
    context.delete();
    throw new RangeError(
      `parameters ${parameters.name}: SEAL refuses them (degree ${parameters.degree}, ${String(bits)})`,
    );
  }
  const levels: ContextLevel[] = [levelOf(context.keyParmsId)];
  let data = context.firstContextData;
  for (let level = dataLevels(parameters); level >= 1; level--) {
    levels[level] = levelOf(data.parmsId);
    const next = level > 1 ? data.nextContextData : data;
    if (next !== data) data.delete();
    data = next;
  }
  data.delete();
  return { context, degree: parameters.degree, primes, levels };
}
