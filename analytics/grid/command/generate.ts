/** `grid generate radial|meshed`: a grid by seed, as a MATPOWER case. */
import { writeFileSync } from "node:fs";
import { EXIT, type RoleContext, UsageError } from "../../../config/runtime/role-command.ts";
import { generateMeshed, generateRadial, type Grid, topologyOf, writeMatpower } from "../index.ts";
import { countOf, numberOf } from "./request.ts";

export function runGenerate({ options, json }: RoleContext, [shape]: readonly string[]): number {
  if (shape !== "radial" && shape !== "meshed")
    throw new UsageError(`generate: expected radial or meshed, got ${shape ?? "nothing"}`);
  const stray = shape === "radial" ? "generators" : ["feeders", "ties"].find((flag) => options[flag] !== undefined);
  if (stray !== undefined && options[stray] !== undefined) throw new UsageError(`--${stray}: not for ${shape} grids`);
  const nodes = countOf(options, "nodes", 100);
  const seed = numberOf(options, "seed", 1);
  const grid = shape === "radial" ? radial(options, nodes, seed) : meshed(options, nodes, seed);
  const about = `Made up: ${shape}, ${nodes} nodes, seed ${seed}. No real grid; ratings are assumed from its own loads.`;
  const text = writeMatpower(grid, about);
  const out = options["out"] as string | undefined;
  if (json) {
    if (out === undefined) throw new UsageError("--json: tells what was written; say where with --out");
    const { radial: isRadial, loops } = topologyOf(grid);
    const { buses, branches, generators } = grid;
    const counts = { buses: buses.length, branches: branches.length, generators: generators.length };
    process.stdout.write(
      `${JSON.stringify({ file: out, name: grid.name, seed, ...counts, radial: isRadial, loops })}\n`,
    );
  }
  if (out === undefined) process.stdout.write(text);
  else writeFileSync(out, text);
  return EXIT.ok;
}

function radial(options: RoleContext["options"], nodes: number, seed: number): Grid {
  const [feeders, ties] = [numberOf(options, "feeders"), numberOf(options, "ties")];
  return generateRadial({
    nodes,
    seed,
    ...(feeders === undefined ? {} : { feeders }),
    ...(ties === undefined ? {} : { ties }),
  });
}

function meshed(options: RoleContext["options"], nodes: number, seed: number): Grid {
  const generators = numberOf(options, "generators");
  return generateMeshed({ nodes, seed, ...(generators === undefined ? {} : { generators }) });
}
