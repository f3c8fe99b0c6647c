/**
 * Checks a receipt as its customer does: is this bill in the log, have enough witnesses seen it, and does it follow from
 * the readings and the tariff? Pure; who calls it brings the receipt, the policy and the readings.
 */
import {
  LogError,
  type LogPolicy,
  parseReceipt,
  tariffName,
  type VerifiedReceipt,
  verifyReceipt,
} from "../protocol/log/index.ts";
import { MOST_RANGES } from "../protocol/messages/bill.ts";
import { checkBill, comparesAny, type Difference, hasReadings } from "./check.ts";
import type { MeterReadings } from "./readings-file.ts";
import { TariffError } from "./tariffs/faults.ts";
import { parseTariffYaml } from "./tariffs/load.ts";
import type { Tariff } from "./tariffs/tariff.ts";

/**
 * `same`: the bill follows; `other`: it does not; `none`: no reading is about what it charges, so nothing was compared;
 * `unknown`: it cannot be told, or no readings were given. Only `same` is a yes.
 */
export type ReadingsVerdict = "same" | "other" | "none" | "unknown";

export interface CheckedReceipt {
  /** Undefined where the receipt proves nothing. */
  readonly verified: VerifiedReceipt | undefined;
  readonly readings: ReadingsVerdict;
  /** What is wrong, in sentences; empty for a good receipt. */
  readonly findings: readonly string[];
}

export interface ReceiptCheck {
  readonly policy: LogPolicy;
  /** Without them only the log is checked. */
  readonly readings?: MeterReadings | undefined;
  /** The published tariff; without it the receipt's own, which is the one that the bill names. */
  readonly tariff?: string | undefined;
}

/** Never throws for what a receipt says; it is in the findings. */
export function checkReceipt(text: string, { policy, readings, tariff: published }: ReceiptCheck): CheckedReceipt {
  let verified: VerifiedReceipt;
  try {
    verified = verifyReceipt(parseReceipt(text), policy);
  } catch (error) {
    if (!(error instanceof LogError)) throw error;
    return { verified: undefined, readings: "unknown", findings: [error.message] };
  }
  const findings: string[] = [];
  const { bill } = verified;
  if (published !== undefined && tariffName(published) !== bill.tariff) {
    findings.push(`the bill names the tariff ${bill.tariff}, the published one is ${tariffName(published)}`);
  }
  const cannot = (error: unknown): CheckedReceipt => {
    if (!(error instanceof TariffError || error instanceof RangeError)) throw error;
    const finding = `the bill cannot be worked out: ${error.message}`;
    return { verified, readings: readings === undefined ? "unknown" : "other", findings: [...findings, finding] };
  };
  let tariff: Tariff;
  try {
    tariff = tariffOf(verified);
  } catch (error) {
    return cannot(error);
  }
  if (bill.currency !== tariff.currency) {
    findings.push(`the bill is in ${bill.currency}, its tariff in ${tariff.currency}`);
  }
  if (readings === undefined) return { verified, readings: "unknown", findings };
  const check = { bill: { ...bill, meter: bill.meterId }, readings, tariff, slotSeconds: bill.slotSeconds };
  try {
    const differences = checkBill(check);
    if (differences.length === 0) {
      if (!comparesAny(check)) return { verified, readings: "none", findings };
      return { verified, readings: bill.currency === tariff.currency ? "same" : "other", findings };
    }
    const lists = [bill.gaps, ...bill.late.flatMap(({ billed, missing }) => [billed, missing])];
    // A list that may be cut off does not tell which slots the bill is about.
    if (lists.some((list) => list.length >= MOST_RANGES)) {
      const finding = `a list of the bill has ${MOST_RANGES} ranges, the most it can have: what it leaves out is not known`;
      return { verified, readings: "unknown", findings: [...findings, finding] };
    }
    if (!hasReadings(check)) return { verified, readings: "none", findings };
    return { verified, readings: "other", findings: [...findings, ...differences.map(differenceText)] };
  } catch (error) {
    return cannot(error);
  }
}

function tariffOf({ tariff }: VerifiedReceipt): Tariff {
  return parseTariffYaml(tariff, "the receipt's tariff");
}

function differenceText({ row, what, bill, expected }: Difference): string {
  const unit = what === "energyWh" ? "Wh" : "micro-units";
  return `${row}: the bill says ${bill} ${unit}, readings and tariff give ${expected}`;
}
