/**
 * What Linux tells of processes: who started whom, the processor time they used, and what each thread waits for. Empty
 * where there is no /proc.
 */
import { readFileSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";

/** USER_HZ, which is 100 wherever Linux runs node. */
const TICKS_A_SECOND = 100;

export interface Process {
  readonly id: number;
  readonly parent: number;
  /** Of itself and of those of its children that have ended. */
  readonly cpuSeconds: number;
  readonly command: string;
}

/** All processes. */
export function listProcesses(): Process[] {
  const ids = names("/proc").filter((name) => /^\d+$/.test(name));
  return ids.map(readProcess).filter((found) => found !== undefined);
}

function readProcess(id: string): Process | undefined {
  const stat = text(`/proc/${id}/stat`);
  // The name before may hold spaces and brackets.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (fields.length < 15) return undefined; // it has just ended
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  const command = text(`/proc/${id}/cmdline`).split("\0").join(" ").trim();
  return { id: Number(id), parent: Number(fields[1]), cpuSeconds: ticks / TICKS_A_SECOND, command };
}

/** A process and all that it started, directly or not. */
export function familyOf(id: number, all: readonly Process[]): Process[] {
  const own = all.filter((process) => process.id === id);
  const children = all.filter((process) => process.parent === id);
  return [...own, ...children.flatMap((child) => familyOf(child.id, all))];
}

/** A line for each kind of thread of a process: its name and state, and where in the kernel it waits. */
export function describeThreads(id: number): string[] {
  const folder = `/proc/${id}/task`;
  const lines = names(folder).map((thread) => {
    const read = (file: string) => text(join(folder, thread, file)).trim();
    const state = /^State:\s+(.*)$/m.exec(read("status"))?.[1] ?? "ended";
    const call = read("syscall").split(" ")[0] ?? "";
    const main = thread === String(id) ? "main thread" : "thread";
    return `${main} "${read("comm")}": ${state}, wchan ${read("wchan") || "-"}, syscall ${call || "-"}`;
  });
  const counts = new Map<string, number>();
  for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1);
  return [...counts].map(([line, count]) => (count > 1 ? `${count} x ${line}` : line));
}

/** The TCP ports on which a process listens. */
export function listeningPorts(id: number): number[] {
  const sockets = new Set(
    names(`/proc/${id}/fd`).map((name) => /^socket:\[(\d+)\]$/.exec(target(`/proc/${id}/fd/${name}`))?.[1]),
  );
  const rows = text(`/proc/${id}/net/tcp`).split("\n").slice(1);
  return rows.flatMap((row) => {
    const [, local = "", , state, , , , , , socket] = row.trim().split(/\s+/);
    return state === "0A" && sockets.has(socket) ? [Number.parseInt(local.split(":")[1] ?? "", 16)] : [];
  });
}

/** What is not there, or no longer, or not for us, is empty. */
function text(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function target(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return "";
  }
}
