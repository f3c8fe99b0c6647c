/** What the utility's parts share: where it keeps things, what time it is, who is who. Made once, in `main.ts`. */
import type { Clock } from "../config/runtime/clock.ts";
import type { Roll } from "../protocol/membership.ts";
import type { BalanceSettings } from "./balance/settings.ts";
import type { TariffBook } from "./bills/tariff-book.ts";
import type { Ledger } from "./ledger/ledger.ts";
import type { UtilityDatabase } from "./store/open.ts";
import {
  dateAt,
  type LocalDate,
  type Period,
  type PeriodKind,
  periodHolding,
  periodOf,
  periodsCovering,
} from "../billing/tariffs/index.ts";

export interface Utility {
  readonly db: UtilityDatabase;
  readonly clock: Clock;
  /** Where everything that becomes final is written as well. */
  readonly ledger: Ledger;
  readonly roll: Pick<Roll, "feeders" | "heads" | "isHead" | "members" | "meters" | "record">;
  readonly balance: BalanceSettings;
  readonly book: TariffBook;
  readonly slotSeconds: number;
  readonly timezone: string;
  readonly currency: string;
  /** k and s of the release rules. */
  readonly minMeters: number;
  readonly minSlots: number;
  readonly loadEverySlots: number;
  readonly loadGraceSlots: number;
  readonly billingGraceSlots: number;
  /** Slots back from now in which late readings are still accepted by the aggregators. */
  readonly windowSlots: number;
  readonly periodKind: PeriodKind;
  /** The one period of `whole`, as local dates. */
  readonly whole: { readonly from: LocalDate; readonly to: LocalDate } | undefined;
  /** The first slot that is asked for: nothing before the first start (or the simulation's) is missing. */
  readonly origin: number;
  /** What people should know of, though everything goes on. */
  readonly warn?: (code: string, detail: string) => void;
}

/** The billing period that holds a slot, or begins next after it where there is only one. */
export function periodAt(
  utility: Pick<Utility, "periodKind" | "whole" | "timezone" | "slotSeconds">,
  slot: number,
): Period {
  const { timezone, slotSeconds, periodKind, whole } = utility;
  if (whole !== undefined) return periodOf(whole.from, whole.to, { timezone, slotSeconds });
  const [period] = periodsCovering(periodKind, slot * slotSeconds, slot * slotSeconds + 1, { timezone, slotSeconds });
  return period ?? periodHolding(periodKind, dateAt(slot * slotSeconds, timezone), { timezone, slotSeconds });
}

/** The period that a segment of a billing round is. */
export function periodOfSegment(
  { timezone, slotSeconds }: Pick<Utility, "timezone" | "slotSeconds">,
  [from, to]: readonly [number, number],
): Period {
  const period = periodOf(dateAt(from * slotSeconds, timezone), dateAt(to * slotSeconds, timezone), {
    timezone,
    slotSeconds,
  });
  if (period.slots.from !== from || period.slots.to !== to) {
    throw new RangeError(`segment: expected whole local days of ${timezone}, got slots ${from} to ${to}`);
  }
  return period;
}
