/**
 * Publishes opened results for anyone, as JSON with units in the names of fields. A row is marked when the broker has
 * it; after a kill a result may go out twice, never not at all.
 */
import { z } from "zod";
import { topicOf } from "../../protocol/topics.ts";
import type { HeResultRow } from "../store/opened-tables.ts";
import type { HeValue, OpenedStore } from "./opened-store.ts";
import { fieldName } from "./units.ts";

/** `wv/1/pub/analytics/<circuit>`. Numbers stand under the circuit's names with their unit: `sumWh`, `meanWh`. */
export const publishedResult = z.looseObject({
  job: z.string(),
  circuit: z.string(),
  parameters: z.record(z.string(), z.unknown()),
  feeders: z.array(z.string()).min(1),
  series: z.array(z.string()).min(1),
  /** Unix seconds. */
  windowStart: z.int(),
  windowEnd: z.int(),
  slotSeconds: z.int().min(1),
  meters: z.int().min(1),
  /** Indices of the aggregators without whom it would not have opened. */
  openedBy: z.array(z.int().min(1)).min(1),
  openedAt: z.int(),
  status: z.string(),
});

export interface AnnouncerPorts {
  readonly store: OpenedStore;
  readonly slotSeconds: number;
  /** Rejects while there is no connection. */
  readonly publish: (topic: string, payload: string) => Promise<void>;
  readonly connected: () => boolean;
}

const AT_ONCE = 64;
/** Below the broker's limit for the topic. */
const MAX_BYTES = 240 * 1024;

export class Announcer {
  readonly #ports: AnnouncerPorts;
  #running: Promise<void> | undefined;
  #more = false;

  constructor(ports: AnnouncerPorts) {
    this.#ports = ports;
  }

  /** Publishes everything that waits. Calls that overlap are joined. */
  flush(): Promise<void> {
    this.#more = true;
    this.#running ??= this.#run().finally(() => (this.#running = undefined));
    return this.#running;
  }

  async #run(): Promise<void> {
    const { store, connected, publish, slotSeconds } = this.#ports;
    while (this.#more) {
      this.#more = false;
      const rows = await store.unpublished(AT_ONCE);
      for (const row of rows) {
        if (!connected()) return;
        const text = resultText(row, await store.values(row.job), slotSeconds);
        try {
          await publish(topicOf("heResult", { topic: row.circuit }), text);
        } catch {
          return; // the next flush tries again
        }
        await store.markPublished(row.job);
      }
      if (rows.length === AT_ONCE) this.#more = true;
    }
  }
}

/** A result as it is published. One that is too long for a message says so and leaves its numbers in the database. */
function resultText(row: HeResultRow, values: readonly HeValue[], slotSeconds: number): string {
  const facts: z.infer<typeof publishedResult> = {
    ...{ job: row.job, circuit: row.circuit, parameters: JSON.parse(row.parameters) as Record<string, unknown> },
    ...{ feeders: row.feeders.split(","), series: row.series.split(",") },
    ...{ windowStart: row.window_start, windowEnd: row.window_end, slotSeconds, meters: row.meters },
    ...{ openedBy: row.opened_by.split(",").map(Number), openedAt: row.opened_at, status: row.status },
  };
  const names = [...new Set(values.map(({ name }) => name))];
  const numbers = names.flatMap((name): [string, unknown][] => {
    const ofName = values.filter((value) => value.name === name);
    const { unit, error_bound: bound } = ofName[0]!;
    const list = ofName.map(({ value }) => rounded(value, bound));
    // A list of one is a list where the circuit gives one number for each slot.
    const isList = list.length > 1 || ofName[0]!.slot_start !== null;
    const field: [string, unknown] = [fieldName(name, unit), isList ? list : list[0]];
    return bound === null ? [field] : [field, [fieldName(`${name}ErrorBound`, unit), bound]];
  });
  const text = JSON.stringify({ ...facts, ...Object.fromEntries(numbers) });
  return Buffer.byteLength(text) <= MAX_BYTES ? text : JSON.stringify({ ...facts, numbersIn: "he_values" });
}

/** Digits far below the error are noise. */
function rounded(value: number, bound: number | null): number {
  if (bound === null || !(bound > 0)) return value;
  const digits = Math.min(12, Math.max(0, 2 - Math.floor(Math.log10(bound))));
  return Number(value.toFixed(digits)) + 0;
}
