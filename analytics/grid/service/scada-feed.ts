/** Scans of real sensors, or of a file, as they come. What is wrong with them is told; it never ends the process. */
import { stat } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { connect } from "mqtt";
import { UsageError } from "../../../config/runtime/role-command.ts";
import { CsvScada, ScadaFileError } from "../scada/csv.ts";
import { MqttScada } from "../scada/mqtt.ts";
import { pointName, type Sample, type Scan } from "../scada/scan.ts";
import type { OperationPlan } from "./plan.ts";

export interface FeedOptions {
  readonly plan: OperationPlan;
  readonly signal: AbortSignal;
  /** Unix seconds by the system's clock; 0 while nobody has told the time. */
  readonly now: () => number;
  readonly onScan: (scan: Scan) => void;
  /** No scan will come until somebody mends the source. */
  readonly onBroken: () => void;
  readonly refuse: (code: string, detail: string) => void;
  readonly log: Record<"info" | "warn" | "error", (fields: object, message: string) => void>;
}

/** Sensors that are read together come within this: a scan is over when none came for so long. */
const SETTLE_MILLISECONDS = 60;
/** Sensors that report changes only, or later than others, count with what they said last, for so many scans. */
const HELD_SCANS = 3;
/** From look to look whether a file has changed that has no more scans. */
const LOOK_SECONDS = 5;
const RECONNECT_MILLISECONDS = 2_000;

/** Reads a file of scans from end to end before it is relied on. Throws UsageError that names the line. */
export async function checkScans({ grid, settings }: OperationPlan): Promise<void> {
  if (settings.scada !== "csv") return;
  try {
    await new CsvScada(settings.scadaFile, grid).check();
  } catch (error) {
    if (error instanceof ScadaFileError) throw new UsageError(`grid.scadaFile: ${error.message}`);
    throw error;
  }
}

/** Ends with the signal. */
export async function feedScans(options: FeedOptions): Promise<void> {
  if (options.plan.settings.scada === "csv") await replay(options);
  else await listen(options);
}

/**
 * Scan by scan at the pace of `grid.scanSeconds`. A file that is changed is read anew, and goes on after the last scan that was
 * replayed; one that breaks waits for its next change.
 */
async function replay({ plan, signal, onScan, onBroken, log }: FeedOptions): Promise<void> {
  const { scadaFile, scanSeconds } = plan.settings;
  const file = { file: scadaFile };
  const isOver = (): boolean => signal.aborted;
  const wait = (seconds: number): Promise<unknown> =>
    pause(seconds * 1_000, undefined, { signal }).catch(() => undefined);
  let last = Number.NEGATIVE_INFINITY;
  while (!isOver()) {
    const version = await versionOf(scadaFile);
    let changed = false;
    try {
      for await (const scan of new CsvScada(scadaFile, plan.grid).scans()) {
        if (scan.time <= last) continue;
        changed = (await versionOf(scadaFile)) !== version;
        if (changed || isOver()) break;
        onScan(scan);
        last = scan.time;
        await wait(scanSeconds);
      }
      if (!changed && !isOver()) log.info(file, "all scans of the file were replayed");
    } catch (error) {
      if (!(error instanceof ScadaFileError)) throw error;
      log.error(file, `scans are broken: ${error.message}`);
      onBroken();
    }
    while (!changed && !isOver()) {
      await wait(Math.min(scanSeconds, LOOK_SECONDS));
      changed = (await versionOf(scadaFile)) !== version;
    }
    if (changed && !isOver()) log.info(file, "the file of scans has changed: it is read anew");
  }
}

/** Tells one content of a file from another, without reading it. */
async function versionOf(file: string): Promise<string> {
  try {
    const { ino, size, mtimeMs } = await stat(file);
    return `${ino} ${size} ${mtimeMs}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? "unknown";
  }
}

async function listen({ plan, signal, now, onScan, refuse, log }: FeedOptions): Promise<void> {
  const { scadaUrl, scadaPrefix, scanSeconds, sampleSkewSeconds } = plan.settings;
  const broker = { broker: scadaUrl };
  // The source subscribes by itself, so that a refused subscription is tried again and told.
  const client = connect(scadaUrl, { reconnectPeriod: RECONNECT_MILLISECONDS, resubscribe: false });
  let [connected, told] = [false, false];
  const away = (reason: string): void => {
    // Each attempt fails alike while a broker is away: told once.
    if (!told && !signal.aborted) log.warn(broker, `no connection to the broker of sensors: ${reason}`);
    [connected, told] = [false, true];
  };
  client.on("error", (error) => away(error.message));
  client.on("close", () => away(connected ? "it was lost" : "it was closed"));
  client.on("connect", () => {
    log.info(broker, "connected to the broker of sensors");
    [connected, told] = [true, false];
  });
  const source = new MqttScada(client, plan.grid, {
    ...{ prefix: scadaPrefix, scanSeconds, signal, now, settleMilliseconds: SETTLE_MILLISECONDS },
    skewSeconds: sampleSkewSeconds,
    onRefused: (topic, reason, code) => refuse(code, `${topic}: ${reason}`),
    onUnsubscribed: (reason) => log.warn(broker, `the broker of sensors refuses the subscription: ${reason}`),
  });
  try {
    const held = new HeldSamples(HELD_SCANS * scanSeconds);
    for await (const scan of source.scans()) onScan(held.with(scan));
  } finally {
    await client.endAsync(true);
  }
}

/** The last sample of every point, while it is fresh. */
export class HeldSamples {
  readonly #seconds: number;
  readonly #last = new Map<string, { readonly sample: Sample; readonly time: number }>();

  constructor(seconds: number) {
    this.#seconds = seconds;
  }

  /** The scan with what others said before it. */
  with(scan: Scan): Scan {
    for (const sample of scan.samples) this.#last.set(pointName(sample), { sample, time: scan.time });
    for (const [point, { time }] of this.#last) {
      // Ahead of the scan, too: the clock was set back.
      if (time < scan.time - this.#seconds || time > scan.time) this.#last.delete(point);
    }
    // A report that is only remembered is no second one.
    const samples = [...this.#last.values()].map(({ sample, time }) =>
      time === scan.time ? sample : { ...sample, heldSince: time },
    );
    return { ...scan, samples };
  }
}
