/** Watches work that should go on by itself, and ends it when nothing has moved for too long. */

export interface StuckOptions {
  /** Anything that changes while it goes on. */
  readonly progress: () => string;
  readonly seconds: number;
  /** Lets the work end, so that it resolves with what it has. */
  readonly onStuck: () => void;
}

const LOOK_MILLISECONDS = 500;

export async function untilStuck<T>(
  work: () => Promise<T>,
  { progress, seconds, onStuck }: StuckOptions,
): Promise<{ readonly result: T; readonly isStuck: boolean }> {
  let last = progress();
  let movedAt = performance.now();
  let isStuck = false;
  const timer = setInterval(() => {
    const now = progress();
    if (now !== last) [last, movedAt] = [now, performance.now()];
    if (isStuck || performance.now() - movedAt < seconds * 1_000) return;
    isStuck = true;
    onStuck();
  }, LOOK_MILLISECONDS);
  try {
    const result = await work();
    return { result, isStuck };
  } finally {
    clearInterval(timer);
  }
}
