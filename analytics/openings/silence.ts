/** Aggregators that said that they were ready, and then did not open: others are taken first. Without I/O. */

export class Silence {
  readonly #silent = new Set<number>();

  get of(): ReadonlySet<number> {
    return this.#silent;
  }

  /** The utility has had their parts. */
  ended(active: readonly number[]): void {
    for (const index of active) this.#silent.delete(index);
  }

  /** The utility still lacks parts of these of the active set, who had time to give them. Says so in words. */
  goesOn(active: readonly number[], missing: readonly number[]): string {
    const silent = active.filter((index) => missing.includes(index));
    this.ended(active);
    if (silent.length === 0) return "";
    for (const index of silent) this.#silent.add(index);
    const names = silent.map((index) => `a-${index}`).join(", ");
    return `${names} said ready, but the utility has no part of it; nobody else may open this now`;
  }
}
