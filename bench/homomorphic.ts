/**
 * Ciphertexts from the meter to the opened result: every step under every parameter set, packing, fleet sums, threads,
 * memory over thousands of ciphertexts, and how exact opened results are.
 */
import { createProgress } from "../config/runtime/terminal.ts";
import { CkksEngine } from "../protocol/ckks/seal/engine.ts";
import type { BenchOptions } from "./bench.ts";
import { describeHomomorphic } from "./homomorphic/describe.ts";
import { dayOf, packedDay } from "./homomorphic/meters.ts";
import { operations, type SetFigures, SETS } from "./homomorphic/operations.ts";
import { packingSweep } from "./homomorphic/packing.ts";
import { makeParty } from "./homomorphic/party.ts";
import { soak } from "./homomorphic/soak.ts";
import { fleetSums, scaling } from "./homomorphic/sums.ts";
import { varianceAccuracy } from "./homomorphic/variance.ts";

/** Different ciphertexts that fleet sums are made of; larger sums take them again. */
const POOL = 1_000;
/** The parameters of the naive ciphertext that ours are compared with: SEAL's usual ones for one product, all primes. */
const NAIVE = { name: "naive", degree: 8192, primeBits: [60, 40, 40, 60], scaleBits: 40 };

const FULL = { budgetMs: 800, rounds: 5, soak: 20_000, groups: [1_000, 10_000], variance: 1_000, scaled: 10_000 };
const QUICK = { budgetMs: 150, rounds: 2, soak: 2_000, groups: [100, 1_000], variance: 50, scaled: 2_000 };
const COUNTS = [10, 100, 1_000, 10_000];

export async function run({ json, quick }: BenchOptions): Promise<Record<string, unknown>> {
  const plan = quick ? QUICK : FULL;
  const stages = ["soak", "packing", "ciphertexts", "sums", "threads", "variance", ...SETS.map(({ set }) => set)];
  const total = plan.soak + plan.variance + (stages.length - 2) * POOL;
  const progress = createProgress({ label: "homomorphic", total, silent: json });
  let before = 0;
  const done = (units: number, stage: string): void => {
    before += units;
    progress.update(before, stage);
  };
  try {
    const light = await makeParty("light", false);
    // First, while nothing else has left its mark on the process's memory.
    const soaked = soak(light, plan.soak, plan.groups, (at) => progress.update(at, "soak"));
    done(plan.soak, "packing");
    const packing = packingSweep(light, plan.budgetMs);
    done(POOL, "ciphertexts for the sums");
    const pool = Array.from({ length: POOL }, (_, meter) => packedDay(light, dayOf(meter)));
    done(POOL, "sums");
    const sums = fleetSums(light, pool, COUNTS, plan.rounds);
    done(POOL, "threads");
    const threads = await scaling(light, pool, plan.scaled, plan.rounds);
    light.engine.close();
    done(POOL, "variance");
    const standard = await makeParty("standard", true);
    const variance = varianceAccuracy(standard, plan.variance, (at) => progress.update(before + at, "variance"));
    standard.engine.close();
    done(plan.variance, "operations");
    const sets: SetFigures[] = [];
    for (const choice of SETS) {
      progress.update(before, `steps of ${choice.set}`);
      sets.push(await operations(choice, plan.budgetMs));
      done(POOL, `steps of ${choice.set}`);
    }
    const result = { naiveBytes: await naiveBytes(), sets, packing, sums, threads, soak: soaked, variance };
    progress.stop();
    if (!json) process.stdout.write(`${describeHomomorphic(result)}\n`);
    return result;
  } finally {
    progress.stop();
  }
}

/** Bytes of the naive ciphertext as SEAL saves it. */
async function naiveBytes(): Promise<number> {
  const engine = await CkksEngine.create(NAIVE);
  const { dataLevels: level, scale } = engine;
  const polys = [engine.ring.zero(level), engine.ring.zero(level)];
  const bytes = engine.scope(() => engine.saveCiphertext(engine.loadCiphertext({ polys, level, scale, ntt: true })));
  engine.close();
  return bytes.length;
}
