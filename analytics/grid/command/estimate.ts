/** `grid estimate CASE --scada FILE`: scan by scan the state that the samples tell, and which of them are not believed. */
import { EXIT, type RoleContext, UsageError } from "../../../config/runtime/role-command.ts";
import { renderTable } from "../../../config/runtime/terminal.ts";
import {
  CsvScada,
  StateTracker,
  type TrustedState,
  violationsOf,
  withAssumedRatings,
  type FlowResult,
} from "../index.ts";
import { gridNamed, numberOf } from "./request.ts";

export async function runEstimate({ options, json, signal }: RoleContext, [name]: readonly string[]): Promise<number> {
  const grid = withAssumedRatings(gridNamed(name));
  const file = options["scada"] as string | undefined;
  if (file === undefined) throw new UsageError("estimate: expected --scada with a CSV of scans");
  const falseAlarm = numberOf(options, "false-alarm", 0.01);
  const tracker = new StateTracker(grid, { falseAlarm });
  const states: TrustedState[] = [];
  for await (const scan of new CsvScada(file, grid).scans()) {
    states.push(tracker.update(scan));
    if (signal.aborted) return EXIT.interrupted;
  }
  process.stdout.write(
    json ? `${JSON.stringify({ grid: grid.name, file, scans: states.map(reportOf) })}\n` : describe(states),
  );
  return states.every(({ estimate }) => isUsable(estimate)) ? EXIT.ok : EXIT.failed;
}

function isUsable({ status }: TrustedState["estimate"]): boolean {
  return status === "trusted" || status === "suspect";
}

function fitOf({ objective, objectiveLimit }: TrustedState["estimate"]): string {
  return `${objective.toFixed(0)} of ${objectiveLimit.toFixed(0)}`;
}

function reportOf(state: TrustedState): Record<string, unknown> {
  const { estimate, time, simulated, bad, missing, contradictedBreakers, grid } = state;
  const { status, unobservable, objective, objectiveLimit, degreesOfFreedom, largestNormalisedResidual, critical } =
    estimate;
  return {
    ...{ time, simulated, status, bad, missing, contradictedBreakers, unobservable, critical },
    ...{ objective, objectiveLimit, degreesOfFreedom, largestNormalisedResidual },
    ...{ open: grid.branches.filter(({ closed }) => !closed).map(({ id }) => id) },
    buses: grid.buses.map(({ id }, bus) => ({
      bus: id,
      vmPu: estimate.vmPu[bus],
      vaDeg: (estimate.vaRad[bus]! * 180) / Math.PI,
    })),
    violations: violations(state),
  };
}

/** Voltages and ratings; generators are not estimated by themselves. */
function violations({ grid, estimate, fromMw, fromMvar, toMw, toMvar }: TrustedState): object {
  const energised = Uint8Array.from(estimate.vmPu, (v) => Number(v > 0));
  const state = { vmPu: estimate.vmPu, energised, fromMw, fromMvar, toMw, toMvar } as FlowResult;
  const { voltages, overloads } = violationsOf({ ...grid, generators: [] }, state);
  return { voltages, overloads };
}

const SHOWN = 60;

function describe(states: readonly TrustedState[]): string {
  const rows = states.slice(-SHOWN).map(({ time, estimate, bad, missing, contradictedBreakers }) => {
    const supplied = estimate.vmPu.filter((v) => v > 0);
    return [
      ...[new Date(time * 1_000).toISOString().slice(0, 19), estimate.status],
      // What was not fitted has no figures.
      ...(isUsable(estimate)
        ? [Math.min(...supplied).toFixed(4), Math.max(...supplied).toFixed(4), fitOf(estimate)]
        : ["", "", ""]),
      missing.length,
      [...bad, ...contradictedBreakers.map((id) => `breaker:${id}`)].join(" "),
    ];
  });
  const count = (status: string): number => states.filter(({ estimate }) => estimate.status === status).length;
  const simulated = states.some((state) => state.simulated) ? " Samples are simulated." : "";
  return [
    renderTable(["time (UTC)", "state", "least V", "most V", "fit", "lost", "not believed"], rows),
    `${states.length} scans: ${["trusted", "suspect", "unobservable", "failed"].map((one) => `${count(one)} ${one}`).join(", ")}.${simulated}`,
    ...(states.length > SHOWN ? [`The last ${SHOWN} are shown; --json has all.`] : []),
    "",
  ].join("\n");
}
