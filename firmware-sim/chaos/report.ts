/** What a run under chaos tells its user. */
import { renderTable } from "../../config/runtime/terminal.ts";
import type { CheckerReport } from "./checker/report.ts";
import type { ChaosResult } from "./run.ts";
import { eventText, type Schedule } from "./schedule.ts";

/** The checker's table, and what it found. */
export function reportTable({ ok, checks }: CheckerReport): string {
  const rows = checks.map(({ name, about, checked, wrong }) => [
    name,
    wrong === 0 ? "right" : "WRONG",
    checked,
    wrong,
    about,
  ]);
  const table = renderTable(["check", "verdict", "checked", "wrong", "what"], rows);
  const findings = checks.flatMap(({ name, wrong, findings: first }) => [
    ...first.map((finding) => `  ${name}: ${finding}`),
    ...(wrong > first.length ? [`  ${name}: and ${wrong - first.length} more`] : []),
  ]);
  const verdict = ok ? "Nothing was lost, and nothing was counted twice." : "NOT everything is right:";
  return [table, verdict, ...findings].join("\n");
}

/** What happened beside the verdict. */
export function describeResult({ events, restarts, cuts, disks, seconds, folder }: ChaosResult): string {
  const list = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .filter(([, count]) => count > 0)
      .map(([name, count]) => `${name} ${count}`)
      .join(", ") || "none";
  const full =
    disks === "tmpfs" ? "small disks of their own" : "SQLite's page limit, since no disk may be mounted here";
  return [
    `${events.done} events, ${events.missed} more met a process that did not run; ${seconds.toFixed(0)} s`,
    `processes started again: ${list(restarts)}`,
    `connections cut: ${list(cuts)}; full disks: ${full}`,
    `the run is in ${folder}: run.jsonl, schedule.yaml, truth.csv, logs/`,
  ].join("\n");
}

/** What is tried next, and how to do it again. */
export function describeSchedule({ events }: Schedule): string[] {
  return events.map((event) => `  slot ${event.atSlot}: ${eventText(event)}`);
}

/** The command that does a schedule again. */
export function commandOf(file: string): string {
  return `npm run chaos -- --schedule ${file}`;
}
