/**
 * Loads the module assembled from ring.wat over a memory of fixed size. Nothing but that memory is imported.
 */
import { RING_WASM_BASE64 } from "./ring-wasm.ts";

/** Bytes of a page of WebAssembly memory. */
const PAGE_BYTES = 65_536;

/** What ring.wat exports. Places in memory are byte offsets; residues and constants are unsigned 64-bit numbers. */
export interface RingExports {
  powers(
    table: number,
    n: number,
    p: bigint,
    pinv: bigint,
    r: bigint,
    rq: bigint,
    root: bigint,
    rootQuotient: bigint,
  ): void;
  forward(a: number, n: number, table: number, p: bigint): void;
  inverse(a: number, n: number, table: number, p: bigint, s: bigint, sq: bigint): void;
  multiply(a: number, b: number, n: number, p: bigint, pinv: bigint, r: bigint, rq: bigint): void;
  add(a: number, b: number, n: number, p: bigint): void;
  subtract(a: number, b: number, n: number, p: bigint): void;
  affine(a: number, n: number, p: bigint, w: bigint, wq: bigint, c: bigint): void;
  addScaled(a: number, b: number, n: number, p: bigint, w: bigint, wq: bigint): void;
  addSigned(a: number, b: number, n: number, p: bigint, w: bigint, wq: bigint): void;
  firstAbove(a: number, n: number, p: bigint): number;
  pack(out: number, a: number, n: number, bits: bigint): void;
  unpack(a: number, from: number, n: number, bits: number, p: bigint): number;
}

/** The part of the WebAssembly interface used here; Node has it, its type package does not describe it. */
declare const WebAssembly: {
  readonly Memory: new (size: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: Record<string, Record<string, unknown>>) => { exports: unknown };
};

/** The exports over a fresh memory of at least `bytes` bytes, which never grows: its buffer stays valid. */
export function loadRingModule(bytes: number): { readonly exports: RingExports; readonly buffer: ArrayBuffer } {
  const pages = Math.ceil(bytes / PAGE_BYTES);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const module = new WebAssembly.Module(Buffer.from(RING_WASM_BASE64, "base64"));
  const instance = new WebAssembly.Instance(module, { env: { memory } });
  return { exports: instance.exports as RingExports, buffer: memory.buffer };
}
