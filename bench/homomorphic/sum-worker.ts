/** One thread of a fleet sum: an engine of its own, ciphertexts out of shared memory, the sum's polynomials back. */
import { parentPort, workerData } from "node:worker_threads";
import { SumAccumulator } from "../../protocol/ckks/circuits/index.ts";
import { packedDigest, unpackCiphertext } from "../../protocol/ckks/packed.ts";
import type { CkksParameters } from "../../protocol/ckks/parameters.ts";
import { CkksEngine } from "../../protocol/ckks/seal/engine.ts";
import type { RnsPoly } from "../../protocol/ckks/seal/layout.ts";

export interface SumPlan {
  readonly parameters: CkksParameters;
  /** Packed ciphertexts, one behind the other. */
  readonly pool: SharedArrayBuffer;
  readonly sizes: readonly number[];
}

/** Which ciphertexts to add, taken from the pool in turn. */
export interface SumOrder {
  readonly from: number;
  readonly to: number;
}

export interface SumAnswer {
  readonly polys: readonly RnsPoly[];
}

const { parameters, pool, sizes } = workerData as SumPlan;
const engine = await CkksEngine.create(parameters);
const starts: number[] = [];
let end = 0;
for (const size of sizes) {
  starts.push(end);
  end += size;
}

parentPort!.on("message", ({ from, to }: SumOrder) => {
  const sum = new SumAccumulator(engine);
  for (let at = from; at < to; at++) {
    const place = at % sizes.length;
    // A copy: what is checked must be what is added, whoever else writes to shared memory.
    const bytes = new Uint8Array(pool, starts[place], sizes[place]).slice();
    packedDigest(bytes);
    sum.add(unpackCiphertext(engine, bytes, engine.dataLevels));
  }
  parentPort!.postMessage({ polys: sum.sum().polys } satisfies SumAnswer);
});
parentPort!.postMessage("ready");
