/**
 * The release rules over a year: every day the loads of its slots and a bill of each meter, in one aggregator's durable
 * store. With every reading there, and with one in fifty missing, so that hardly two slots are alike.
 */
import { randomInt } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SetError } from "../aggregator/rounds/layout.ts";
import { recordRelease } from "../aggregator/release/rules.ts";
import { type CellTest, History } from "../aggregator/release/testing/history.ts";
import { auditTotals } from "../aggregator/audit/disclosure.ts";
import { releasedTotals } from "../aggregator/audit/release-totals.ts";
import { createProgress, renderTable } from "../config/runtime/terminal.ts";
import type { SetContent } from "../protocol/messages/round.ts";
import type { BenchOptions } from "./bench.ts";
import { duration, figure } from "./words.ts";

const METERS = 50;
const PER_DAY = 96;
const DAYS = 365;
const QUICK_DAYS = 30;
const TARGET_MILLISECONDS = 1;

interface Year {
  readonly readings: string;
  readonly releases: number;
  /** Judged and written, for each meter's bill. */
  readonly billMilliseconds: number;
  /** Of the slowest set of bills, for each of them. */
  readonly slowestBillMilliseconds: number;
  /** For each slot's load. */
  readonly loadMilliseconds: number;
  readonly auditSeconds: number;
  readonly fewestSlotsOfMeter: number | undefined;
  readonly fewestMetersOfSlot: number | undefined;
}

export function run({ json, quick }: BenchOptions): Promise<Record<string, unknown>> {
  const days = quick ? QUICK_DAYS : DAYS;
  const missing: CellTest = (meter, slot) => (Math.imul(meter * 40_503 + slot, 2_654_435_761) >>> 0) % 50 !== 0;
  const years = [
    year({ readings: "all there", days, perBill: 1, has: () => true, silent: json }),
    year({ readings: "one in fifty missing", days, perBill: 1, has: missing, silent: json }),
    year({ readings: "one in fifty missing, monthly bills", days, perBill: 30, has: missing, silent: json }),
  ];
  const result = { meters: METERS, slotsPerDay: PER_DAY, days, years, targetMilliseconds: TARGET_MILLISECONDS };
  if (!json) process.stdout.write(`${describe(result.years)}\n`);
  return Promise.resolve(result);
}

interface YearOptions {
  readonly readings: string;
  readonly days: number;
  /** Days of a bill. */
  readonly perBill: number;
  readonly has: CellTest;
  readonly silent: boolean;
}

function year({ readings, days, perBill, has, silent }: YearOptions): Year {
  const folder = mkdtempSync(join(tmpdir(), "wattveil-bench-disclosure-"));
  try {
    const history = new History(folder, { meters: METERS, minMeters: 5, minSlots: 48, durable: true });
    const bar = createProgress({ label: `days, ${readings}`, total: days, silent });
    let [loads, bills, slowest] = [0, 0, 0];
    for (let day = 0; day < days; day++) {
      const range = [day * PER_DAY, (day + 1) * PER_DAY] as const;
      loads += release(history, history.load(range, has), 2 * day);
      bar.update(day + 1);
      if ((day + 1) % perBill !== 0) continue;
      const period = [(day + 1 - perBill) * PER_DAY, range[1]] as const;
      const time = release(history, history.bill([period], has), 2 * day + 1);
      bills += time;
      slowest = Math.max(slowest, time);
    }
    bar.stop();
    const start = performance.now();
    const totals = releasedTotals(history.db, history.feeder, "import");
    const { ofMeter, ofSlot } = auditTotals(totals, { choices: 20_000, random: () => randomInt(2 ** 40) / 2 ** 40 });
    return {
      readings,
      releases: totals.length,
      billMilliseconds: bills / Math.floor(days / perBill) / METERS,
      slowestBillMilliseconds: slowest / METERS,
      loadMilliseconds: loads / days / PER_DAY,
      auditSeconds: (performance.now() - start) / 1_000,
      fewestSlotsOfMeter: ofMeter?.cells.length,
      fewestMetersOfSlot: ofSlot?.cells.length,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Judges and writes a set, as an aggregator does before it endorses; milliseconds. */
function release(history: History, set: SetContent, number: number): number {
  const { store } = history.context;
  const start = performance.now();
  const judged = history.judge(set);
  if (judged instanceof SetError) throw judged;
  const setId = Buffer.alloc(32);
  setId.writeUInt32BE(number);
  store.transaction(() => recordRelease(judged, setId, store));
  return performance.now() - start;
}

function describe(years: readonly Year[]): string {
  return renderTable(
    ["readings", "releases", "a bill", "of the slowest set", "a slot's load", "audit", "slots", "meters"],
    years.map((one) => [
      ...[one.readings, one.releases],
      ...[one.billMilliseconds, one.slowestBillMilliseconds, one.loadMilliseconds].map((ms) => `${figure(ms, 3)} ms`),
      ...[duration(one.auditSeconds), one.fewestSlotsOfMeter, one.fewestMetersOfSlot],
    ]),
  );
}
