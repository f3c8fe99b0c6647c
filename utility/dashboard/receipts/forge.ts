/** A receipt as a cheat would hand it out: the same proof, another amount. For showing that it is found out. */

/** Changes the last digit of the bill's amount. Returns text without one as it is. */
export function forged(receipt: string): string {
  return receipt.replace(
    /(\\"amountMicro\\":-?\d*)(\d)/,
    (_, head: string, digit: string) => `${head}${(Number(digit) + 1) % 10}`,
  );
}
