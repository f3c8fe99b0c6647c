/**
 * The node-seal library: one WebAssembly instance per thread, loaded once. Everything made in it must be deleted by
 * hand; LiveObjects counts what has not been, so that a test can ask for zero.
 */
import sealModule from "node-seal";

/** What the package's CommonJS entry holds is the loader itself; its types describe an ES module. */
type SealLoader = (typeof sealModule)["default"];
export type SealLibrary = Awaited<ReturnType<SealLoader>>;
export type SealContext = ReturnType<SealLibrary["Context"]>;
export type SealCiphertext = ReturnType<SealLibrary["CipherText"]>;
export type SealPlaintext = ReturnType<SealLibrary["PlainText"]>;
export type SealParmsId = ReturnType<SealLibrary["ParmsIdType"]>;

let loaded: Promise<SealLibrary> | undefined;

/** The library of this thread. */
export function loadSeal(): Promise<SealLibrary> {
  loaded ??= (sealModule as unknown as SealLoader)();
  return loaded;
}

let live = 0;

/** How many objects of this thread's WebAssembly heap wait for their deletion. */
export const LiveObjects = {
  get count(): number {
    return live;
  },
  add(): void {
    live++;
  },
  remove(): void {
    live--;
  },
};

type Compression = NonNullable<Parameters<SealCiphertext["saveArray"]>[0]>;

/** SEAL's way to save objects without compression; the package types its enumerations as anything. */
export function uncompressed(seal: SealLibrary): Compression {
  return seal.ComprModeType.none as Compression;
}
