/**
 * Scans from MQTT: `<prefix>/<kind>/<element>` with `{"time": Unix seconds, "value": number, "unit": "kV"}`. Takes any
 * client with these methods; the `mqtt` package's is one.
 */
import { z } from "zod";
import type { Grid } from "../model/grid.ts";
import { pointName, type Sample, SampleError, sampleOf, type ScadaSource, type Scan } from "./scan.ts";

/** What is needed of a connected client. */
export interface MessageClient {
  subscribeAsync(topic: string): Promise<unknown>;
  unsubscribeAsync(topic: string): Promise<unknown>;
  on(event: "message", take: (topic: string, payload: Uint8Array) => void): unknown;
  off(event: "message", take: (topic: string, payload: Uint8Array) => void): unknown;
}

export interface MqttOptions {
  /** Without a slash at its end: `scada/feeder-1`. */
  readonly prefix: string;
  /** Samples of the same interval make one scan. */
  readonly scanSeconds: number;
  /** A scan is complete, too, when nothing came for so long; what comes later of its interval makes another one. */
  readonly settleMilliseconds?: number;
  /** Ends the stream. */
  readonly signal: AbortSignal;
  /** A message that is no sample of this grid, or comes after its scan. It is left out. */
  readonly onRefused: (topic: string, reason: string) => void;
}

const PAYLOAD = z.strictObject({
  time: z.number().nonnegative(),
  value: z.number(),
  unit: z.string(),
  simulated: z.boolean().default(false),
});

export class MqttScada implements ScadaSource {
  readonly #client: MessageClient;
  readonly #grid: Grid;
  readonly #options: MqttOptions;

  constructor(client: MessageClient, grid: Grid, options: MqttOptions) {
    if (!(options.scanSeconds > 0))
      throw new RangeError(`scanSeconds: expected more than 0, got ${options.scanSeconds}`);
    this.#client = client;
    this.#grid = grid;
    this.#options = options;
  }

  /** A scan is complete when a sample of a later one arrives, `settleMilliseconds` pass, or the stream ends. */
  async *scans(): AsyncIterable<Scan> {
    const { prefix, scanSeconds, settleMilliseconds, signal } = this.#options;
    const ready: Scan[] = [];
    let open: { bucket: number; samples: Map<string, Sample> } | undefined;
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
      if (open !== undefined && bucket < open.bucket) {
        this.#options.onRefused(topic, "late: its scan is over");
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
    await this.#client.subscribeAsync(`${prefix}/+/+`);
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
      await this.#client.unsubscribeAsync(`${prefix}/+/+`);
    }
  }

  #sampleOf(topic: string, payload: Uint8Array): { time: number; sample: Sample } | undefined {
    const { prefix, onRefused } = this.#options;
    if (!topic.startsWith(`${prefix}/`)) return undefined;
    const [kind, element] = topic.slice(prefix.length + 1).split("/");
    try {
      const { time, value, unit, simulated } = PAYLOAD.parse(JSON.parse(new TextDecoder().decode(payload)));
      return { time, sample: { ...sampleOf(this.#grid, { kind, element, value, unit }), simulated } };
    } catch (error) {
      const reason =
        error instanceof z.ZodError
          ? error.issues.map(({ path, message }) => `${path.join(".") || "payload"}: ${message}`).join("; ")
          : error instanceof SyntaxError || error instanceof SampleError || error instanceof Error
            ? error.message
            : String(error);
      onRefused(topic, reason);
      return undefined;
    }
  }
}
