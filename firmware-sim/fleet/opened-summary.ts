/** What was opened of ciphertexts, in figures: the part `ciphertexts` of a run's summary. */
import type { CiphertextProgress } from "./host-messages.ts";
import type { ComparedOpening, OpenedCheck } from "./opened-check.ts";

export interface CiphertextSummary {
  /** Windows with at least one result. */
  readonly windows: number;
  /** Results that are due, and those that came. */
  readonly due: number;
  readonly openings: number;
  /** Indices of the aggregators that took part in opening them. */
  readonly openedBy: readonly number[];
  /** Of a slot of any sum or mean: difference from the truth, and what the analysis allows for. */
  readonly largestErrorWh: number | null;
  readonly boundWh: number | null;
  /** Everything that could be compared with the truth is within its bound, and everything due has come. */
  readonly exactWithinBound: boolean;
  readonly crossCheck: { readonly agree: number; readonly differ: number; readonly waiting: number };
  /** Statistics beyond sums: largest difference of a slot from the truth, and its bound. */
  readonly statistics: readonly {
    readonly name: string;
    readonly group: string;
    readonly unit: string;
    readonly largestError: number;
    readonly bound: number;
  }[];
  readonly missing: readonly string[];
  /** Ciphertexts that meters made in this run, and bytes on their connections, repetitions included. */
  readonly made: number;
  readonly bytes: number;
  /** Time of encoding, encrypting and packing, of all meters together. */
  readonly encryptingMilliseconds: number;
}

export function summariseOpened(opened: OpenedCheck, encryption: CiphertextProgress | undefined): CiphertextSummary {
  const { compared, crossCheck, complete, windows, due, openings, openedBy, missing } = opened;
  const sums = compared.filter(isSum);
  const { agree, differ, waiting } = crossCheck;
  return {
    ...{ windows, due, openings, openedBy, missing },
    largestErrorWh: largest(sums.map(({ largestError }) => largestError)),
    boundWh: largest(sums.map(({ bound }) => bound)),
    exactWithinBound: complete && missing.length === 0 && compared.every(({ withinBound }) => withinBound),
    crossCheck: { agree, differ, waiting },
    statistics: compared
      .filter((one) => !isSum(one))
      .map(({ name, label, unit, largestError, bound }) => ({ name, group: label, unit, largestError, bound })),
    made: encryption?.made ?? 0,
    bytes: encryption?.bytes ?? 0,
    encryptingMilliseconds: encryption?.milliseconds ?? 0,
  };
}

/** A sum, or a mean of one: its error does not depend on what it is. */
function isSum({ name, circuit }: ComparedOpening): boolean {
  return circuit !== "variance" && ["sum", "mean", "total"].includes(name);
}

function largest(values: readonly number[]): number | null {
  return values.length === 0 ? null : Math.max(...values);
}

/** Is there nothing wrong with what was opened? */
export function isRight({ exactWithinBound, crossCheck }: CiphertextSummary): boolean {
  return exactWithinBound && crossCheck.differ === 0 && crossCheck.waiting === 0;
}
