/** Time as the network model sees it: the system's in a run, moved by hand in tests. Milliseconds. */

export interface LinkClock {
  now(): number;
  /** Calls back after a delay; the result cancels. A delay of 0 still calls back later, never at once. */
  after(ms: number, callback: () => void): () => void;
}

export const systemClock: LinkClock = {
  now: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => {
      clearTimeout(timer);
    };
  },
};

interface Alarm {
  readonly at: number;
  readonly callback: () => void;
}

/** A clock that stands still until it is advanced; alarms fire in order of their time. */
export class ManualClock implements LinkClock {
  private time = 0;
  private readonly alarms = new Set<Alarm>();
  private readonly watchers = new Set<() => void>();

  now(): number {
    return this.time;
  }

  after(ms: number, callback: () => void): () => void {
    const alarm = { at: this.time + ms, callback };
    this.alarms.add(alarm);
    for (const watcher of this.watchers) watcher();
    return () => {
      this.alarms.delete(alarm);
    };
  }

  /** Resolves as soon as at least `count` alarms are set: for I/O that sets them. */
  async pending(count: number): Promise<void> {
    while (this.alarms.size < count) {
      await new Promise<void>((resolve) => {
        const watcher = (): void => {
          this.watchers.delete(watcher);
          resolve();
        };
        this.watchers.add(watcher);
      });
    }
  }

  /** Moves time forward and fires what is due on the way. */
  advance(ms: number): void {
    const end = this.time + ms;
    for (;;) {
      const due = [...this.alarms].filter((alarm) => alarm.at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.alarms.delete(due);
      this.time = due.at;
      due.callback();
    }
    this.time = end;
  }
}
