/** What a check of several fields together is. */
import type { Config } from "./schema.ts";

export interface Check {
  readonly fields: readonly string[];
  /** The rule in a phrase, for the reference page. */
  readonly rule: string;
  /** What is wrong, or undefined. */
  readonly fault: (config: Config) => string | undefined;
}

export const unless = (holds: boolean, message: string): string | undefined => (holds ? undefined : message);
