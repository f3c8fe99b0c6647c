/** Jobs and results as tables for people. */
import Table from "cli-table3";
import { loadShape } from "../outcomes/derived.ts";
import type { Job } from "../store/job.ts";
import type { HeResult } from "../store/result-store.ts";
import type { WindowCalendar } from "../windows.ts";
import { stateText } from "./wait.ts";

const PLAIN = { style: { head: [], border: [] } };
/** Columns of the per-slot table. */
const COLUMNS = 4;

function openers({ openedBy }: HeResult): string {
  return openedBy.map((index) => `a-${index}`).join(", ");
}

function number(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return Math.abs(value) >= 1_000 ? value.toFixed(1) : String(Number(value.toPrecision(6)));
}

function bound({ errorBound, unit }: HeResult): string {
  return errorBound === undefined ? "" : `, within ${Number(errorBound.toPrecision(2))} ${unit}`;
}

/** One result with all its numbers. */
export function resultText(result: HeResult, calendar: WindowCalendar): string {
  const { number: job, circuit, label, series, firstSlot, slots, inputs, unit, values } = result;
  const until = calendar.timeOf(firstSlot + slots);
  const head = `job ${job}: ${circuit} of ${series.join(", ")} over ${label}, ${calendar.timeOf(firstSlot)} to ${until}`;
  const lines = [head, `${inputs} meters, opened by ${openers(result)}${bound(result)}`];
  for (const [name, numbers] of Object.entries(values)) {
    if (numbers.length === slots && slots > 1) lines.push("", ...perSlot(name, numbers, result, calendar));
    else lines.push(`${name}: ${numbers.map(number).join(", ")} ${unit}`.trimEnd());
  }
  return lines.join("\n");
}

function perSlot(name: string, numbers: readonly number[], { firstSlot, unit }: HeResult, calendar: WindowCalendar) {
  const table = new Table(PLAIN);
  const cells = numbers.map((value, i) => `${calendar.timeOf(firstSlot + i).slice(11)}  ${number(value)}`);
  const rows = Math.ceil(cells.length / COLUMNS);
  for (let row = 0; row < rows; row++) {
    table.push(Array.from({ length: COLUMNS }, (_, column) => cells[column * rows + row] ?? ""));
  }
  const lines = [`${name} per slot (${unit})`, table.toString()];
  if (name !== "sum" && name !== "mean") return lines;
  const shape = loadShape(numbers);
  const at = calendar.timeOf(firstSlot + shape.peakSlot);
  const factor = shape.loadFactor === undefined ? "" : `, load factor ${shape.loadFactor.toFixed(3)}`;
  const ratio = shape.peakToAverage === undefined ? "" : `, peak to average ${shape.peakToAverage.toFixed(2)}`;
  return [
    ...lines,
    `total ${number(shape.total)} ${unit}, peak ${number(shape.peak)} ${unit} at ${at}${factor}${ratio}`,
  ];
}

/** One line for each result. */
export function resultsTable(results: readonly HeResult[], calendar: WindowCalendar): string {
  const head = ["job", "circuit", "group", "series", "from", "meters", "result", "unit", "opened by"];
  const table = new Table({ ...PLAIN, head });
  for (const result of results) {
    const { number: job, circuit, label, series, firstSlot, slots, inputs, unit, values } = result;
    const texts = Object.entries(values).map(([name, numbers]) => {
      if (numbers.length === slots && slots > 1) {
        const shape = loadShape(numbers);
        return `${name} ${number(shape.total)} (peak ${number(shape.peak)})`;
      }
      return `${name} ${numbers.map(number).join(", ")}`;
    });
    const from = calendar.dateOf(firstSlot);
    table.push([job, circuit, label, series.join(", "), from, inputs, texts.join("; "), unit, openers(result)]);
  }
  return table.toString();
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
