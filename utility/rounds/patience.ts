/** How long a step of a round waits for one more aggregator: while some may still answer, but not for ever. */
export interface PatienceOptions {
  readonly aggregators: readonly number[];
  readonly answerSeconds: number;
  /** Real time in seconds. */
  readonly now: () => number;
  /** False for an aggregator that is known to be gone: nobody waits for it. */
  readonly mayAnswer: (aggregator: number) => boolean;
}

export class Patience {
  readonly #options: PatienceOptions;
  #since: number;

  constructor(options: PatienceOptions) {
    this.#options = options;
    this.#since = options.now();
  }

  /** A new step begins. */
  restart(): void {
    this.#since = this.#options.now();
  }

  /** The step has waited for as long as is worth while. */
  get isOver(): boolean {
    return this.#options.now() - this.#since >= this.#options.answerSeconds;
  }

  /** Nobody who may still answer is missing among those who did, or waiting for more has taken long enough. */
  enough(answered: (aggregator: number) => boolean): boolean {
    const { aggregators, mayAnswer } = this.#options;
    return this.isOver || aggregators.every((aggregator) => answered(aggregator) || !mayAnswer(aggregator));
  }
}
