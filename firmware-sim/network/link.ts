/**
 * One meter's link: draws delays, losses, outages and forced repeats from its own random stream. It lasts as long as
 * the meter, through any number of connections. Draws follow the order of traffic, which the network of the machine
 * decides too: a seed makes runs alike, not identical.
 */
import { nameOf, PURPOSES, RandomStream } from "../loads/random.ts";
import type { LinkClock } from "./clock.ts";
import type { LinkConditions } from "./conditions.ts";

const SEGMENT_BYTES = 1400;

export type LinkState = "up" | "silent" | "cut";

/** How long a chunk is under way; `lost` when its connection does not survive it. */
export interface Transfer {
  readonly delayMs: number;
  readonly serialisationMs: number;
  readonly retransmissions: number;
  readonly lost: boolean;
}

export class Link {
  state: LinkState = "up";
  private current: LinkConditions;
  private readonly traffic: RandomStream;
  private readonly outages: RandomStream;
  private readonly listeners = new Set<(state: LinkState) => void>();
  private cancel: (() => void) | undefined;

  constructor(conditions: LinkConditions, seed: string | number, name: string) {
    this.current = conditions;
    const words = [nameOf(String(seed)), nameOf(name)] as const;
    this.traffic = new RandomStream().enter(...words, 0, PURPOSES.link);
    // A stream of its own, so that outages do not depend on the traffic.
    this.outages = new RandomStream().enter(...words, 1, PURPOSES.link);
  }

  get conditions(): LinkConditions {
    return this.current;
  }

  /** From the next bytes on the link is like this; outages stay as they were started. */
  change(conditions: LinkConditions): void {
    this.current = conditions;
  }

  /** Starts the outages; they go on until `stop`. */
  start(clock: LinkClock): void {
    const { outagesPerHour, outageSeconds, silentShare } = this.conditions;
    if (outagesPerHour === 0 || this.cancel !== undefined) return;
    const awaitOutage = (): void => {
      this.cancel = clock.after(this.outages.exponential(3_600_000 / outagesPerHour), () => {
        this.become(this.outages.uniform() < silentShare ? "silent" : "cut");
        this.cancel = clock.after(this.outages.exponential(outageSeconds * 1000), () => {
          this.become("up");
          awaitOutage();
        });
      });
    };
    awaitOutage();
  }

  stop(): void {
    this.cancel?.();
    this.cancel = undefined;
  }

  /** Tells of every change of state; the result ends it. */
  onChange(listener: (state: LinkState) => void): () => void {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
    };
  }

  /** Draws the fate of a chunk of bytes. */
  transfer(bytes: number): Transfer {
    const { latencyMs, latencySigma, jitterMs, bitsPerSecond, retransmissionMs, maxRetransmissions } = this.conditions;
    const serialisationMs = bitsPerSecond === 0 ? 0 : (bytes * 8000) / bitsPerSecond;
    let delayMs = 0;
    if (latencyMs > 0) delayMs += latencyMs * (latencySigma === 0 ? 1 : Math.exp(latencySigma * this.traffic.normal()));
    if (jitterMs > 0) delayMs += jitterMs * this.traffic.uniform();
    let retransmissions = 0;
    if (this.conditions.loss > 0) {
      let slowest = 0;
      for (let segment = 0; segment < bytes; segment += SEGMENT_BYTES) {
        let losses = 0;
        while (this.traffic.uniform() < this.conditions.loss) {
          losses += 1;
          if (losses >= maxRetransmissions) {
            return { delayMs, serialisationMs, retransmissions: retransmissions + losses, lost: true };
          }
        }
        retransmissions += losses;
        // Waits of 1, 2, 4... times the first; segments of a chunk are under way together.
        slowest = Math.max(slowest, retransmissionMs * (2 ** losses - 1));
      }
      delayMs += slowest;
    }
    return { delayMs, serialisationMs, retransmissions, lost: false };
  }

  /** Draws whether a QoS 1 PUBLISH is to be delivered twice. */
  shouldRepeat(): boolean {
    return this.conditions.duplicates > 0 && this.traffic.uniform() < this.conditions.duplicates;
  }

  /** Goes up or down at once, whatever outages are drawn. */
  become(state: LinkState): void {
    this.state = state;
    for (const listener of [...this.listeners]) listener(state);
  }
}
