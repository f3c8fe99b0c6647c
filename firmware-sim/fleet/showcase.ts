/**
 * Follows the messages of one simulated household, for the page that shows who sees what: its readings, their shares, and what
 * the broker sees of them. Only of a household that is made up; the file lies with the simulator's own.
 */
import { renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { makeFolder } from "../../config/runtime/folders.ts";
import { ENTRY_BYTES, shareAt } from "../../protocol/shamir/share-entries.ts";
import { type Showcase as Contents, SHOWCASE_PREFIX_BYTES } from "../../protocol/messages/showcase.ts";
import { aggregatorId } from "../../protocol/names.ts";
import { topicOf } from "../../protocol/topics.ts";
import { KINDS } from "../../protocol/units.ts";

const WRITE_MILLISECONDS = 1_000;

export interface ShowcaseRun {
  readonly kind: number;
  readonly firstSlot: number;
  readonly readings: readonly number[];
}

type Part = Contents["parts"][number];

export interface ShowcaseOptions {
  readonly file: string;
  readonly meter: string;
  /** The feeder it hangs on in a slot. */
  readonly feederOf: (slot: number) => string;
  readonly slotSeconds: number;
  readonly aggregators: number;
  readonly threshold: number;
  /** Milliseconds. */
  readonly monotonic: () => number;
}

export class Showcase {
  readonly #options: ShowcaseOptions;
  #run: ShowcaseRun | undefined;
  /** Shares that were cut and not sent yet, by the topic that they go to. */
  readonly #cut = new Map<string, readonly string[]>();
  readonly #parts = new Map<string, Part>();
  #writtenAt = -Infinity;

  constructor(options: ShowcaseOptions) {
    this.#options = options;
  }

  /** What an aggregator is to get of a run of readings. */
  cut(run: ShowcaseRun, aggregator: number, entries: Uint8Array): void {
    // Readings that are shared bit by bit have no single share.
    if (run.kind !== KINDS.import || entries.length !== ENTRY_BYTES * run.readings.length) return;
    if (run.firstSlot < (this.#run?.firstSlot ?? -1)) return; // sent once more
    if (run.firstSlot !== this.#run?.firstSlot) {
      this.#run = run;
      this.#cut.clear();
      this.#parts.clear();
    }
    const shares = run.readings.map((_, i) => shareAt(entries, i).toString());
    this.#cut.set(topicOf("share", { meter: this.#options.meter, agg: String(aggregator) }), shares);
  }

  /** A message of the household goes to the broker. */
  sent(topic: string, payload: Uint8Array | string): void {
    const shares = this.#cut.get(topic);
    if (shares === undefined || typeof payload === "string") return;
    this.#cut.delete(topic);
    const prefix = Buffer.from(payload.subarray(0, SHOWCASE_PREFIX_BYTES)).toString("hex");
    const sealed = Buffer.from(payload.subarray(-SHOWCASE_PREFIX_BYTES)).toString("hex");
    this.#parts.set(topic, {
      aggregator: aggregatorId(Number(topic.split("/").at(-1))),
      shares: [...shares],
      topic,
      bytes: payload.length,
      prefix,
      sealed,
    });
    if (this.#parts.size === this.#options.aggregators) this.#write();
  }

  #write(): void {
    const { file, meter, feederOf, slotSeconds, threshold, monotonic } = this.#options;
    const run = this.#run;
    const now = monotonic();
    if (run === undefined || now - this.#writtenAt < WRITE_MILLISECONDS) return;
    this.#writtenAt = now;
    const contents: Contents = {
      simulated: true,
      feed: { kind: "generated" },
      meter,
      feeder: feederOf(run.firstSlot),
      slotStart: run.firstSlot * slotSeconds,
      slotSeconds,
      threshold,
      readingsWh: [...run.readings],
      parts: [...this.#parts.values()].sort((a, b) => a.aggregator.localeCompare(b.aggregator)),
    };
    makeFolder(dirname(file), { mode: 0o700 }); // meters alone have no folder of a fleet
    writeFileSync(`${file}.next`, JSON.stringify(contents), { mode: 0o600 });
    renameSync(`${file}.next`, file);
  }
}
