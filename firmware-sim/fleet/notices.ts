/**
 * What a run tells its user before it begins, where the choice of meters or aggregators will show in the results, and
 * what can be done with servers that keep running.
 */
import type { Config } from "../../config/index.ts";
import type { Fleet } from "./fleet.ts";
import type { FleetPlan } from "./fleet-plan.ts";

/** Enrolled meters that this run does not have: they stay silent, and what is due of them is missing. */
export function silentNotice(silent: readonly string[], enrolled: number): string | undefined {
  const [first] = silent;
  if (first === undefined) return undefined;
  const names = silent.length === 1 ? first : `${first} to ${String(silent.at(-1))}`;
  const [are, stay, theyDo] =
    silent.length === 1 ? ["meter is", "stays", "it does"] : ["meters are", "stay", "they do"];
  return (
    `${silent.length} enrolled ${are} not in this run and ${stay} silent (${names}): what ${theyDo} not send is a gap in ` +
    `the bill, and feeder loads are without it, and may have too few meters to be released; --meters ${enrolled} ` +
    `runs as many as are enrolled`
  );
}

/** Aggregators that are left out, where too few remain for any total. */
export function withoutNotice(
  without: readonly number[],
  { system }: Pick<Config, "system">,
  waitSeconds: number,
): string | undefined {
  const running = system.aggregators - new Set(without).size;
  if (running >= system.threshold) return undefined;
  return (
    `${running} of ${system.aggregators} aggregators ${running === 1 ? "runs" : "run"}, and ${system.threshold} are ` +
    `needed for any total: readings are taken, but nothing can be billed. This run waits ${waitSeconds} s for results, ` +
    `then ends with exit code 1; a further run with enough aggregators brings the bills`
  );
}

/** While servers keep running: the report, which counts restarts, has been printed. */
export function restartNotice(name: string, reason: string): string {
  return `${name} ended (${reason}) and is started again`;
}

export function keptRunningNotes(
  { ports, api, configFile }: Pick<Fleet, "ports" | "api" | "configFile">,
  data: string,
  { source }: Pick<FleetPlan, "source">,
): string[] {
  return [
    `The servers keep running. Public topics: mosquitto_sub -p ${ports.public} -t 'wv/1/pub/#'`,
    ...(api === undefined ? [] : [`The dashboard: ${api.address}/app/ (accounts: ${api.accountsFile})`]),
    `More readings: npm run meters -- --data ${data} --meters ${source.meters.length}`,
    `Meters and their changes: npm run enrol -- list --config ${configFile} (and add, move, rekey, revoke)`,
    "Ctrl-C stops it.",
  ];
}
