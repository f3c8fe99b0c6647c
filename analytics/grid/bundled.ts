/** The cases that come with the project; each file says where its figures are from. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readMatpower } from "./matpower/grid-of.ts";
import type { Grid } from "./model/grid.ts";

export const BUNDLED = ["demo8", "case9", "case14", "case30", "case33bw", "case69", "case118"] as const;
export type BundledName = (typeof BUNDLED)[number];

export function isBundled(name: string): name is BundledName {
  return (BUNDLED as readonly string[]).includes(name);
}

export function bundledGrid(name: BundledName): Grid {
  const file = join(import.meta.dirname, "cases", `${name}.m`);
  return readMatpower(readFileSync(file, "utf8"), `${name}.m`);
}
