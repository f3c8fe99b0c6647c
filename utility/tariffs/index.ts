/** Tariffs: their files, when each band holds, and the masks and periods that follow from it. */
export { type BandMask, type BillColumn, bandMasks, billColumns } from "./band-masks.ts";
export { slotAlignedRuns } from "./band-runs.ts";
export { TariffError, type TariffErrorCode, type TariffFault } from "./faults.ts";
export { loadTariff, parseTariffYaml } from "./load.ts";
export { addToDate, dateAt, dayStart, isTimezone, type LocalDate, localDate } from "./local-time.ts";
export { PERIOD_KINDS, type Period, type PeriodKind, periodHolding, periodOf, periodsCovering } from "./periods.ts";
export { FLAT_BAND, RESERVED_ROWS } from "./schema.ts";
export { type Band, parseTariff, type Tariff, type TariffVersion, type Tier, versionAt } from "./tariff.ts";
