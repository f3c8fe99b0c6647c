/** `grid paths`: which way the power of every load takes from a generator. */
import { EXIT, type RoleContext } from "../../../config/runtime/role-command.ts";
import { type Cell, renderTable } from "../../../config/runtime/terminal.ts";
import { readWeights, type RoutedPaths, routePaths, ROUTING_METHODS } from "../index.ts";
import { chosenGrid, fixedOf, goalOf } from "./goal.ts";
import { countOf, numberOf, wordOf } from "./request.ts";

export function runPaths({ options, json }: RoleContext, [name]: readonly string[]): number {
  const file = options["weights"] as string | undefined;
  const routed = routePaths(chosenGrid(name, options), {
    ...fixedOf(options),
    goal: goalOf(options),
    method: wordOf(options, "method", ROUTING_METHODS, "policy"),
    seed: numberOf(options, "seed", 1),
    ...(options["flows"] === undefined ? {} : { mostFlows: countOf(options, "flows", 1) }),
    ...(file === undefined ? {} : { weights: readWeights(file, "paths").weights }),
  });
  process.stdout.write(json ? `${JSON.stringify(routed)}\n` : `${shown(routed)}\n`);
  return EXIT.ok;
}

function shown(routed: RoutedPaths): string {
  const { paths, open, reference } = routed;
  const rows = paths.map(({ step, bus, loadMw, buses, lossKw, voltagePu, shares }): Cell[] => [
    ...[step, bus, loadMw.toFixed(3), buses.join(" > "), lossKw.toFixed(3), voltagePu.toFixed(4)],
    shares.map(({ generator, share }) => `${generator}: ${(100 * share).toFixed(1)} %`).join(", "),
  ]);
  const figures = [
    ["open", open.join(", ")],
    ["losses kW", `${routed.lossKw.toFixed(3)}, ${routed.trunkLossKw.toFixed(3)} of them between generators`],
    ["risk, violation", `${routed.risk.toFixed(3)}, ${routed.violation.toFixed(3)}`],
    ["cost kW", routed.cost.toFixed(3)],
    [`${reference.kind} optimum`, `${reference.cost.toFixed(3)} kW, gap ${reference.gapPercent.toFixed(3)} %`],
    [
      "spent",
      `${routed.method}: ${routed.flows} power flows, ${routed.milliseconds.toFixed(1)} ms; the optimum ${reference.flows}`,
    ],
    ...(routed.cutOff.length > 0 ? [["cut off", `buses ${routed.cutOff.join(", ")}`]] : []),
  ];
  const head = ["step", "load", "MW", "path", "losses kW", "V p.u.", "power from generator"];
  return `${renderTable(head, rows)}\n${renderTable(["what", "result"], figures)}`;
}
