/**
 * A bill as its customer gets it (docs/protocol.md, "Bills"): JSON with units in the names. It says all that is needed to
 * work it out anew from readings and tariff.
 */
import { z } from "zod";
import { meterId } from "../names.ts";

/** More ranges than this are counted in the bill and listed in the database only: the message has a size limit. */
export const MOST_RANGES = 500;
/** Days that a bill covers, late periods too: ten years, for a replay bills a whole file. Bounds what a check costs. */
const MOST_DAYS = 3_660;
/** Slots in these days: a month at 3 s, a year at 32 s, ten years at 316 s. */
const MOST_SLOTS = 1_000_000;

const DAY_SECONDS = 86_400;
const time = z.int().min(0);
const row = z.strictObject({ band: z.string(), energyWh: z.int(), amountMicro: z.int() });
const range = z.strictObject({ kind: z.enum(["import", "export", "catchup", "catchupExport"]), from: time, to: time });
const gap = z.strictObject({ ...range.shape, reason: z.string() });
const late = z.strictObject({
  periodStart: z.iso.date(),
  periodEnd: z.iso.date(),
  /** Slots of this earlier period that the bill charges. */
  billed: z.array(range).max(MOST_RANGES),
  /** Slots of it that neither this bill nor an earlier one charges. */
  missing: z.array(range).max(MOST_RANGES),
});

const form = z.strictObject({
  meterId,
  periodStart: z.iso.date(),
  periodEnd: z.iso.date(),
  version: z.int().min(1),
  status: z.string(),
  currency: z.string(),
  energyWh: z.int(),
  amountMicro: z.int(),
  spareAnswers: z.int().nullable(),
  /** Whether every reading in it is known to be in range; left out where none is shared by bits. */
  rangeProof: z.enum(["proved", "unproved"]).optional(),
  /** SHA-256 of the tariff file, first 32 hex digits. */
  tariff: z.string(),
  slotSeconds: z.int().min(1).max(DAY_SECONDS),
  rows: z.array(row),
  /** Unix seconds, half-open: slots that this bill does not hold. */
  gaps: z.array(gap).max(MOST_RANGES),
  /** Energy of earlier periods in the rows. */
  late: z.array(late),
});

/**
 * A text that fits is checked in a time that its slots bound. That ranges lie within their period is for the check,
 * which knows the tariff's time zone.
 */
export const customerBill = form.superRefine((bill, context) => {
  for (const message of faults(bill)) context.addIssue({ code: "custom", message });
});
export type CustomerBill = z.infer<typeof customerBill>;

type Range = z.infer<typeof range>;

function* faults(bill: z.infer<typeof form>): Generator<string> {
  const twice = repeated(bill.rows.map(({ band }) => band));
  if (twice !== undefined) yield `rows: there are two of ${twice}`;
  let days = 0;
  for (const { periodStart, periodEnd } of [bill, ...bill.late]) {
    const length = (Date.parse(periodEnd) - Date.parse(periodStart)) / 1_000 / DAY_SECONDS;
    if (length < 1) yield `the period from ${periodStart} ends on ${periodEnd}`;
    days += Math.max(length, 0);
  }
  if (days > MOST_DAYS) yield `its periods have ${days} days, expected at most ${MOST_DAYS}`;
  const slots = (days * DAY_SECONDS) / bill.slotSeconds;
  if (slots > MOST_SLOTS) yield `its periods have ${slots} slots, expected at most ${MOST_SLOTS}`;
  // One after the other, so none is charged twice.
  const ends = [...bill.late.map(({ periodEnd }) => periodEnd)];
  const starts = [...bill.late.map(({ periodStart }) => periodStart).slice(1), bill.periodStart];
  const at = ends.findIndex((end, i) => end > (starts[i] ?? ""));
  if (at >= 0) yield `late: the period until ${ends[at]} is followed by one from ${starts[at]}`;
  yield* rangeFaults("gaps", bill.gaps, bill.slotSeconds);
  for (const { periodStart, billed, missing } of bill.late) {
    yield* rangeFaults(`late of ${periodStart}, billed`, billed, bill.slotSeconds);
    yield* rangeFaults(`late of ${periodStart}, missing`, missing, bill.slotSeconds);
  }
}

function* rangeFaults(name: string, ranges: readonly Range[], slotSeconds: number): Generator<string> {
  const last = new Map<string, number>();
  for (const { kind, from, to } of ranges) {
    const text = `${name}: ${kind} from ${from} to ${to}`;
    if (from >= to) yield `${text} is empty`;
    else if (from % slotSeconds !== 0 || to % slotSeconds !== 0) yield `${text} cuts a slot of ${slotSeconds} s`;
    else if (from < (last.get(kind) ?? 0)) yield `${text} begins before the one before it has ended`;
    last.set(kind, to);
  }
}

function repeated(names: readonly string[]): string | undefined {
  const seen = new Set<string>();
  return names.find((name) => seen.size === seen.add(name).size);
}
