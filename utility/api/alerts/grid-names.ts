/** Whose values a state's columns are: asked for once per topology, and again where the question was in vain. */
import type { GridNames } from "./grid-signals.ts";

export interface GridNamesOptions {
  /** Asks analytics for the topology. Rejects where it does not answer. */
  readonly ask: () => Promise<GridNames>;
  /** Unix seconds of the wall clock. */
  readonly now: () => number;
}

const AGAIN_SECONDS = 10;

export class GridNamesCache {
  readonly #options: GridNamesOptions;
  #names: GridNames | undefined;
  #asked = -Infinity;

  constructor(options: GridNamesOptions) {
    this.#options = options;
  }

  /** Undefined while they are not known: then they are asked for. */
  of(digest: string): GridNames | undefined {
    if (this.#names?.digest === digest) return this.#names;
    const { ask, now } = this.#options;
    if (now() - this.#asked < AGAIN_SECONDS) return undefined;
    this.#asked = now();
    ask().then(
      (names) => {
        this.#names = names;
        this.#asked = -Infinity;
      },
      () => {}, // the next state asks again
    );
    return undefined;
  }
}
