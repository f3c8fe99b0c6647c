/** Checks a receipt in the browser with the code that customers run offline. Loaded when somebody asks for it. */
import "./buffer.ts";
import { checkReceipt } from "../../../billing/receipt.ts";
import { LogError, parsePolicy } from "../../../protocol/log/index.ts";

export interface Verified {
  readonly holds: boolean;
  /** What is wrong, in sentences. */
  readonly findings: readonly string[];
  readonly bill: { readonly meter: string; readonly amountMicro: number | null; readonly currency: string } | undefined;
  readonly index: number | undefined;
  readonly size: number | undefined;
  readonly origin: string | undefined;
  /** Unix seconds. */
  readonly loggedAt: number | undefined;
  readonly witnesses: number;
  readonly milliseconds: number;
}

/** Never throws for what the texts say; it is in the findings. */
export function verifyReceiptText(text: string, policyText: string): Verified {
  const start = performance.now();
  const nothing = { bill: undefined, index: undefined, size: undefined, origin: undefined, loggedAt: undefined };
  try {
    const { verified, findings } = checkReceipt(text, { policy: parsePolicy(policyText) });
    const milliseconds = performance.now() - start;
    if (verified === undefined) return { ...nothing, holds: false, findings, witnesses: 0, milliseconds };
    const { bill, index, size, origin, loggedAt, cosigned } = verified;
    return {
      holds: findings.length === 0,
      findings,
      bill: { meter: bill.meterId, amountMicro: bill.amountMicro, currency: bill.currency },
      ...{ index, size, origin, loggedAt, witnesses: cosigned.length, milliseconds },
    };
  } catch (error) {
    if (!(error instanceof LogError)) throw error;
    const milliseconds = performance.now() - start;
    return { ...nothing, holds: false, findings: [error.message], witnesses: 0, milliseconds };
  }
}
