/** `--fresh`: forgets earlier runs. Deletes only what a fleet has made, and only in a simulation. */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

const MADE_BY_FLEET = /^(keys|broker|utility|fleet|a-\d|meters(-\d+)?)$/;

export function beginAnew(data: string): void {
  // A production system has no simulator.
  if (!existsSync(join(data, "keys", "simulator"))) return;
  for (const name of readdirSync(data)) {
    if (MADE_BY_FLEET.test(name)) rmSync(join(data, name), { recursive: true });
  }
}
