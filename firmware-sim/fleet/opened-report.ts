/** What a run prints of its ciphertexts: results beside those from shares and beside the truth, and who opened them. */
import { renderTable } from "../../config/runtime/terminal.ts";
import type { ComparedOpening, OpenedCheck } from "./opened-check.ts";
import type { CiphertextSummary } from "./opened-summary.ts";

/** More rows than these are added up. */
const MOST_ROWS = 12;
const MOST_LINES = 5;

export function describeOpened(opened: OpenedCheck, summary: CiphertextSummary): string[] {
  const { openedBy, due, openings } = opened;
  const lines = ["Computed on ciphertexts, and opened by aggregators together:"];
  if (opened.compared.length > 0) {
    const head = ["what", "from shares", "from ciphertexts", "the truth", "a slot differs by at most", "allowed"];
    lines.push(renderTable(head, rowsOf(opened.compared)));
  }
  const who = openedBy.length === 0 ? "" : ` by ${openedBy.length} aggregators (${openedBy.join(", ")})`;
  const within = opened.compared.every(({ withinBound }) => withinBound);
  const verdict = within ? "all within their bounds of the truth" : "NOT all within their bounds";
  lines.push(`${openings} of ${due} results opened${who}${openings === 0 ? "" : `: ${verdict}`}`);
  lines.push(`Cross-check of shares and ciphertexts: ${crossCheck(opened)}`);
  lines.push(...opened.crossCheck.verdicts.slice(0, MOST_LINES));
  const more = opened.missing.length - MOST_LINES;
  lines.push(...opened.missing.slice(0, MOST_LINES).map((one) => `Not opened: ${one}`));
  if (more > 0) lines.push(`Not opened: and ${more} more`);
  if (summary.made > 0) {
    const kilobytes = (summary.bytes / summary.made / 1_000).toFixed(1);
    const milliseconds = (summary.encryptingMilliseconds / summary.made).toFixed(1);
    lines.push(`${summary.made} ciphertexts of ${kilobytes} kB, ${milliseconds} ms each to encode, encrypt and pack`);
  }
  return lines;
}

function crossCheck({ crossCheck: { agree, differ, waiting } }: OpenedCheck): string {
  if (agree + differ + waiting === 0) return "nothing to compare";
  const parts = [`${agree} agree`];
  if (differ > 0) parts.push(`${differ} DIFFER`);
  if (waiting > 0) parts.push(`${waiting} wait for loads`);
  return parts.join(", ");
}

function rowsOf(compared: readonly ComparedOpening[]): string[][] {
  const sums = compared.filter(({ name }) => name === "sum");
  const others = compared.filter(({ name, circuit }) => name !== "sum" && !(circuit === "variance" && name === "mean"));
  const rows = sums.length > MOST_ROWS ? [] : sums.map((one) => row(titleOf(one), one));
  if (sums.length > 1) {
    const add = (numbers: readonly (number | undefined)[]): number | undefined =>
      numbers.every((number) => number !== undefined) ? numbers.reduce<number>((a, b) => a + b, 0) : undefined;
    const all = {
      unit: sums[0]!.unit,
      shares: add(sums.map(({ shares }) => shares)),
      ciphertexts: add(sums.map(({ ciphertexts }) => ciphertexts))!,
      truth: add(sums.map(({ truth }) => truth))!,
      largestError: Math.max(...sums.map(({ largestError }) => largestError)),
      bound: Math.max(...sums.map(({ bound }) => bound)),
    };
    rows.push(row(`energy in all (${sums.length} results)`, all));
  }
  const left = others.length - MOST_ROWS;
  rows.push(...others.slice(0, MOST_ROWS).map((one) => row(titleOf(one), one)));
  if (left > 0) rows.push([`and ${left} more`, "", "", "", "", ""]);
  return rows;
}

const NAMES: Readonly<Record<string, string>> = {
  sum: "energy",
  total: "energy",
  mean: "mean",
  variance: "variance",
  standardDeviation: "standard deviation",
};

function titleOf({ name, label, date }: ComparedOpening): string {
  return `${NAMES[name] ?? name} of ${label}, ${date}`;
}

type Row = Pick<ComparedOpening, "unit" | "shares" | "ciphertexts" | "truth" | "largestError" | "bound">;

function row(title: string, { unit, shares, ciphertexts, truth, largestError, bound }: Row): string[] {
  const digits = Math.min(6, Math.max(0, 1 - Math.floor(Math.log10(bound))));
  const number = (value: number | undefined): string => (value === undefined ? "" : `${value.toFixed(digits)} ${unit}`);
  // A load from shares is a whole number.
  const whole = shares === undefined ? "" : `${shares} ${unit}`;
  return [title, whole, number(ciphertexts), number(truth), significant(largestError, unit), significant(bound, unit)];
}

function significant(value: number, unit: string): string {
  return `${value >= 100 ? value.toFixed(0) : value.toPrecision(2)} ${unit}`;
}
