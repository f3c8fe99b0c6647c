/**
 * The release rules over a year: every day the loads of its slots and a bill of each meter, in one aggregator's durable
 * store. With every reading there, and with one in fifty missing, so that hardly two slots are alike.
 */
import { randomInt } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ReleaseStore } from "../aggregator/release/release-store.ts";
import type { RuleContext } from "../aggregator/release/rule-context.ts";
import { assertReleasable, recordRelease } from "../aggregator/release/rules.ts";
import { MIGRATIONS } from "../aggregator/store/schema.ts";
import { auditTotals } from "../aggregator/audit/disclosure.ts";
import { releasedTotals } from "../aggregator/audit/release-totals.ts";
import { migrate, openDatabase } from "../config/runtime/database.ts";
import { createProgress, renderTable } from "../config/runtime/terminal.ts";
import { bitmapOf } from "../protocol/bitmap.ts";
import type { SetContent } from "../protocol/messages/round.ts";
import type { BenchOptions } from "./bench.ts";
import { duration, figure } from "./words.ts";

const FEEDER = "f-1";
const METERS = 50;
const NAMES = Array.from({ length: METERS }, (_, i) => `m-${i}`);
const PER_DAY = 96;
const DAYS = 365;
const QUICK_DAYS = 30;
const TARGET_MILLISECONDS = 1;

type CellTest = (meter: number, slot: number) => boolean;

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
    const db = openDatabase(join(folder, "aggregator.db"), { synchronous: "FULL" });
    migrate(db, MIGRATIONS);
    const context = contextOf(new ReleaseStore(db));
    const bar = createProgress({ label: `days, ${readings}`, total: days, silent });
    let [loads, bills, slowest] = [0, 0, 0];
    for (let day = 0; day < days; day++) {
      const range = [day * PER_DAY, (day + 1) * PER_DAY] as const;
      loads += release(context, loadSet(range, has), 2 * day);
      bar.update(day + 1);
      if ((day + 1) % perBill !== 0) continue;
      const period = [(day + 1 - perBill) * PER_DAY, range[1]] as const;
      const time = release(context, billSet(period, has), 2 * day + 1);
      bills += time;
      slowest = Math.max(slowest, time);
    }
    bar.stop();
    const start = performance.now();
    const totals = releasedTotals(db, FEEDER, "import");
    const { ofMeter, ofSlot } = auditTotals(totals, { choices: 20_000, random: () => randomInt(2 ** 40) / 2 ** 40 });
    db.close();
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
function release(context: RuleContext, set: SetContent, number: number): number {
  const { store } = context;
  const start = performance.now();
  const judged = assertReleasable(set, context);
  const setId = Buffer.alloc(32);
  setId.writeUInt32BE(number);
  store.transaction(() => recordRelease(judged, setId, store));
  return performance.now() - start;
}

/** All meters are on the feeder, all the time. */
function contextOf(store: ReleaseStore): RuleContext {
  const slotsOn = (_meter: string, _feeder: string, from: number, to: number): Uint8Array =>
    bitmapOf(to - from, [...Array(to - from).keys()]);
  const members = {
    ...{ numberOf: (meter: string) => NAMES.indexOf(meter) + 1, slotsOn },
    ...{ isHead: () => false, roster: () => NAMES },
  };
  const lost = { before: 0 };
  return { store, members, minMeters: 5, minSlots: 48, gaps: { missingUpTo: () => 0 }, lost, exports: () => false };
}

type Range = readonly [from: number, to: number];

function unit(size: number, has: (index: number) => boolean): [Uint8Array, Uint8Array] {
  return [bitmapOf(size, [...Array(size).keys()].filter(has)), new Uint8Array(32)];
}

function loadSet([from, to]: Range, has: CellTest): SetContent {
  const units = Array.from({ length: to - from }, (_, i) => unit(METERS, (meter) => has(meter, from + i)));
  const shape = { feeder: FEEDER, meters: NAMES, segments: [[from, to] as [number, number]], kinds: [1] };
  return { purpose: "load", ...shape, schemes: [], assignment: [], units };
}

function billSet([from, to]: Range, has: CellTest): SetContent {
  const units = NAMES.map((_, meter) => unit(to - from, (i) => has(meter, from + i)));
  const all = bitmapOf(to - from, [...Array(to - from).keys()]);
  const shape = { feeder: FEEDER, meters: NAMES, segments: [[from, to] as [number, number]], kinds: [1] };
  const schemes = [{ bands: [{ name: "all", kind: 1, masks: [all] }] }];
  return { purpose: "billing", ...shape, schemes, assignment: NAMES.map(() => 0), units };
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
