/** `grid flow CASE`: one power flow, with losses, limits and temperatures. */
import { EXIT, type RoleContext } from "../../../config/runtime/role-command.ts";
import { type Cell, renderTable } from "../../../config/runtime/terminal.ts";
import { printable } from "../../../protocol/printable.ts";
import {
  apparentMva,
  type FlowResult,
  type Grid,
  lossesOf,
  powerFlow,
  settledC,
  THERMAL,
  topologyOf,
  violationsOf,
  withLoadScale,
  withOpen,
} from "../index.ts";
import { gridNamed, idsOf, numberOf, wordOf } from "./request.ts";

/** Grids up to this size are shown whole. */
const SHOWN_WHOLE = 40;
const SHOWN = 10;

export function runFlow({ options, json }: RoleContext, [name]: readonly string[]): number {
  const open = options["open"] as string | undefined;
  const named = gridNamed(name);
  const opened = open === undefined ? named : withOpen(named, idsOf(open, "open"));
  // "Exactly these": what the case leaves open and the list does not name is closed, which one may not have meant.
  const closedAnew = named.branches.flatMap(({ id, closed }, i) => (!closed && opened.branches[i]!.closed ? [id] : []));
  const grid = withLoadScale(opened, numberOf(options, "load-scale", 1));
  const ambientC = numberOf(options, "ambient", 20);
  const result = powerFlow(grid, {
    method: wordOf(options, "method", ["auto", "newton", "sweep"], "auto"),
    start: wordOf<"flat" | "case">(options, "start", ["flat", "case"], "flat"),
    reactiveLimits: options["reactiveLimits"] === true,
    dead: options["shed"] === true ? "shed" : "refuse",
  });
  const buses = busesOf(grid, result);
  const branches = branchesOf(grid, result, ambientC);
  if (json) {
    const { method, converged, failure, iterations, mismatch, unservedMw, limited } = result;
    const { radial, loops, islands } = topologyOf(grid);
    const report = {
      grid: grid.name,
      ...{ method, converged, failure, iterations, mismatch, radial, loops, islands, closedAnew },
      ...(converged ? { losses: lossesOf(grid, result), violations: violationsOf(grid, result) } : {}),
      ...(converged ? { unservedMw, limited, buses, branches, generators: generatorsOf(grid, result) } : {}),
    };
    process.stdout.write(`${JSON.stringify(report)}\n`);
  } else if (result.converged) {
    const whole = grid.buses.length <= SHOWN_WHOLE || options["all"] === true;
    if (closedAnew.length > 0) {
      const branches = `${closedAnew.length === 1 ? "branch" : "branches"} ${closedAnew.join(", ")}`;
      process.stderr.write(
        `--open leaves exactly those branches open: ${branches}, open in ${grid.name}, closed here\n`,
      );
    }
    process.stdout.write(`${summary(grid, result)}\n${tables(buses, branches, whole)}\n`);
  } else {
    process.stderr.write(
      `grid: ${printable(grid.name)}: no power flow (${result.failure!.reason}): ${result.failure!.message}\n`,
    );
  }
  return result.converged ? EXIT.ok : EXIT.failed;
}

type BusRow = Readonly<Record<"bus" | "vmPu" | "vaDeg" | "loadMw" | "loadMvar", number>> & {
  readonly kv: number | undefined;
};

function busesOf(grid: Grid, { vmPu, vaRad, energised }: FlowResult): BusRow[] {
  return grid.buses.map(({ id, baseKv, loadMw, loadMvar }, bus) => ({
    ...{ bus: id, vmPu: vmPu[bus]!, vaDeg: (vaRad[bus]! * 180) / Math.PI, loadMw, loadMvar },
    kv: baseKv > 0 && energised[bus] === 1 ? vmPu[bus]! * baseKv : undefined,
  }));
}

interface BranchRow {
  readonly branch: number;
  readonly from: number;
  readonly to: number;
  readonly closed: boolean;
  readonly fromMw: number;
  readonly fromMvar: number;
  readonly lossMw: number;
  readonly currentPu: number;
  /** Undefined without a rating. */
  readonly loadingPercent: number | undefined;
  /** Once settled at this load. */
  readonly settledC: number | undefined;
}

function branchesOf(grid: Grid, result: FlowResult, ambientC: number): BranchRow[] {
  return grid.branches.map(({ id, from, to, closed, kind, rateMva }, i) => {
    const rated = Number.isFinite(rateMva);
    const loading = (result.currentPu[i]! * grid.baseMva) / rateMva;
    return {
      ...{ branch: id, from, to, closed, fromMw: result.fromMw[i]!, fromMvar: result.fromMvar[i]! },
      ...{ lossMw: result.fromMw[i]! + result.toMw[i]!, currentPu: result.currentPu[i]! },
      loadingPercent: rated ? (100 * apparentMva(result, i)) / rateMva : undefined,
      settledC: rated ? settledC(THERMAL[kind], loading, ambientC) : undefined,
    };
  });
}

function generatorsOf(grid: Grid, { generatorMw, generatorMvar }: FlowResult): Record<string, unknown>[] {
  return grid.generators.map(({ bus, inService }, i) => ({
    bus,
    inService,
    mw: generatorMw[i],
    mvar: generatorMvar[i],
  }));
}

function summary(grid: Grid, result: FlowResult): string {
  const { transmission, distribution, ...losses } = lossesOf(grid, result);
  const { voltages, overloads, generators } = violationsOf(grid, result);
  const { radial, loops } = topologyOf(grid);
  const kw = (mw: number): string => `${(mw * 1_000).toFixed(mw < 1 ? 3 : 1)} kW`;
  const limits = [
    ...voltages.map(({ bus, vmPu, limitPu }) => `voltage of bus ${bus}: ${vmPu.toFixed(4)} p.u., limit ${limitPu}`),
    ...overloads.map(
      ({ branch, mva, rateMva }) => `branch ${branch}: ${mva.toFixed(3)} MVA, rating ${rateMva.toFixed(3)}`,
    ),
    ...generators.map(
      ({ bus, quantity, output, limit }) => `generator at bus ${bus}: ${output.toFixed(2)} ${quantity}, limit ${limit}`,
    ),
  ];
  const rows: [string, string][] = [
    [
      "grid",
      `${grid.name}: ${grid.buses.length} buses, ${grid.branches.length} branches, ${radial ? "radial" : `${loops} loops`}`,
    ],
    [
      "method",
      `${result.method}, ${result.iterations} iterations, largest mismatch ${result.mismatch.pu.toExponential(1)} p.u.`,
    ],
    ["transmission losses", `lines ${kw(transmission.linesMw)}, transformers ${kw(transmission.transformersMw)}`],
    ["distribution losses", `lines ${kw(distribution.linesMw)}, transformers ${kw(distribution.transformersMw)}`],
    ["technical losses", kw(losses.technicalMw)],
    [
      "efficiency",
      `${(100 * losses.efficiency).toFixed(3)} % (${losses.deliveredMw.toFixed(3)} of ${losses.inputMw.toFixed(3)} MW)`,
    ],
    ["limits", limits.length === 0 ? "kept" : `${limits.length} broken`],
    ...limits.slice(0, SHOWN).map((text): [string, string] => ["", text]),
    ...(result.unservedMw > 0 ? [["without supply", `${result.unservedMw.toFixed(3)} MW`] as [string, string]] : []),
    ...(result.limited.length > 0
      ? [["at a reactive limit", `buses ${result.limited.join(", ")}`] as [string, string]]
      : []),
  ];
  return renderTable(["what", "result"], rows);
}

function tables(buses: readonly BusRow[], branches: readonly BranchRow[], whole: boolean): string {
  const lowest = whole ? buses : [...buses].sort((a, b) => a.vmPu - b.vmPu).slice(0, SHOWN);
  const worst = whole ? branches : [...branches].sort((a, b) => b.lossMw - a.lossMw).slice(0, SHOWN);
  const busRows = lowest.map(({ bus, vmPu, kv, vaDeg, loadMw, loadMvar }): Cell[] => [
    ...[bus, vmPu.toFixed(6), kv?.toFixed(3), vaDeg.toFixed(4), loadMw.toFixed(3), loadMvar.toFixed(3)],
  ]);
  const branchRows = worst.map((row): Cell[] => [
    ...[
      row.branch,
      `${row.from}-${row.to}`,
      row.closed ? "closed" : "open",
      row.fromMw.toFixed(4),
      row.fromMvar.toFixed(4),
    ],
    ...[(row.lossMw * 1_000).toFixed(3), row.loadingPercent?.toFixed(1), row.settledC?.toFixed(1)],
  ]);
  return [
    ...(whole
      ? []
      : [
          `The ${lowest.length} buses of the lowest voltage, the ${worst.length} branches of the largest loss (--all shows all):`,
        ]),
    renderTable(["bus", "V p.u.", "V kV", "angle deg", "load MW", "Mvar"], busRows),
    renderTable(["branch", "buses", "switch", "MW", "Mvar", "loss kW", "loading %", "settled degC"], branchRows),
  ].join("\n");
}
