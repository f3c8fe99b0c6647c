/** Tariffs: their files, when each band holds, and the masks and periods that follow from it. */
export { type BandMask, type BillColumn, billColumns } from "./band-masks.ts";
export { TariffError, type TariffErrorCode, type TariffFault } from "./faults.ts";
export { parseTariffYaml } from "./load.ts";
export { addToDate, dateAt, dayStart, type LocalDate, localDate } from "./local-time.ts";
export {
  type Period,
  type PeriodKind,
  type PeriodSettings,
  periodHolding,
  periodOf,
  periodsCovering,
} from "./periods.ts";
export type { Band, Tariff, TariffVersion, Tier } from "./tariff.ts";
export { RESERVED_ROWS } from "./schema.ts";
