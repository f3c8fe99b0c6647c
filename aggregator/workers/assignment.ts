/**
 * Which worker of an aggregator takes in a meter: meters fall into parts by the hash of their names, and each part belongs
 * to the worker with the highest weight for it (rendezvous hashing: Thaler and Ravishankar, 1998). When a worker comes,
 * only its own share of the parts moves, and when one goes, only what it had.
 */
import { hash } from "node:crypto";

/** Enough of them that workers have about equally much, few enough to be locked one by one. */
export const PARTS = 256;

/** The part of a meter, from 0 up to, not including, `PARTS`. */
export function partOf(meter: string): number {
  return hash("sha256", `meter ${meter}`, "buffer")[0]!;
}

/** For each part the one of `workers` that it belongs to; none without workers. */
export function ownersOf(workers: readonly number[]): (number | undefined)[] {
  return Array.from({ length: PARTS }, (_, part) => {
    let owner: number | undefined;
    let highest = -1;
    for (const worker of workers) {
      const weight = hash("sha256", `part ${part} worker ${worker}`, "buffer").readUIntBE(0, 6);
      if (weight > highest) [owner, highest] = [worker, weight];
    }
    return owner;
  });
}
