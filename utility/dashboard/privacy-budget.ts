/** Reads what the log says was spent of the privacy budget. */

export interface Spent {
  readonly epsilon: number;
  readonly deltaExponent: number;
}

/** The content of a log entry of type `budget`; undefined for any other. */
export function budgetOf(content: string): Spent | undefined {
  const { epsilonMilli, deltaExponent } = JSON.parse(content) as Record<string, unknown>;
  if (typeof epsilonMilli !== "number" || typeof deltaExponent !== "number") return undefined;
  return { epsilon: epsilonMilli / 1_000, deltaExponent };
}
