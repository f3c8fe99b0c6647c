/** Reads V8's CPU profiles: which functions a process spent its own time in. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { renderTable } from "../../config/runtime/terminal.ts";
import type { BenchSystem } from "./bench-system.ts";

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
}

interface CpuProfile {
  /** Microseconds of the monotonic clock that all processes of a machine share. */
  readonly startTime: number;
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

export interface SelfTime {
  readonly name: string;
  /** Of the time in which the process did anything. */
  readonly percent: number;
}

/** The profile that the main thread of a process has written; the loader's thread writes one of its own. */
function profileOf(folder: string, pid: number): string {
  const name = readdirSync(folder).find((file) => new RegExp(`\\.${pid}\\.0\\..*\\.cpuprofile$`).test(file));
  if (name === undefined) throw new Error(`${folder}: process ${pid} has left no profile`);
  return join(folder, name);
}

/** A stretch of the monotonic clock, as `process.hrtime` tells it, in microseconds. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** Now, on the clock of the profiles. */
export function profileTime(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}

/** The functions with the most self time, without idle time, while what is measured went on. */
function topSelfTimes(file: string, count: number, { from, to }: Stretch): SelfTime[] {
  const profile = JSON.parse(readFileSync(file, "utf8")) as CpuProfile;
  const names = new Map(profile.nodes.map((node) => [node.id, nameOf(node)]));
  const times = new Map<string, number>();
  let total = 0;
  let at = profile.startTime;
  for (const [index, id] of profile.samples.entries()) {
    at += profile.timeDeltas[index] ?? 0;
    if (at < from || at > to) continue;
    const name = names.get(id) ?? "(unknown)";
    if (name === "(idle)") continue;
    const time = profile.timeDeltas[index] ?? 0;
    total += time;
    times.set(name, (times.get(name) ?? 0) + time);
  }
  return [...times]
    .sort(([, a], [, b]) => b - a)
    .slice(0, count)
    .map(([name, time]) => ({ name, percent: Math.round((1000 * time) / total) / 10 }));
}

function nameOf({ callFrame }: ProfileNode): string {
  const { functionName, url, lineNumber } = callFrame;
  if (url === "") return functionName;
  const place = url.replace(/^file:\/\//, "").replace(/^.*\/node_modules\//, "");
  const short = place.startsWith("/") ? place.split("/").slice(-3).join("/") : place;
  return `${functionName || "(anonymous)"} ${short}:${lineNumber + 1}`;
}

const ROWS = 40;

/** Stops the system, at which its processes write their profiles, and reads those of the named ones. */
export async function stopWithProfiles(
  system: BenchSystem,
  names: readonly string[],
  folder: string,
  stretch: Stretch,
): Promise<Record<string, SelfTime[]>> {
  const processes = names.map((name) => [name, system.supervisor.processId(name) ?? 0] as const);
  await system.stop();
  return Object.fromEntries(
    processes.map(([name, pid]) => [name, topSelfTimes(profileOf(folder, pid), ROWS, stretch)]),
  );
}

export function printProfiles(profiles: Readonly<Record<string, readonly SelfTime[]>>): void {
  for (const [name, top] of Object.entries(profiles)) {
    const rows = top.map((row) => [row.percent, row.name]);
    process.stdout.write(`${renderTable(["self time in %", name], rows)}\n`);
  }
}
