/** What the checker found: a line for each thing that it held against the truth, with the first few that do not agree. */
import { z } from "zod";

const MOST_FINDINGS = 10;

const checked = z.strictObject({
  name: z.string(),
  /** What was compared, in words. */
  about: z.string(),
  checked: z.int().min(0),
  wrong: z.int().min(0),
  findings: z.array(z.string()).max(MOST_FINDINGS),
});
export type CheckedThing = z.infer<typeof checked>;

export const checkerReport = z.strictObject({ ok: z.boolean(), checks: z.array(checked) });
export type CheckerReport = z.infer<typeof checkerReport>;

/** Collects what one check finds. */
export class Findings {
  readonly #name: string;
  readonly #about: string;
  readonly #first: string[] = [];
  #checked = 0;
  #wrong = 0;

  constructor(name: string, about: string) {
    this.#name = name;
    this.#about = about;
  }

  /** One thing was looked at; `what` tells what is wrong with it, and is only asked where it is. */
  look(isRight: boolean, what: () => string): void {
    this.#checked += 1;
    if (!isRight) this.add(what());
  }

  /** Things that were looked at and found right. */
  right(count: number): void {
    this.#checked += count;
  }

  add(what: string): void {
    this.#wrong += 1;
    if (this.#first.length < MOST_FINDINGS) this.#first.push(what);
  }

  result(): CheckedThing {
    return {
      name: this.#name,
      about: this.#about,
      checked: this.#checked,
      wrong: this.#wrong,
      findings: [...this.#first],
    };
  }
}
