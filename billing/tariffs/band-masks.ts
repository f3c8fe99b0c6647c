/**
 * What a bill asks the aggregators for: one 0/1 mask over the slots of a range per sum it needs. Masks of one kind
 * are disjoint and together cover the range, so that no slot is counted twice or left out.
 */
import { addMember, emptyBitmap } from "../../protocol/bitmap.ts";
import { type SlotRange, slotCount } from "../../protocol/slots.ts";
import type { CustomerKindName, UnixSeconds } from "../../protocol/units.ts";
import { type BandRun, slotAlignedRuns, versionSpans } from "./band-runs.ts";
import { dateAt } from "./local-time.ts";
import { type Tariff, versionNumber } from "./tariff.ts";

/** One sum over the slots of a range: bit i of `mask` is slot `range.from + i`. */
export interface BillColumn {
  readonly kind: CustomerKindName;
  /** The band for `import`, else the kind; `@` and the date from which a later version counts: `peak@2025-04-01`. */
  readonly row: string;
  /** Index of the tariff version whose prices this column gets. */
  readonly version: number;
  /** The name of the band in its version; undefined for the other kinds. */
  readonly band: string | undefined;
  readonly mask: Uint8Array;
  /** How many slots the mask holds; an aggregator refuses a column of too few. */
  readonly slots: number;
}

/** A column of import energy. */
export interface BandMask extends BillColumn {
  readonly kind: "import";
  readonly band: string;
}

/**
 * The masks of all bands that hold at some time in the range; bands that never do are left out. Where the tariff
 * changes its version inside the range, the bands of each version have their own masks and row names. `late` is for
 * an earlier period whose late energy enters a later bill: all its rows carry their date.
 * Throws TariffError `off-slot` where a band begins inside a slot, `not-valid` where no version is valid.
 */
export function bandMasks(tariff: Tariff, range: SlotRange, slotSeconds: number, late = false): BandMask[] {
  const masks = new Map<string, BandMask>();
  const slots = slotCount(range);
  const start = range.from * slotSeconds;
  const runs = slotAlignedRuns(tariff, range, slotSeconds);
  const startOfVersion = new Map<number, number>();
  for (const run of runs) {
    if (!startOfVersion.has(run.version)) startOfVersion.set(run.version, run.from);
    const band = bandName(tariff, run);
    const from = startOfVersion.get(run.version) ?? run.from;
    const row = late || from !== start ? datedRow(band, from, tariff) : band;
    const mask = masks.get(row)?.mask ?? emptyBitmap(slots);
    const first = run.from / slotSeconds - range.from;
    const count = (run.to - run.from) / slotSeconds;
    addMembers(mask, first, count);
    const held = (masks.get(row)?.slots ?? 0) + count;
    masks.set(row, { kind: "import", row, version: run.version, band, mask, slots: held });
  }
  return [...masks.values()].sort((a, b) => a.version - b.version || order(tariff, a) - order(tariff, b));
}

/**
 * The masks of everything a bill needs: import by band, and export, catch-up import and catch-up export once per
 * version. The price of those three does not depend on the time of day, so nothing finer is asked.
 */
export function billColumns(
  tariff: Tariff,
  range: SlotRange,
  slotSeconds: number,
  late = false,
): readonly BillColumn[] {
  let known = columnsOf.get(tariff);
  if (known === undefined) {
    known = new Map();
    columnsOf.set(tariff, known);
  }
  const key = `${range.from} ${range.to} ${slotSeconds} ${late}`;
  let columns = known.get(key);
  if (columns === undefined) {
    columns = workOutColumns(tariff, range, slotSeconds, late);
    if (known.size >= MAX_COLUMN_RANGES) known.clear();
    known.set(key, columns);
  }
  return columns;
}

/** They depend on tariff and range alone, so all feeders of a period share them. Nobody writes to a mask. */
const columnsOf = new WeakMap<Tariff, Map<string, readonly BillColumn[]>>();
const MAX_COLUMN_RANGES = 64;

function workOutColumns(tariff: Tariff, range: SlotRange, slotSeconds: number, late: boolean): BillColumn[] {
  const columns: BillColumn[] = [...bandMasks(tariff, range, slotSeconds, late)];
  const start = range.from * slotSeconds;
  const spans = versionSpans(tariff, start, range.to * slotSeconds);
  for (const kind of ["export", "catchup", "catchupExport"] as const) {
    for (const span of spans) {
      const mask = emptyBitmap(slotCount(range));
      const first = span.from / slotSeconds - range.from;
      const slots = (span.to - span.from) / slotSeconds;
      addMembers(mask, first, slots);
      const name = kind === "catchupExport" ? "catchup-export" : kind;
      const row = late || span.from !== start ? datedRow(name, span.from, tariff) : name;
      columns.push({ kind, row, version: span.version, band: undefined, mask, slots });
    }
  }
  return columns;
}

function addMembers(mask: Uint8Array, first: number, count: number): void {
  for (let slot = first; slot < first + count; slot += 1) addMember(mask, slot);
}

function datedRow(name: string, from: UnixSeconds, tariff: Tariff): string {
  return `${name}@${dateAt(from, tariff.timezone)}`;
}

function bandName(tariff: Tariff, run: BandRun): string {
  return versionNumber(tariff, run.version).bands[run.band]?.name ?? "";
}

/** Rows appear in the order of the tariff file, not in that of the first slot. */
function order(tariff: Tariff, mask: BandMask): number {
  return versionNumber(tariff, mask.version).bands.findIndex((band) => band.name === mask.band);
}
