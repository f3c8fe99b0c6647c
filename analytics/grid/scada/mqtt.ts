/**
 * Scans from MQTT: `<prefix>/<kind>/<element>` with `{"time": Unix seconds, "value": number, "unit": "kV"}`. Takes any
 * client with these methods; the `mqtt` package's is one.
 */
import { z } from "zod";
import type { Grid } from "../model/grid.ts";
import { pointName, type Sample, sampleOf, type ScadaSource, type Scan } from "./scan.ts";

/** What is needed of a client, connected or not yet. */
export interface MessageClient {
  readonly connected: boolean;
  subscribeAsync(topic: string): Promise<unknown>;
  unsubscribeAsync(topic: string): Promise<unknown>;
  on(event: "message", take: (topic: string, payload: Uint8Array) => void): unknown;
  on(event: "connect", done: () => void): unknown;
  off(event: "message", take: (topic: string, payload: Uint8Array) => void): unknown;
  off(event: "connect", done: () => void): unknown;
}

/** Why a message is left out: it is no sample of this grid, its time cannot be, or its scan is over. */
export type SampleRefusal = "bad-sample" | "sample-time" | "late-sample";

export interface MqttOptions {
  /** Without a slash at its end: `scada/feeder-1`. */
  readonly prefix: string;
  /** Samples of the same interval make one scan. */
  readonly scanSeconds: number;
  /** A scan is complete, too, when nothing came for so long; what comes later of its interval makes another one. */
  readonly settleMilliseconds?: number;
  /** The system's clock in Unix seconds; 0 or less while nobody has told the time. */
  readonly now: () => number;
  /** A sample whose time is further off that clock, ahead or behind, is refused. */
  readonly skewSeconds: number;
  /** After a subscription that the broker refused; default 5,000. */
  readonly retryMilliseconds?: number;
  /** Ends the stream. */
  readonly signal: AbortSignal;
  /** A message that is left out; the stream goes on. */
  readonly onRefused: (topic: string, reason: string, code: SampleRefusal) => void;
  /** The broker did not take the subscription; it is tried again. */
  readonly onUnsubscribed?: (reason: string) => void;
}

const PAYLOAD = z.strictObject({
  time: z.number().nonnegative(),
  value: z.number(),
  unit: z.string(),
  simulated: z.boolean().default(false),
});
const RETRY_MILLISECONDS = 5_000;

interface OpenScan {
  readonly bucket: number;
  readonly samples: Map<string, Sample>;
}

export class MqttScada implements ScadaSource {
  readonly #client: MessageClient;
  readonly #grid: Grid;
  readonly #options: MqttOptions;

  /** Throws RangeError for an interval or a skew that cannot be. */
  constructor(client: MessageClient, grid: Grid, options: MqttOptions) {
    const { scanSeconds, skewSeconds } = options;
    if (!(scanSeconds > 0)) throw new RangeError(`scanSeconds: expected more than 0, got ${scanSeconds}`);
    if (!(skewSeconds >= 0)) throw new RangeError(`skewSeconds: expected 0 or more, got ${skewSeconds}`);
    this.#client = client;
    this.#grid = grid;
    this.#options = options;
  }

  /**
   * A scan is complete when a sample of a later one arrives, `settleMilliseconds` pass, or the stream ends. No sample opens a scan
   * that lies ahead of the clock: one wrong time, or one sensor whose clock is fast, would make all others late.
   */
  async *scans(): AsyncIterable<Scan> {
    const { prefix, scanSeconds, skewSeconds, settleMilliseconds, signal, now } = this.#options;
    const ready: Scan[] = [];
    let open: OpenScan | undefined;
    let wake = (): void => {};
    let timer: NodeJS.Timeout | undefined;
    const close = (): void => {
      clearTimeout(timer);
      if (open === undefined || open.samples.size === 0) return;
      ready.push({ time: open.bucket * scanSeconds, source: prefix, samples: [...open.samples.values()] });
    };
    const take = (topic: string, payload: Uint8Array): void => {
      const found = this.#sampleOf(topic, payload);
      if (found === undefined) return;
      const bucket = Math.floor(found.time / scanSeconds);
      // The clock was set back: what was open belongs to a time that has not come.
      if (open !== undefined && open.bucket * scanSeconds > now() + skewSeconds) open = undefined;
      if (open !== undefined && bucket < open.bucket) {
        this.#options.onRefused(topic, "late: its scan is over", "late-sample");
        return;
      }
      if (open === undefined || bucket > open.bucket) {
        close();
        open = { bucket, samples: new Map() };
        wake();
      }
      open.samples.set(pointName(found.sample), found.sample);
      if (settleMilliseconds === undefined) return;
      clearTimeout(timer);
      timer = setTimeout(settle, settleMilliseconds);
    };
    const settle = (): void => {
      close();
      // Later samples of the interval are not late.
      if (open !== undefined) open = { bucket: open.bucket, samples: new Map() };
      wake();
    };
    const stop = (): void => wake();
    this.#client.on("message", take);
    signal.addEventListener("abort", stop);
    const unsubscribe = this.#subscribe(`${prefix}/+/+`);
    try {
      while (!signal.aborted) {
        const next = ready.shift();
        if (next !== undefined) yield next;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
      close();
      yield* ready;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      this.#client.off("message", take);
      unsubscribe();
    }
  }

  /** Now and after every connection that was lost: a broker need not remember a session. Returns how to end it. */
  #subscribe(filter: string): () => void {
    const { retryMilliseconds = RETRY_MILLISECONDS, onUnsubscribed } = this.#options;
    let retry: NodeJS.Timeout | undefined;
    let isOver = false;
    const ask = (): void => {
      clearTimeout(retry);
      if (!this.#client.connected) return;
      this.#client.subscribeAsync(filter).catch((error: unknown) => {
        if (isOver) return;
        onUnsubscribed?.(`${filter}: ${error instanceof Error ? error.message : String(error)}`);
        clearTimeout(retry);
        retry = setTimeout(ask, retryMilliseconds);
      });
    };
    this.#client.on("connect", ask);
    ask();
    return () => {
      isOver = true;
      clearTimeout(retry);
      this.#client.off("connect", ask);
      // Without a connection there is nobody to be told.
      if (this.#client.connected) this.#client.unsubscribeAsync(filter).catch(() => undefined);
    };
  }

  #sampleOf(topic: string, payload: Uint8Array): { time: number; sample: Sample } | undefined {
    const { prefix, onRefused, now, skewSeconds } = this.#options;
    if (!topic.startsWith(`${prefix}/`)) return undefined;
    const [kind, element] = topic.slice(prefix.length + 1).split("/");
    try {
      const { time, value, unit, simulated } = PAYLOAD.parse(JSON.parse(new TextDecoder().decode(payload)));
      const sample = { ...sampleOf(this.#grid, { kind, element, value, unit }), simulated };
      const clock = now();
      const isKnown = clock > 0;
      if (!isKnown || Math.abs(time - clock) > skewSeconds) {
        const expected = isKnown
          ? `within ${skewSeconds} s of ${Math.round(clock)}`
          : "nothing before the time is known";
        onRefused(topic, `time: expected ${expected}, got ${time}`, "sample-time");
        return undefined;
      }
      return { time: Math.min(time, clock), sample };
    } catch (error) {
      const reason =
        error instanceof z.ZodError
          ? error.issues.map(({ path, message }) => `${path.join(".") || "payload"}: ${message}`).join("; ")
          : error instanceof Error
            ? error.message
            : String(error);
      onRefused(topic, reason, "bad-sample");
      return undefined;
    }
  }
}
