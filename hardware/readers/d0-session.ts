/** Holds the sign-on conversation over a port: does what the state machine says, one thing after the other. */
import { D0SignOn, type D0Step, type SignOnOptions } from "./d0-sign-on.ts";
import type { ReaderEvent } from "./reader.ts";

/** A line whose speed can change: 7 data bits, even parity, 1 stop bit. */
export interface D0Port {
  setBaud(baud: number): Promise<void>;
  /** Resolves when the last bit has left. */
  write(bytes: Uint8Array): Promise<void>;
  /** Calls back for every chunk that comes in, until the returned function is called. */
  onBytes(listener: (chunk: Uint8Array) => void): () => void;
}

/** Calls back after so many milliseconds, unless the returned function is called before. */
export type Alarm = (callback: () => void, milliseconds: number) => () => void;

const clockAlarm: Alarm = (callback, milliseconds) => {
  const timer = setTimeout(callback, milliseconds);
  return () => clearTimeout(timer);
};

export interface SessionOptions extends SignOnOptions {
  readonly alarm?: Alarm;
}

/**
 * Asks the meter once, and gives what came of it: a telegram, or faults that say why there is none.
 * Rejects with the port's error when the port fails.
 */
export function readD0(port: D0Port, options: SessionOptions = {}): Promise<ReaderEvent[]> {
  const { alarm = clockAlarm, ...signOnOptions } = options;
  const machine = new D0SignOn(signOnOptions);
  const events: ReaderEvent[] = [];
  return new Promise((resolve, reject) => {
    let disarm = (): void => {};
    let over = false;
    let work = Promise.resolve();
    const finish = (settle: () => void): void => {
      over = true;
      disarm();
      stopListening();
      settle();
    };
    const perform = async (next: () => D0Step): Promise<void> => {
      if (over) return;
      disarm();
      const { actions, events: found, waitMs } = next();
      events.push(...found);
      for (const action of actions) {
        if (action.do === "send") await port.write(action.bytes);
        else await port.setBaud(action.baud);
      }
      if (waitMs === undefined) finish(() => resolve(events));
      else disarm = alarm(() => enqueue(() => machine.timeout()), waitMs);
    };
    const enqueue = (next: () => D0Step): void => {
      work = work
        .then(() => perform(next))
        .catch((error: unknown) => {
          finish(() => reject(error instanceof Error ? error : new Error(String(error))));
        });
    };
    const stopListening = port.onBytes((chunk) => {
      const copy = chunk.slice(); // drivers reuse their buffers, and this may have to wait
      enqueue(() => machine.push(copy));
    });
    enqueue(() => machine.start());
  });
}
