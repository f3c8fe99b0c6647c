/** Jobs and results as tables for people. */
import Table from "cli-table3";
import { loadShape } from "../outcomes/derived.ts";
import type { Job } from "../store/job.ts";
import type { HeResult } from "../store/result-store.ts";
import type { WindowCalendar } from "../../config/windows.ts";
import { stateText } from "./wait.ts";

const PLAIN = { style: { head: [], border: [], compact: true } };
/** Values of one result in the table of results. */
const SUMMARIES = 3;
/** Columns of the per-slot table. */
const COLUMNS = 4;

function openers({ openedBy }: HeResult): string {
  return openedBy.map((index) => `a-${index}`).join(", ");
}

function number(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return Math.abs(value) >= 1_000 ? value.toFixed(1) : String(Number(value.toPrecision(6)));
}

/** ` Wh²`; nothing for ratios. */
function unitText(unit: string): string {
  return unit === "" ? "" : ` ${unit.replace("2", "²").replace("4", "⁴")}`;
}

function unitOf({ units }: HeResult, name: string): string {
  return unitText(units[name] ?? "");
}

/** `, within 0.5 Wh`. */
function bound(result: HeResult, name: string): string {
  const most = result.errorBounds[name];
  if (most === undefined) return "";
  return most === 0 ? ", exact" : `, within ${Number(most.toPrecision(2))}${unitOf(result, name)}`;
}

type Shown = (name: string) => boolean;
const EVERYTHING: Shown = () => true;

/** One result with its numbers, or those of them that were asked for. */
export function resultText(result: HeResult, calendar: WindowCalendar, shown = EVERYTHING): string {
  const { number: job, circuit, label, series, firstSlot, slots, inputs } = result;
  const until = calendar.timeOf(firstSlot + slots);
  const head = `job ${job}: ${circuit} of ${series.join(", ")} over ${label}, ${calendar.timeOf(firstSlot)} to ${until}`;
  const lines = [head, `${inputs} meters, opened by ${openers(result)}`];
  const single: string[] = [];
  for (const [name, numbers] of Object.entries(result.values).filter(([name]) => shown(name))) {
    if (numbers.length === slots && slots > 1) lines.push("", ...perSlot(name, numbers, result, calendar));
    else single.push(`${name}: ${numbers.map(number).join(", ")}${unitOf(result, name)}${bound(result, name)}`);
  }
  return [...lines, ...(single.length > 0 && lines.length > 2 ? [""] : []), ...single].join("\n");
}

function perSlot(name: string, numbers: readonly number[], result: HeResult, calendar: WindowCalendar) {
  const { firstSlot } = result;
  const table = new Table(PLAIN);
  const cells = numbers.map((value, i) => `${calendar.timeOf(firstSlot + i).slice(11)}  ${number(value)}`);
  const rows = Math.ceil(cells.length / COLUMNS);
  for (let row = 0; row < rows; row++) {
    table.push(Array.from({ length: COLUMNS }, (_, column) => cells[column * rows + row] ?? ""));
  }
  const unit = unitOf(result, name);
  const lines = [`${name} per slot${unit === "" ? "" : ` (${unit.trim()})`}${bound(result, name)}`, table.toString()];
  if (name !== "sum" && name !== "mean") return lines;
  const shape = loadShape(numbers);
  const at = calendar.timeOf(firstSlot + shape.peakSlot);
  const factor = shape.loadFactor === undefined ? "" : `, load factor ${shape.loadFactor.toFixed(3)}`;
  const ratio = shape.peakToAverage === undefined ? "" : `, peak to average ${shape.peakToAverage.toFixed(2)}`;
  return [...lines, `total ${number(shape.total)}${unit}, peak ${number(shape.peak)}${unit} at ${at}${factor}${ratio}`];
}

/** One line for each result. */
export function resultsTable(results: readonly HeResult[], calendar: WindowCalendar, shown = EVERYTHING): string {
  const head = ["job", "circuit", "group", "series", "from", "meters", "result", "opened by"];
  const table = new Table({ ...PLAIN, head });
  for (const result of results) {
    const { number: job, circuit, label, leftOut, series, firstSlot, inputs, values } = result;
    const texts = Object.entries(values).flatMap(([name, numbers]) =>
      shown(name) ? [summary(name, numbers, result)] : [],
    );
    const more = texts.length > SUMMARIES ? [`and ${texts.length - SUMMARIES} more`] : [];
    const from = calendar.dateOf(firstSlot);
    const text = [...texts.slice(0, SUMMARIES), ...more].join("; ");
    const group = leftOut.length === 0 ? label : `${label} without ${leftOut.join(", ")}`;
    table.push([job, circuit, group, series.join(", "), from, inputs, text, openers(result)]);
  }
  return table.toString();
}

function summary(name: string, numbers: readonly number[], result: HeResult): string {
  const unit = unitOf(result, name);
  if (numbers.length !== result.slots || result.slots === 1) return `${name} ${numbers.map(number).join(", ")}${unit}`;
  const { total, peak } = loadShape(numbers);
  // Only energies and counts add up over time.
  return name === "sum"
    ? `${name} ${number(total)}${unit} (peak ${number(peak)})`
    : `${name} up to ${number(peak)}${unit}`;
}

export function jobsTable(jobs: readonly Job[], calendar: WindowCalendar): string {
  const table = new Table({ ...PLAIN, head: ["job", "circuit", "group", "series", "from", "state", "why"] });
  for (const job of jobs) {
    const { number: name, circuit, label, series, firstSlot, reason } = job;
    const why = reason.length > 60 ? `${reason.slice(0, 57)}...` : reason;
    table.push([name, circuit, label, series.join(", "), calendar.dateOf(firstSlot), stateText(job), why]);
  }
  return table.toString();
}

/** Everything that is known of one job. */
export function jobText(job: Job, calendar: WindowCalendar): string {
  const { number: name, circuit, parameters, label, feeders, series, firstSlot, slots, reason, total } = job;
  const rows: [string, string][] = [
    ["job", String(name)],
    ["state", stateText(job)],
    ...(reason === "" ? [] : [["why", `${job.code}: ${reason}`] as [string, string]]),
    ["circuit", `${circuit} ${Object.keys(parameters).length === 0 ? "" : JSON.stringify(parameters)}`.trim()],
    ["group", feeders.length > 1 ? `${label} (${feeders.length} feeders)` : label],
    ...(job.leftOut.length === 0 ? [] : [["without", job.leftOut.join(", ")] as [string, string]]),
    ["series", series.join(", ")],
    ["window", `${calendar.timeOf(firstSlot)} to ${calendar.timeOf(firstSlot + slots)}, ${slots} slots`],
    ["inputs", String(total)],
    ...(job.computeMilliseconds === undefined
      ? []
      : [["computed in", `${job.computeMilliseconds} ms`] as [string, string]]),
    ...(job.job === undefined ? [] : [["transcript", job.job] as [string, string]]),
    ...(job.active === undefined
      ? []
      : [["active set", job.active.map((index) => `a-${index}`).join(", ")] as [string, string]]),
  ];
  return rows.map(([key, value]) => `${key.padEnd(12)} ${value}`).join("\n");
}

/** A job for --json: no bytes. */
export function jobJson({ transcript, ...job }: Job, calendar: WindowCalendar): Record<string, unknown> {
  return { ...job, date: calendar.dateOf(job.firstSlot), transcriptBytes: transcript?.length ?? null };
}
