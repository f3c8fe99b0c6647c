/** Results of runs, kept as they come: a file with a line for each, so that what was interrupted goes on. */
import { appendFileSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import type { SimulationResult } from "../simulate.ts";
import type { Run } from "./plan.ts";

export interface Finished {
  readonly run: Run;
  readonly result: SimulationResult;
}

const line = z.object({ key: z.string(), run: z.custom<Run>(isObject), result: z.custom<SimulationResult>(isObject) });

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

/** Later versions that compute something else must not take over these results. */
const VERSION = 1;

export class ResultsFile {
  private readonly file: string;
  private readonly data: string;
  private readonly known = new Map<string, Finished>();

  /** `data` names the readings that all runs are on. Lines that are cut off or of other readings are passed over. */
  constructor(folder: string, data: string, { fresh }: { readonly fresh: boolean }) {
    mkdirSync(folder, { recursive: true });
    this.file = join(folder, "tradeoff-runs.jsonl");
    this.data = data;
    if (fresh) rmSync(this.file, { force: true });
    for (const text of linesOf(this.file)) {
      const parsed = line.safeParse(jsonOf(text));
      if (parsed.success) this.known.set(parsed.data.key, parsed.data);
    }
  }

  get(run: Run): Finished | undefined {
    return this.known.get(this.keyOf(run));
  }

  add(finished: Finished): void {
    const key = this.keyOf(finished.run);
    this.known.set(key, finished);
    appendFileSync(this.file, `${JSON.stringify({ key, ...finished })}\n`);
  }

  private keyOf(run: Run): string {
    return createHash("sha256")
      .update(JSON.stringify([VERSION, this.data, run]))
      .digest("hex")
      .slice(0, 32);
  }
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
