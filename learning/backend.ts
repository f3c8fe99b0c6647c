/**
 * The engine that trains and runs layered models: TensorFlow's own library where `@tensorflow/tfjs-node` is installed
 * and works, else WebAssembly, else plain JavaScript. Nothing of it is loaded before the first call, so that commands
 * that do not learn start as fast as ever.
 */
import type * as Core from "@tensorflow/tfjs-core";
import type * as Layers from "@tensorflow/tfjs-layers";

export type BackendName = "node" | "wasm" | "cpu";

export interface Backend {
  readonly name: BackendName;
  readonly tf: typeof Core;
  readonly layers: typeof Layers;
  /** Why the ones before it were passed over, fastest first; empty when the fastest or the one asked for was taken. */
  readonly passedOver: readonly string[];
}

export interface BackendOptions {
  /** Takes this one or fails; the fastest that works when left out. */
  readonly only?: BackendName | undefined;
  /** Told once which backend was chosen, and why not a faster one. */
  readonly onChosen?: ((backend: Backend) => void) | undefined;
}

export const BACKENDS: readonly BackendName[] = ["node", "wasm", "cpu"];

/** What tfjs calls them. */
const REGISTERED: Readonly<Record<BackendName, string>> = { node: "tensorflow", wasm: "wasm", cpu: "cpu" };
/** Optional: a name put together here is not looked for by whoever compiles this. */
const NODE_BINDING = ["@tensorflow", "tfjs-node"].join("/");

/** No backend works, or the one asked for does not. The message says why. */
export class BackendError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "BackendError";
  }
}

/**
 * Opens a backend. tfjs has one active backend in a process: opening another one makes that the active one.
 * Throws BackendError when none works, or the one asked for does not.
 */
export async function openBackend({ only, onChosen }: BackendOptions = {}): Promise<Backend> {
  const tf = await import("@tensorflow/tfjs-core");
  // tfjs would else advertise its native library on stderr.
  tf.env().set("PROD", true);
  const layers = await import("@tensorflow/tfjs-layers");
  const passedOver: string[] = [];
  for (const name of only === undefined ? BACKENDS : [only]) {
    const fault = await activate(tf, name);
    if (fault !== undefined) {
      passedOver.push(`${name}: ${fault}`);
      continue;
    }
    const backend = { name, tf, layers, passedOver };
    onChosen?.(backend);
    return backend;
  }
  throw new BackendError(`no backend for learning works: ${passedOver.join("; ")}`);
}

/** The reason for which a backend does not work here, if it does not. */
async function activate(tf: typeof Core, name: BackendName): Promise<string | undefined> {
  try {
    if (name === "node") await import(NODE_BINDING);
    else if (name === "wasm") await import("@tensorflow/tfjs-backend-wasm");
    else await import("@tensorflow/tfjs-backend-cpu");
    if (!(await tf.setBackend(REGISTERED[name]))) return "it does not start";
    await tf.ready();
    // A native library of another version loads and then fails at the first product.
    const product = tf.tidy(() => tf.matMul(tf.ones([2, 3]), tf.ones([3, 2])).dataSync());
    return product.join() === "3,3,3,3" ? undefined : "it computes wrongly";
  } catch (error) {
    // Loaders throw what they like, with and without a code.
    const text = error instanceof Error ? error.message : String(error);
    return text.split("\n")[0] ?? text;
  }
}
