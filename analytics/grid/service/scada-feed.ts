/** Scans of real sensors, or of a file, as they come. */
import { setTimeout as pause } from "node:timers/promises";
import { connectAsync, type MqttClient } from "mqtt";
import { CsvScada } from "../scada/csv.ts";
import { MqttScada } from "../scada/mqtt.ts";
import { pointName, type Sample, type Scan } from "../scada/scan.ts";
import type { OperationPlan } from "./plan.ts";

export interface FeedOptions {
  readonly plan: OperationPlan;
  readonly signal: AbortSignal;
  readonly onScan: (scan: Scan) => void;
  readonly refuse: (code: string, detail: string) => void;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
}

/** Sensors that are read together come within this: a scan is over when none came for so long. */
const SETTLE_MILLISECONDS = 60;
/** Sensors that report changes only, or later than others, count with what they said last, for so many scans. */
const HELD_SCANS = 3;

/** Ends with the signal, or with the file. Rejects where a file cannot be read. */
export async function feedScans(options: FeedOptions): Promise<void> {
  if (options.plan.settings.scada === "csv") await replay(options);
  else await listen(options);
}

/** Scan by scan at the pace of `grid.scanSeconds`. */
async function replay({ plan, signal, onScan, log }: FeedOptions): Promise<void> {
  const { scadaFile, scanSeconds } = plan.settings;
  for await (const scan of new CsvScada(scadaFile, plan.grid).scans()) {
    if (signal.aborted) return;
    onScan(scan);
    await pause(scanSeconds * 1_000, undefined, { signal }).catch(() => undefined);
  }
  if (!signal.aborted) log.info({ file: scadaFile }, "all scans of the file were replayed");
}

async function listen({ plan, signal, onScan, refuse, log }: FeedOptions): Promise<void> {
  const { scadaUrl, scadaPrefix, scanSeconds } = plan.settings;
  let client: MqttClient | undefined;
  while (client === undefined && !signal.aborted) {
    try {
      client = await connectAsync(scadaUrl, { reconnectPeriod: 2_000 });
    } catch (error) {
      log.warn({ broker: scadaUrl }, `no connection to the broker of sensors: ${(error as Error).message}`);
      await pause(5_000, undefined, { signal }).catch(() => undefined);
    }
  }
  if (client === undefined) return;
  client.on("error", (error) => log.warn({ broker: scadaUrl }, error.message));
  log.info({ broker: scadaUrl }, "connected to the broker of sensors");
  const source = new MqttScada(client, plan.grid, {
    ...{ prefix: scadaPrefix, scanSeconds, signal, settleMilliseconds: SETTLE_MILLISECONDS },
    onRefused: (topic, reason) => refuse("bad-sample", `${topic}: ${reason}`),
  });
  try {
    const held = new HeldSamples(HELD_SCANS * scanSeconds);
    for await (const scan of source.scans()) onScan(held.with(scan));
  } finally {
    await client.endAsync(true);
  }
}

/** The last sample of every point, while it is fresh. */
class HeldSamples {
  readonly #seconds: number;
  readonly #last = new Map<string, { readonly sample: Sample; readonly time: number }>();

  constructor(seconds: number) {
    this.#seconds = seconds;
  }

  /** The scan with what others said before it. */
  with(scan: Scan): Scan {
    for (const sample of scan.samples) this.#last.set(pointName(sample), { sample, time: scan.time });
    for (const [point, { time }] of this.#last) if (time < scan.time - this.#seconds) this.#last.delete(point);
    return { ...scan, samples: [...this.#last.values()].map(({ sample }) => sample) };
  }
}
