/** What the flags of `npm run grid` say, checked: numbers, lists, and the grid that is named. */
import { UsageError } from "../../../config/runtime/role-command.ts";
import type { OptionValues } from "../../../config/runtime/role.ts";
import { BUNDLED, bundledGrid, type Grid, isBundled, readMatpower } from "../index.ts";
import { readText } from "../../../config/runtime/text-file.ts";

/** A bundled case by its name, or a MATPOWER file. */
export function gridNamed(name: string | undefined): Grid {
  if (name === undefined) throw new UsageError(`expected a case (${BUNDLED.join(", ")}) or a MATPOWER file`);
  if (isBundled(name)) return bundledGrid(name);
  let text: string;
  try {
    text = readText(name);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(`${name} is no case (${BUNDLED.join(", ")}), and no file that can be read (${code ?? "?"})`);
  }
  return readMatpower(text, name);
}

/** The number of a flag, `otherwise` where it is left out. */
export function numberOf(options: OptionValues, flag: string, otherwise: number): number;
export function numberOf(options: OptionValues, flag: string): number | undefined;
export function numberOf(options: OptionValues, flag: string, otherwise?: number): number | undefined {
  const text = options[flag.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())];
  if (text === undefined) return otherwise;
  if (typeof text !== "string" || text.trim() === "" || !Number.isFinite(Number(text))) {
    throw new UsageError(`--${flag}: expected a number, got ${JSON.stringify(text)}`);
  }
  return Number(text);
}

/** An integer from 1 on. */
export function countOf(options: OptionValues, flag: string, otherwise: number): number {
  const value = numberOf(options, flag, otherwise);
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new UsageError(`--${flag}: expected an integer from 1 on, got ${value}`);
  }
  return value;
}

/** One of some words. */
export function wordOf<T extends string>(options: OptionValues, flag: string, words: readonly T[], otherwise: T): T {
  const text = options[flag] ?? otherwise;
  const word = words.find((one) => one === text);
  if (word === undefined) throw new UsageError(`--${flag}: expected ${words.join(", ")}, got ${JSON.stringify(text)}`);
  return word;
}

/** `7,9,14`. */
export function idsOf(text: string, flag: string): number[] {
  return text.split(",").map((part) => {
    if (/^\s*[1-9]\d{0,8}\s*$/.test(part)) return Number(part);
    throw new UsageError(`--${flag}: expected numbers of branches as in 7,9,14, got ${JSON.stringify(text)}`);
  });
}
