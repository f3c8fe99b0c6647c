/** A grid as a MATPOWER case: what `readMatpower` reads, and MATPOWER itself. */
import type { Grid } from "../model/grid.ts";

const KIND = { pq: 1, pv: 2, slack: 3, isolated: 4 } as const;

/** `about` becomes a comment. Numbers are written so that they read back the same. */
export function writeMatpower(grid: Grid, about: string): string {
  const bus = grid.buses.map((one) => [
    ...[one.id, KIND[one.kind], one.loadMw, one.loadMvar, one.shuntMw, one.shuntMvar, 1],
    ...[one.vmPu, one.vaDeg, one.baseKv, 1, one.vMaxPu, one.vMinPu],
  ]);
  const gen = grid.generators.map((one) => [
    ...[one.bus, one.pMw, one.qMvar, one.qMaxMvar, one.qMinMvar, one.vSetPu, grid.baseMva],
    ...[Number(one.inService), one.pMaxMw, one.pMinMw],
  ]);
  const branch = grid.branches.map((one) => {
    const rate = Number.isFinite(one.rateMva) ? one.rateMva : 0;
    // A transformer must be told from a line also where its ratio is 1.
    const tap = one.kind === "transformer" ? one.ratio : 0;
    return [one.from, one.to, one.rPu, one.xPu, one.bPu, rate, rate, rate, tap, one.shiftDeg, Number(one.closed)];
  });
  return [
    `function mpc = ${grid.name.replace(/\W/g, "_")}`,
    ...about.split("\n").map((line) => `% ${line}`),
    "",
    "mpc.version = '2';",
    `mpc.baseMVA = ${grid.baseMva};`,
    ...table("bus", "bus_i type Pd Qd Gs Bs area Vm Va baseKV zone Vmax Vmin", bus),
    ...table("gen", "bus Pg Qg Qmax Qmin Vg mBase status Pmax Pmin", gen),
    ...table("branch", "fbus tbus r x b rateA rateB rateC ratio angle status", branch),
    "",
  ].join("\n");
}

function table(name: string, head: string, rows: readonly (readonly number[])[]): string[] {
  const numbers = (row: readonly number[]): string =>
    row.map((value) => String(value).replace("Infinity", "Inf")).join(" ");
  return ["", `% ${head}`, `mpc.${name} = [`, ...rows.map((row) => `  ${numbers(row)};`), "];"];
}
