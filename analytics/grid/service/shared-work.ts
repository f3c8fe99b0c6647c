/** Work that many wait for and nobody owns: done once for all who ask meanwhile, and by none of them ended. */
export class SharedWork<T> {
  readonly #work: () => Promise<T>;
  #underWay: Promise<T> | undefined;

  constructor(work: () => Promise<T>) {
    this.#work = work;
  }

  /** Begins it, or waits for what is under way. Work that has failed is begun anew by whoever asks next. */
  run(): Promise<T> {
    this.#underWay ??= this.#work().finally(() => (this.#underWay = undefined));
    return this.#underWay;
  }
}
