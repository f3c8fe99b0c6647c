/** `--fresh`: forgets earlier runs. Deletes only what a fleet has made, and only in a simulation. */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { LOCK_FILE } from "./fleet-lock.ts";

const MADE_BY_FLEET = /^(keys|ckks|broker|utility|api|analytics|a-\d|meters(-\d+)?)$/;

export function beginAnew(data: string): void {
  // A production system has no simulator.
  if (!existsSync(join(data, "keys", "simulator"))) return;
  for (const name of readdirSync(data)) {
    if (MADE_BY_FLEET.test(name)) rmSync(join(data, name), { recursive: true });
  }
  const own = join(data, "fleet");
  for (const name of existsSync(own) ? readdirSync(own) : []) {
    // Whoever deletes the lock that it holds lets another fleet in.
    if (!name.startsWith(LOCK_FILE)) rmSync(join(own, name), { recursive: true });
  }
}
