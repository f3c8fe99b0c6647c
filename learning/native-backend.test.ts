/**
 * The branch of the native library, which cannot be installed everywhere: a stand-in with its name, and with as much of its
 * interface as is used, in a process with packages of its own. What the real library computes is not tested by it.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

const PACKAGES = join(import.meta.dirname, "..", "node_modules", "@tensorflow");
const SHARED = ["tfjs-core", "tfjs-layers", "tfjs-backend-cpu", "tfjs-backend-wasm"];

/** Like the real one it registers a backend `tensorflow` and its kernels when it is loaded. */
const REGISTER = `
const tf = require("@tensorflow/tfjs-core");
const { MathBackendCPU } = require("@tensorflow/tfjs-backend-cpu");
tf.registerBackend("tensorflow", () => new MathBackendCPU(), 3);`;
const KERNELS = `
for (const kernel of tf.getKernelsForBackend("cpu")) tf.registerKernel({ ...kernel, backendName: "tensorflow" });`;
/** A product of zeros, or of nothing at all. */
const products = (shape: string): string => `
tf.unregisterKernel("BatchMatMul", "tensorflow");
tf.registerKernel({ kernelName: "BatchMatMul", backendName: "tensorflow", kernelFunc: ({ backend }) =>
  backend.makeTensorInfo(${shape}, "float32", new Float32Array(tf.util.sizeFromShape(${shape}))) });`;

interface Chosen {
  readonly name: string;
  readonly passedOver: readonly string[];
  readonly product: readonly number[];
}

/** What is chosen where the native library is this. */
async function chosenWith(library: string): Promise<Chosen> {
  const folder = await mkdtemp(join(tmpdir(), "wattveil-backend-"));
  try {
    const packages = join(folder, "node_modules", "@tensorflow");
    await mkdir(packages, { recursive: true });
    for (const name of SHARED) await symlink(join(PACKAGES, name), join(packages, name));
    const standIn = join(packages, "tfjs-node");
    await mkdir(standIn);
    await writeFile(join(standIn, "package.json"), '{"name":"@tensorflow/tfjs-node","main":"index.js"}');
    await writeFile(join(standIn, "index.js"), library);
    await writeFile(join(folder, "package.json"), '{"type":"module"}');
    await copyFile(join(import.meta.dirname, "backend.ts"), join(folder, "backend.ts"));
    const program = `
      import { openBackend } from "./backend.ts";
      const { name, passedOver, tf } = await openBackend();
      const product = [...tf.matMul(tf.tensor2d([[1, 2]]), tf.tensor2d([[3], [4]])).dataSync()];
      process.stdout.write(JSON.stringify({ name, passedOver, product }));`;
    await writeFile(join(folder, "program.mts"), program);
    const args = ["--import", import.meta.resolve("tsx"), join(folder, "program.mts")];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder });
    return JSON.parse(stdout) as Chosen;
  } finally {
    await rm(folder, { recursive: true });
  }
}

const CASES: readonly (readonly [what: string, library: string, name: string, passedOver: RegExp])[] = [
  ["works", REGISTER + KERNELS, "node", /^$/],
  [
    "cannot load its binary",
    'throw new Error("The Node.js native addon module (tfjs_binding.node) can not be found at path: x\\nPlease run npm rebuild");',
    "wasm",
    /^node: The Node\.js native addon module \(tfjs_binding\.node\) can not be found at path: x$/,
  ],
  ["throws no error", 'throw "no AVX";', "wasm", /^node: no AVX$/],
  ["lacks operations", REGISTER, "wasm", /^node: Kernel '\w+' not registered for backend 'tensorflow'/],
  ["computes wrongly", REGISTER + KERNELS + products("[2, 2]"), "wasm", /^node: it computes wrongly$/],
  ["computes nothing", REGISTER + KERNELS + products("[0, 2]"), "wasm", /^node: it computes wrongly$/],
];

test("the native library is taken where it works, and else passed over with the reason", async (t) => {
  await Promise.all(
    CASES.map(([what, library, name, passedOver]) =>
      t.test(`it ${what}`, async () => {
        const chosen = await chosenWith(library);
        assert.equal(chosen.name, name, chosen.passedOver.join());
        assert.match(chosen.passedOver.join(), passedOver);
        assert.deepEqual(chosen.product, [11]);
      }),
    ),
  );
});
