/** What the flags of `npm run maintenance` say, checked. */
import { UsageError } from "../../../config/runtime/role-command.ts";
import type { OptionValues } from "../../../config/runtime/role.ts";

/** The text of a flag that a verb cannot do without. */
export function fileOf(options: OptionValues, flag: string, verb: string): string {
  const text = options[flag];
  if (typeof text === "string" && text !== "") return text;
  throw new UsageError(`${verb}: expected --${flag} with a file`);
}

/** A number in a range, `otherwise` where the flag is left out. */
export function within(options: OptionValues, flag: string, min: number, max: number, otherwise: number): number {
  const text = options[flag];
  if (text === undefined) return otherwise;
  const value = typeof text === "string" && text.trim() !== "" ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) {
    throw new UsageError(`--${flag}: expected ${min} to ${max}, got ${JSON.stringify(text)}`);
  }
  return value;
}

export function countWithin(options: OptionValues, flag: string, min: number, max: number, otherwise: number): number {
  const value = within(options, flag, min, max, otherwise);
  if (!Number.isInteger(value)) throw new UsageError(`--${flag}: expected a whole number, got ${value}`);
  return value;
}

/** `11,12,13`. */
export function seedsOf(options: OptionValues, otherwise: readonly number[]): readonly number[] {
  const text = options["seeds"] as string | undefined;
  if (text === undefined) return otherwise;
  const seeds = text.split(",").map(Number);
  if (seeds.every((seed) => Number.isSafeInteger(seed) && seed >= 0)) return seeds;
  throw new UsageError(`--seeds: expected numbers as in 11,12,13, got ${JSON.stringify(text)}`);
}
