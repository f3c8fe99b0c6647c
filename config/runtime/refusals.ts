/**
 * What a process refused, counted by reason. Nothing is dropped silently, and a flood of the same fault does not flood
 * the log: each code is logged at once, then at most once per interval with the number that came since.
 */
/** The part of a logger that refusals need. */
export interface RefusalLog {
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
}

interface Tally {
  total: number;
  unlogged: number;
  nextLog: number;
}

export interface RefusalsOptions {
  readonly log: RefusalLog;
  /** Config `logging.refusalSeconds`. */
  readonly intervalSeconds: number;
  /** Real time in seconds, whatever the simulation says: it only spaces log lines. */
  readonly now?: () => number;
  /** Different codes that are kept apart; further ones count as `other`. */
  readonly maxCodes?: number;
}

const MAX_CODES = 256;

export class Refusals {
  readonly #tallies = new Map<string, Tally>();
  readonly #options: Required<RefusalsOptions>;

  constructor(options: RefusalsOptions) {
    this.#options = { now: () => performance.now() / 1000, maxCodes: MAX_CODES, ...options };
  }

  /** Counts one refusal. `detail` names what was refused, never its content. */
  count(code: string, detail?: string | Readonly<Record<string, string | number>>): void {
    const tally = this.#tally(code);
    tally.total++;
    tally.unlogged++;
    const now = this.#options.now();
    if (now < tally.nextLog) return;
    tally.nextLog = now + this.#options.intervalSeconds;
    this.#options.log.warn({ refused: code, count: tally.unlogged, total: tally.total, detail }, `refused: ${code}`);
    tally.unlogged = 0;
  }

  /** Totals since the start, by code. */
  snapshot(): Record<string, number> {
    return Object.fromEntries([...this.#tallies].map(([code, { total }]) => [code, total]));
  }

  /** Logs what the interval held back; to be called before the process ends. */
  flush(): void {
    for (const [code, tally] of this.#tallies) {
      if (tally.unlogged === 0) continue;
      this.#options.log.warn({ refused: code, count: tally.unlogged, total: tally.total }, `refused: ${code}`);
      tally.unlogged = 0;
    }
  }

  #tally(code: string): Tally {
    const known = this.#tallies.get(code);
    if (known !== undefined) return known;
    if (this.#tallies.size >= this.#options.maxCodes && code !== "other") return this.#tally("other");
    const fresh = { total: 0, unlogged: 0, nextLog: Number.NEGATIVE_INFINITY };
    this.#tallies.set(code, fresh);
    return fresh;
  }
}
