/**
 * Telegrams without a checksum are believed while their registers look alike: the same codes, as many digits before and
 * after the point, the same unit. A lost digit or line changes that look. What it cannot see is a digit that became
 * another; the parity of the line (7E1) finds that.
 */
import type { DataSet } from "./data-lines.ts";

/** Meters that one line can have; more are noise that looks like a beginning. */
const MAX_METERS = 4;
const REGISTER = /:[12]\.8\.\d+$/;

export class ShapeWatch {
  readonly #shapes = new Map<string, string>();

  knows(model: string): boolean {
    return this.#shapes.has(model);
  }

  forget(model: string): void {
    this.#shapes.delete(model);
  }

  /** Whether this telegram's registers look like those of the meter's last one; the first one stands for itself. */
  same(model: string, sets: readonly DataSet[]): boolean {
    const shape = sets
      .filter(({ obis }) => REGISTER.test(obis))
      .map(({ obis, groups }) => `${obis} ${groups.join(" ").replace(/\d/g, "0")}`)
      .join("\n");
    const before = this.#shapes.get(model);
    if (before === undefined && this.#shapes.size === MAX_METERS) {
      this.#shapes.delete(this.#shapes.keys().next().value ?? "");
    }
    this.#shapes.set(model, shape);
    return before === undefined || before === shape;
  }
}
