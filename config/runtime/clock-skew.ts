/**
 * How wrong the clock of a simulated party is. Whoever started the process may say so while it runs, over the channel
 * between parent and child; outside a simulation nobody listens for it.
 */

/** From the parent process. `skewSeconds` is added to what the simulator says, until it says otherwise. */
export interface ClockSkew {
  readonly type: "clock-skew";
  readonly skewSeconds: number;
}

let seconds = 0;
let isListening = false;

/** What the parent process has said last, 0 before. */
export function heardSkew(): () => number {
  if (!isListening && process.send !== undefined) {
    isListening = true;
    process.on("message", (message) => {
      if (isSkew(message)) seconds = message.skewSeconds;
    });
    // A channel that somebody listens to would keep a process alive that has nothing else to do.
    process.channel?.unref();
  }
  return () => seconds;
}

function isSkew(message: unknown): message is ClockSkew {
  if (typeof message !== "object" || message === null) return false;
  const { type, skewSeconds } = message as Partial<ClockSkew>;
  return type === "clock-skew" && Number.isFinite(skewSeconds);
}
