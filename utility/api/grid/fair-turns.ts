/**
 * Shares the desk of analytics among accounts: each may have so many questions open, and of those that take a thread there one is
 * under way at a time, in the order in which they came. So whoever asks much waits for themselves, and not others for them.
 */
import { Problem } from "../problem.ts";

/** Seconds before another attempt is worth it. */
const RETRY_SECONDS = 2;

interface Share {
  open: number;
  /** A question that takes long is under way. */
  isBusy: boolean;
  readonly line: (() => void)[];
}

export class FairTurns {
  readonly #most: number;
  readonly #shares = new Map<string, Share>();

  /** `most`: questions that an account may have open, waiting ones included. */
  constructor(most: number) {
    this.#most = most;
  }

  /**
   * Does the work when it is the account's turn; `takesLong`: behind its others that do. Throws a Problem: 429 `grid-share` beyond
   * the account's share, 503 `grid-busy` when its turn does not come in so many milliseconds.
   */
  async run<T>(account: string, takesLong: boolean, milliseconds: number, work: () => Promise<T>): Promise<T> {
    const share = this.#shares.get(account) ?? { open: 0, isBusy: false, line: [] };
    if (share.open >= this.#most) {
      throw new Problem(429, "grid-share", `${share.open} questions of ${account} about the grid are open: await one`, {
        retryAfter: RETRY_SECONDS,
      });
    }
    this.#shares.set(account, share);
    share.open += 1;
    try {
      if (!takesLong) return await work();
      await turnOf(share, milliseconds);
      try {
        return await work();
      } finally {
        const next = share.line.shift();
        if (next === undefined) share.isBusy = false;
        else next();
      }
    } finally {
      share.open -= 1;
      if (share.open === 0) this.#shares.delete(account);
    }
  }
}

async function turnOf(share: Share, milliseconds: number): Promise<void> {
  if (!share.isBusy) {
    share.isBusy = true;
    return;
  }
  await new Promise<void>((resolve, reject) => {
    const turn = (): void => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(() => {
      share.line.splice(share.line.indexOf(turn), 1);
      const detail = "your questions about the grid before this one take too long: try again";
      reject(new Problem(503, "grid-busy", detail, { retryAfter: RETRY_SECONDS }));
    }, milliseconds);
    share.line.push(turn);
  });
}
