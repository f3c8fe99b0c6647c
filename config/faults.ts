/** Where a value came from, and what is wrong with it: all faults of a configuration are reported together. */

export type OriginKind = "default" | "derived" | "profile" | "file" | "environment" | "flag";

export interface Origin {
  readonly kind: OriginKind;
  /** The file and line, the variable or the flag; empty for defaults. */
  readonly name: string;
}

export const DEFAULT_ORIGIN: Origin = { kind: "default", name: "" };

export function describeOrigin({ kind, name }: Origin): string {
  if (kind === "environment") return `environment variable ${name}`;
  return name === "" ? kind : `${kind} ${name}`;
}

export interface Fault {
  /** `section.field`, or what stands in its place when there is no such field. */
  readonly path: string;
  readonly message: string;
  readonly origin: Origin;
}

/** Its message tells the user all there is to know: a command prints that, without a stack, and ends with `exitCode`. */
export class ExplainedError extends Error {
  /** 1: it failed; 2: the use or the configuration is wrong. */
  readonly exitCode: 1 | 2 = 1;
}

/** The caller's configuration cannot be used; the message lists every fault. */
export class ConfigError extends ExplainedError {
  override readonly exitCode = 2;
  readonly faults: readonly Fault[];

  constructor(faults: readonly Fault[]) {
    const lines = faults.map(({ path, message, origin }) => `${path}: ${message} (${describeOrigin(origin)})`);
    const several = `the configuration has ${faults.length} faults:\n${lines.map((line) => `  ${line}`).join("\n")}`;
    super(lines.length === 1 ? `configuration: ${lines[0]!}` : several);
    this.name = "ConfigError";
    this.faults = faults;
  }
}

/** The closest of the known names, when it is close enough to be a slip of the finger. */
export function didYouMean(given: string, known: Iterable<string>): string {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(given.length / 3)) + 1;
  for (const name of known) {
    const distance = editDistance(given.toLowerCase(), name.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [name, distance];
  }
  return best === undefined ? "" : `; did you mean ${best}?`;
}

/** Levenshtein distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
