/**
 * The shape of a tariff file. Keys it does not know are refused. Numbers may arrive as text (the YAML edge keeps
 * every scalar as text), as bigints or as safe integers; a price never passes through a floating-point number.
 */
import { z } from "zod";
import { isTimezone, type LocalDate, parseLocalDate } from "./local-time.ts";
import { parseDecimal, type Rational } from "./rational.ts";
import { DAYS_OF_WEEK, parseClock, parseDays, planWeek } from "./week.ts";

/** Names of bill rows that are not bands, so that no band may take them. */
export const RESERVED_ROWS = ["standing", "tax", "export", "catchup", "rounding", "catchup-export"] as const;

/** The band of a tariff without time-of-use bands. */
export const FLAT_BAND = "flat";

// A million currency units per kWh: with it, a bill of a billion kWh still fits the 64-bit integers of a database.
const MAX_PRICE = 10n ** 12n;
const MAX_TIER_WH = 10n ** 15n;

// One byte per minute holds the band; far fewer bands already make atoms too small to release.
const MAX_BANDS = 32;

const price = integer("a price in integer micro-units per kWh", MAX_PRICE);

const tier = z.strictObject({
  uptoWh: integer("a threshold in integer watt-hours", MAX_TIER_WH, 1n).optional(),
  priceMicroPerKwh: price,
});

const tiers = z
  .array(tier)
  .min(2, "expected at least two tiers")
  .superRefine((list, context) => {
    list.forEach((entry, index) => {
      const last = index === list.length - 1;
      const before = list[index - 1]?.uptoWh;
      if (last && entry.uptoWh !== undefined) {
        context.addIssue({ code: "custom", path: [index, "uptoWh"], message: "the last tier must have no threshold" });
      } else if (!last && entry.uptoWh === undefined) {
        context.addIssue({ code: "custom", path: [index, "uptoWh"], message: "only the last tier may be open-ended" });
      } else if (entry.uptoWh !== undefined && before !== undefined && entry.uptoWh <= before) {
        const message = `expected more than the threshold before it (${before}), got ${entry.uptoWh}`;
        context.addIssue({ code: "custom", path: [index, "uptoWh"], message });
      }
    });
  });

const pricing = { priceMicroPerKwh: price.optional(), tiers: tiers.optional() };

const flat = z.strictObject(pricing).superRefine(onePrice);

// One step, so that a window with a fault is no window at all and the week is not judged by it.
const window = z
  .strictObject({ days: days().optional(), from: clock().optional(), to: clock().optional() })
  .transform((value, context) => {
    const fromMinute = value.from ?? 0;
    const toMinute = value.to ?? 1440;
    if (fromMinute === 1440) {
      context.addIssue({ code: "custom", path: ["from"], message: "24:00 can end a window, not start one" });
      return z.NEVER;
    }
    if (fromMinute === toMinute) {
      const message = "equals `from`, which leaves no time; leave both out for the whole day";
      context.addIssue({ code: "custom", path: ["to"], message });
      return z.NEVER;
    }
    return { days: value.days ?? DAYS_OF_WEEK.map((_, index) => index), fromMinute, toMinute };
  });

const bandName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,31}$/, "expected up to 32 of a-z, 0-9 and -, starting with a letter")
  .refine((name) => !RESERVED_ROWS.some((row) => row === name), {
    error: (issue) => `${String(issue.input)} is a reserved row name (${RESERVED_ROWS.join(", ")})`,
  });

const band = z
  .strictObject({ name: bandName, ...pricing, when: z.array(window).min(1, "expected at least one window of time") })
  .superRefine(onePrice);

const bands = z
  .array(band)
  .min(1, "expected at least one band")
  .max(MAX_BANDS, `expected at most ${MAX_BANDS} bands`)
  .superRefine((list, context) => {
    list.forEach((entry, index) => {
      if (list.findIndex((other) => other.name === entry.name) < index) {
        const message = `${entry.name} names an earlier band; give one band several windows instead`;
        context.addIssue({ code: "custom", path: [index, "name"], message });
      }
    });
    for (const message of planWeek(list).faults) context.addIssue({ code: "custom", message });
  });

const importPrices = z
  .strictObject({ flat: flat.optional(), bands: bands.optional() })
  .superRefine((value, context) => {
    if ((value.flat === undefined) === (value.bands === undefined)) {
      context.addIssue({ code: "custom", message: "expected either `flat` or `bands`" });
    }
  });

const credit = z.strictObject({ priceMicroPerKwh: price });

const tax = z.strictObject({
  rate: decimal(),
  exportCredit: z.enum(["untaxed", "net"]).default("untaxed"),
});

const version = z.strictObject({
  from: date(),
  to: date().optional(),
  import: importPrices,
  standingMicroPerDay: integer("a charge in integer micro-units per local day", MAX_PRICE).default(0n),
  export: credit.optional(),
  catchup: credit.optional(),
  tax: tax.optional(),
});

export const tariffSchema = z.strictObject({
  id: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, "expected up to 64 of a-z, 0-9, '.', '_' and '-'"),
  currency: z.string().refine((code) => Intl.supportedValuesOf("currency").includes(code), {
    error: (issue) => `expected an ISO 4217 code such as EUR, got ${String(issue.input)}`,
  }),
  timezone: z.string().refine(isTimezone, {
    error: (issue) => `expected an IANA time zone such as Europe/Berlin, got ${String(issue.input)}`,
  }),
  versions: z.array(version).min(1, "expected at least one version"),
});

export type TariffFile = z.output<typeof tariffSchema>;

/** An integer from `min` to `max` as a bigint, from digits, a bigint or a safe integer. */
function integer(what: string, max: bigint, min = 0n) {
  return z.union([z.string(), z.number(), z.bigint()], `expected ${what}`).transform((value, context): bigint => {
    const text = String(value);
    const parsed = /^\d{1,18}$/.test(text) ? BigInt(text) : undefined;
    if (parsed !== undefined && parsed >= min && parsed <= max) return parsed;
    context.addIssue({ code: "custom", message: `expected ${what} from ${min} to ${max}, got ${text}` });
    return z.NEVER;
  });
}

/** A share of 1 as an exact fraction; a JavaScript number is refused, for 0.19 is not 19/100 there. */
function decimal() {
  return z.string('expected a decimal in text form such as "0.19"').transform((text, context): Rational => {
    const parsed = parseDecimal(text);
    if (parsed !== undefined && parsed.num <= parsed.den) return parsed;
    context.addIssue({ code: "custom", message: `expected a decimal from 0 to 1 such as 0.19, got ${text}` });
    return z.NEVER;
  });
}

function date() {
  return z.string("expected a date YYYY-MM-DD").transform((text, context): LocalDate => {
    const parsed = parseLocalDate(text);
    if (parsed !== undefined) return parsed;
    context.addIssue({ code: "custom", message: `expected a calendar date YYYY-MM-DD from 1970 on, got ${text}` });
    return z.NEVER;
  });
}

function clock() {
  return z.string("expected a clock time HH:MM").transform((text, context): number => {
    const parsed = parseClock(text);
    if (parsed !== undefined) return parsed;
    context.addIssue({ code: "custom", message: `expected a clock time from 00:00 to 24:00, got ${text}` });
    return z.NEVER;
  });
}

function days() {
  const list = z.union([z.string().transform((text) => [text]), z.array(z.string())], "expected weekdays");
  return list.transform((entries, context): number[] => {
    const parsed = entries.map((entry) => {
      const found = parseDays(entry);
      if (found === undefined) {
        const message = `expected mon, tue, wed, thu, fri, sat, sun or a range such as mon-fri, got ${entry}`;
        context.addIssue({ code: "custom", message });
      }
      return found ?? [];
    });
    if (parsed.length === 0) context.addIssue({ code: "custom", message: "expected at least one weekday" });
    return [...new Set(parsed.flat())].sort((a, b) => a - b);
  });
}

function onePrice(value: { priceMicroPerKwh?: unknown; tiers?: unknown }, context: z.RefinementCtx): void {
  if ((value.priceMicroPerKwh === undefined) === (value.tiers === undefined)) {
    context.addIssue({ code: "custom", message: "expected either `priceMicroPerKwh` or `tiers`" });
  }
}
