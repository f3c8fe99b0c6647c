/**
 * Fleet sums as analytics and every aggregator compute them: each ciphertext's digest, its unpacking with all checks, its
 * addition; one after the other, so that only the running sum is held. Also over several worker threads.
 */
import { createHash } from "node:crypto";
import { once as onceEvent } from "node:events";
import { Worker } from "node:worker_threads";
import { TYPESCRIPT_THREAD } from "../../config/runtime/worker-thread.ts";
import { SumAccumulator } from "../../protocol/ckks/circuits/index.ts";
import { packedDigest, unpackCiphertext } from "../../protocol/ckks/packed.ts";
import type { CkksEngine } from "../../protocol/ckks/seal/engine.ts";
import type { RawCiphertext } from "../../protocol/ckks/seal/layout.ts";
import { memoryMiB } from "../system/usage.ts";
import type { BenchParty } from "./party.ts";
import { once } from "./stopwatch.ts";
import type { SumAnswer, SumOrder, SumPlan } from "./sum-worker.ts";

export interface SumFigures {
  readonly ciphertexts: number;
  /** The least of the rounds, wall and processor time. */
  readonly ms: number;
  readonly cpuMs: number;
  readonly residentMiB: number;
}

export interface ScalingFigures {
  readonly threads: number;
  readonly ciphertexts: number;
  readonly ms: number;
  readonly cpuMs: number;
  readonly speedUp: number;
}

const THREADS = [1, 2];

/** The sum of `count` packed ciphertexts, taken from `pool` in turn. */
export function fleetSum(engine: CkksEngine, pool: readonly Uint8Array[], count: number): RawCiphertext {
  const sum = new SumAccumulator(engine);
  for (let at = 0; at < count; at++) {
    const bytes = pool[at % pool.length]!;
    packedDigest(bytes); // what a party compares with the digest that the meter vouched for
    sum.add(unpackCiphertext(engine, bytes, engine.dataLevels));
  }
  return sum.sum();
}

export function fleetSums(
  { engine }: BenchParty,
  pool: readonly Uint8Array[],
  counts: readonly number[],
  rounds: number,
): SumFigures[] {
  return counts.map((ciphertexts) => {
    const times = Array.from({ length: rounds }, () => once(() => fleetSum(engine, pool, ciphertexts)));
    return {
      ciphertexts,
      ms: Math.min(...times.map(({ ms }) => ms)),
      cpuMs: Math.min(...times.map(({ cpuMs }) => cpuMs)),
      residentMiB: memoryMiB(process.pid).now,
    };
  });
}

/**
 * One sum over 1 and 2 threads, each with its part of the ciphertexts; they must agree to the byte. The rounds alternate,
 * so that a busy machine slows both. Processor time per ciphertext tells what threads cost each other when it does.
 */
export async function scaling(
  { parameters, engine }: BenchParty,
  pool: readonly Uint8Array[],
  ciphertexts: number,
  rounds: number,
): Promise<ScalingFigures[]> {
  const expected = digestOf(fleetSum(engine, pool, ciphertexts).polys);
  const plan: SumPlan = { parameters, pool: shared(pool), sizes: pool.map(({ length }) => length) };
  const file = new URL("./sum-worker.ts", import.meta.url);
  const workers = Array.from(
    { length: Math.max(...THREADS) },
    () => new Worker(file, { workerData: plan, execArgv: TYPESCRIPT_THREAD }),
  );
  const best = THREADS.map((threads) => ({ threads, ms: Number.POSITIVE_INFINITY, cpuMs: Number.POSITIVE_INFINITY }));
  try {
    await Promise.all(workers.map((worker) => onceEvent(worker, "message")));
    for (let round = 0; round < rounds; round++) {
      for (const figures of best) {
        const { threads } = figures;
        const start = performance.now();
        const cpu = process.cpuUsage();
        const asked = workers.slice(0, threads).map((worker, at) => ask(worker, shareOf(ciphertexts, at, threads)));
        const parts = await Promise.all(asked);
        const sum = [0, 1].map((half) =>
          parts.map(({ polys }) => polys[half]!).reduce((whole, part) => engine.ring.add(whole, part)),
        );
        const { user, system } = process.cpuUsage(cpu);
        figures.ms = Math.min(figures.ms, performance.now() - start);
        figures.cpuMs = Math.min(figures.cpuMs, (user + system) / 1_000);
        if (digestOf(sum) !== expected) throw new Error(`${threads} threads give another sum than one`);
      }
    }
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  return best.map((figures) => ({ ...figures, ciphertexts, speedUp: best[0]!.ms / figures.ms }));
}

async function ask(worker: Worker, order: SumOrder): Promise<SumAnswer> {
  const answer = onceEvent(worker, "message");
  worker.postMessage(order);
  const [message] = (await answer) as [SumAnswer];
  return message;
}

function shareOf(ciphertexts: number, at: number, threads: number): SumOrder {
  const edge = (part: number): number => Math.round((ciphertexts * part) / threads);
  return { from: edge(at), to: edge(at + 1) };
}

/** All ciphertexts in memory that threads share: a store's page cache plays this part in a server. */
function shared(pool: readonly Uint8Array[]): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(pool.reduce((sum, { length }) => sum + length, 0));
  const bytes = new Uint8Array(buffer);
  let at = 0;
  for (const one of pool) {
    bytes.set(one, at);
    at += one.length;
  }
  return buffer;
}

function digestOf(polys: readonly BigUint64Array[]): string {
  const hash = createHash("sha256");
  for (const poly of polys) hash.update(poly);
  return hash.digest("hex");
}
