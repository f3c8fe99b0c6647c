/**
 * Learning rounds at the utility: hears what analytics announces, asks about a round once it has closed, and judges what
 * was opened. Nothing of a home is seen here: only sums over the agreed set.
 */
import type { Directory } from "../../protocol/keys/directory.ts";
import { openAnnouncement } from "../../protocol/learning/announcement.ts";
import { canonicalHash, type JsonValue } from "../../protocol/learning/canonical.ts";
import { elementsOf } from "../../protocol/learning/shape.ts";
import { slotOf } from "../../protocol/slots.ts";
import { neededAnswers } from "../collector/range-proof.ts";
import type { Provable } from "../rounds/agree.ts";
import { newRound, type RoundRecord } from "../rounds/record.ts";
import type { Utility } from "../settings.ts";
import {
  addModelRound,
  dueModelRounds,
  modelRound,
  type ModelShape,
  openModelRounds,
  shapeOf,
  updateModelRound,
} from "../store/learning-store.ts";
import { nextSerial, saveRound } from "../store/rounds-store.ts";
import { writeRelease } from "./releases.ts";

/** A home's clock, and an aggregator's, may be so far behind. */
const CLOSED_SECONDS = 1;

export class LearningRounds {
  readonly #utility: Utility;
  /** Unsettled rounds: what their sums are judged by. */
  readonly #shapes = new Map<string, ModelShape>();
  readonly #limit: number;
  #last: Buffer = Buffer.alloc(0);

  /** `limit`: unsettled rounds that are kept at the same time. */
  constructor(utility: Utility, limit: number) {
    this.#utility = utility;
    this.#limit = limit;
  }

  async start(): Promise<void> {
    for (const row of await openModelRounds(this.#utility.db)) this.#shapes.set(row.round, shapeOf(row));
  }

  /**
   * An announcement; what it cannot take goes to `refuse`. One of a settled round asks for its result: it is published
   * again. Throws ProtocolError for what is no announcement of analytics.
   */
  async take(
    payload: Uint8Array,
    directory: Pick<Directory, "servers">,
    refuse: (code: string, detail: string) => void,
  ): Promise<void> {
    if (Buffer.compare(this.#last, payload) === 0) return;
    const { db, clock } = this.#utility;
    const { round, content } = openAnnouncement(payload, directory);
    const known = await modelRound(db, round);
    if (known !== undefined) {
      if (this.#shapes.has(round)) this.#last = Buffer.from(payload);
      else await updateModelRound(db, round, { published: 0 });
      return;
    }
    const { campaign, step, task, closesAt, minMeters, maxMeters, vector, noise, bound } = content;
    if (closesAt <= clock.now() || this.#shapes.size >= this.#limit) {
      refuse(closesAt <= clock.now() ? "learning-round-closed" : "too-many-learning-rounds", `round ${round}`);
      return;
    }
    const model = Uint8Array.from(canonicalHash((task.type === "train" ? task.model : task) as unknown as JsonValue));
    await addModelRound(db, {
      ...{ round, campaign, step, task: task.type, closes_at: closesAt, min_meters: minMeters, max_meters: maxMeters },
      ...{ shape: JSON.stringify({ vector, noise, bound }), model, status: "announced", reason: "" },
      ...{ round_id: null, set_id: null, meters: null, sum: null, spare_answers: null, settled_at: null },
      ...{ proved: null, unproved: null, left_out: null },
      content: task.type === "train" ? null : JSON.stringify(task),
    });
    this.#shapes.set(round, { minMeters, maxMeters, vector, noise, bound });
    this.#last = Buffer.from(payload);
  }

  /** Opens a round for the next learning round that has closed; undefined where none has. */
  async open(): Promise<RoundRecord | undefined> {
    const { db, clock, slotSeconds, minMeters } = this.#utility;
    const time = clock.now();
    if (this.#shapes.size === 0) return undefined;
    const [row] = await dueModelRounds(db, time - CLOSED_SECONDS);
    if (row === undefined) return undefined;
    const meters = this.#customers(slotOf(row.closes_at, slotSeconds));
    if (meters.length < Math.max(row.min_meters, minMeters)) {
      const settled = { status: "too-few-meters", reason: `${meters.length} customers`, settled_at: Math.floor(time) };
      await db.transaction().execute(async (transaction) => {
        await updateModelRound(transaction, row.round, settled);
        await writeRelease(transaction, { ...row, ...settled }, slotSeconds);
      });
      this.settled(row.round);
      return undefined;
    }
    return await db.transaction().execute(async (transaction) => {
      const serial = await nextSerial(transaction);
      const record = newRound(
        {
          ...{ purpose: "vector", feeder: row.round, meters, kinds: [] },
          segments: [[0, elementsOf(shapeOf(row).vector)]],
        },
        time,
        serial,
      );
      await saveRound(transaction, record, slotSeconds);
      await updateModelRound(transaction, row.round, { status: "asked", round_id: record.id });
      return record;
    });
  }

  /** What the sums of a round are judged by. Throws for a round that is not open. */
  shape(round: string): ModelShape {
    const shape = this.#shapes.get(round);
    if (shape === undefined) throw new Error(`learning round ${round} is not open`);
    return shape;
  }

  /** Of a round with a bound: how many must hold an update for its proof, and the fewest homes of a set. */
  provable(round: string, threshold: number): Provable | undefined {
    const shape = this.#shapes.get(round);
    if (shape?.bound === undefined) return undefined;
    return { holders: neededAnswers(threshold), cells: Math.max(shape.minMeters, this.#utility.minMeters) };
  }

  /** The round is settled, and in the database. */
  settled(round: string): void {
    this.#shapes.delete(round);
    this.#last = Buffer.alloc(0);
  }

  /** Everyone who may have sent an update. */
  #customers(slot: number): string[] {
    const { roll } = this.#utility;
    const all = roll.feeders().flatMap((feeder) => roll.members(feeder, { from: slot, to: slot + 1 }));
    return [...new Set(all)].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  }
}
