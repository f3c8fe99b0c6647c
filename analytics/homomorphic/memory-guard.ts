/**
 * Keeps the process within `analytics.maxMemoryMiB`. A job does not start above it: it waits for the jobs that run;
 * where none does, the threads are renewed once, which frees what WebAssembly holds; where that does not help, the job is
 * refused.
 */

export interface MemoryGuardOptions {
  readonly limitBytes: number;
  /** Bytes of the whole process. */
  readonly used: () => number;
  /** Bytes that threads reported: what renewing them can free. */
  readonly inThreads: () => number;
  readonly renew: () => Promise<void>;
  /** The threads are new: jobs that wait may start. */
  readonly renewed: () => void;
}

export type Admission = { readonly start: true } | { readonly start: false; readonly refusal: string | undefined };

const MIB = 2 ** 20;

export class MemoryGuard {
  readonly #options: MemoryGuardOptions;
  #renewing = false;
  #renewedInVain = false;
  /** Times that threads were renewed. */
  renewals = 0;

  constructor(options: MemoryGuardOptions) {
    this.#options = options;
  }

  /** May one more job start beside those that run? Without a refusal, it waits. */
  admit(running: number): Admission {
    const { limitBytes, used } = this.#options;
    if (this.#renewing) return { start: false, refusal: undefined };
    const bytes = used();
    if (bytes <= limitBytes) {
      this.#renewedInVain = false;
      return { start: true };
    }
    if (running > 0) return { start: false, refusal: undefined };
    if (!this.#renewedInVain) {
      this.#renew();
      return { start: false, refusal: undefined };
    }
    // The next job is given a chance of its own.
    this.#renewedInVain = false;
    const [takes, may] = [bytes, limitBytes].map((one) => Math.ceil(one / MIB));
    const threads = Math.ceil(this.#options.inThreads() / MIB);
    const detail = `the process takes ${takes} MiB, ${threads} of them in threads; it may take ${may}`;
    return { start: false, refusal: `analytics.maxMemoryMiB: ${detail}` };
  }

  #renew(): void {
    this.#renewing = true;
    this.renewals += 1;
    const done = (): void => {
      this.#renewing = false;
      this.#renewedInVain = true;
      this.#options.renewed();
    };
    this.#options.renew().then(done, done);
  }
}
