/** What is wrong with a readings file: collected over the whole file, the first ones reported together. */

export interface ReplayFault {
  /** Line in the file, from 1. */
  readonly line: number;
  readonly message: string;
}

const MAX_REPORTED_FAULTS = 20;

/** The file cannot be used; `faults` holds the first faults in the order of their lines. */
export class ReplayError extends Error {
  readonly code = "bad-readings";
  readonly faults: readonly ReplayFault[];
  /** How many faults there are in all. */
  readonly count: number;

  constructor(file: string, faults: readonly ReplayFault[], count: number) {
    const lines = faults.map((fault) => `  line ${fault.line}: ${fault.message}`);
    const more = count > faults.length ? `\n  and ${count - faults.length} more` : "";
    super(`${file}: ${count} ${count === 1 ? "fault" : "faults"}\n${lines.join("\n")}${more}`);
    this.name = "ReplayError";
    this.faults = faults;
    this.count = count;
  }
}

/** Keeps the first faults by line, however many are added in whatever order. */
export class FaultList {
  private faults: ReplayFault[] = [];
  count = 0;

  add(line: number, message: string): void {
    this.count += 1;
    this.faults.push({ line, message });
    // Bounded also for a file that is wrong in every line.
    if (this.faults.length >= 50 * MAX_REPORTED_FAULTS) this.faults = this.first();
  }

  /** Throws ReplayError if there is any fault. */
  throwIfAny(file: string): void {
    if (this.count > 0) throw new ReplayError(file, this.first(), this.count);
  }

  private first(): ReplayFault[] {
    return this.faults.sort((a, b) => a.line - b.line).slice(0, MAX_REPORTED_FAULTS);
  }
}
