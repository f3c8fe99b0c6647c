/** Publishes what came of learning rounds, for anyone; of releases also what people read. A row is marked when the broker has it: twice, never not at all. */
import { coordinatesOf, type LearnResult, resultParts } from "../../protocol/learning/result.ts";
import type { NoisedRelease } from "../../protocol/learning/index.ts";
import { TOPICS, topicOf } from "../../protocol/topics.ts";
import { noisedReleaseOf } from "./releases.ts";
import {
  type ModelRound,
  publishNewestAgain,
  unpublishedModelRounds,
  updateModelRound,
} from "../store/learning-store.ts";
import type { Queries } from "../store/rounds-store.ts";

export interface LearningAnnouncerPorts {
  readonly db: Queries;
  readonly slotSeconds: number;
  /** Rejects while there is no connection. */
  readonly publish: (topic: string, payload: string) => Promise<void>;
  readonly connected: () => boolean;
}

const AT_ONCE = 16;

export class LearningAnnouncer {
  readonly #ports: LearningAnnouncerPorts;
  #running: Promise<void> | undefined;
  #more = false;

  constructor(ports: LearningAnnouncerPorts) {
    this.#ports = ports;
  }

  /** After a restart: the newest results again, and whatever was not published yet. */
  async start(): Promise<void> {
    await publishNewestAgain(this.#ports.db);
    await this.flush();
  }

  /** Publishes everything that waits. Calls that overlap are joined. */
  flush(): Promise<void> {
    this.#more = true;
    this.#running ??= this.#run().finally(() => (this.#running = undefined));
    return this.#running;
  }

  async #run(): Promise<void> {
    const { db, publish, connected, slotSeconds } = this.#ports;
    while (this.#more) {
      this.#more = false;
      const rows = await unpublishedModelRounds(db, AT_ONCE);
      for (const row of rows) {
        if (!connected()) return;
        try {
          for (const message of messagesOf(row)) await publish(topicOf("learnResult", {}), JSON.stringify(message));
          const release = textOf(noisedReleaseOf(row, slotSeconds));
          if (release !== undefined) await publish(topicOf("release", { topic: row.campaign }), release);
        } catch {
          return; // the next flush tries again
        }
        await updateModelRound(db, row.round, { published: 1 });
      }
      if (rows.length === AT_ONCE) this.#more = true;
    }
  }
}

function messagesOf(row: ModelRound): LearnResult[] {
  const { round, campaign, step, status, reason } = row;
  const facts = { round, campaign, step, settledAt: row.settled_at ?? 0 };
  if (row.sum === null || row.set_id === null || row.meters === null) return [{ v: 1, ...facts, status, reason }];
  const setId = Buffer.from(row.set_id).toString("hex");
  const opened = { ...facts, meters: row.meters, setId, spareAnswers: row.spare_answers ?? 0 };
  const { proved, unproved, left_out: leftOut } = row;
  const isBounded = proved !== null && unproved !== null && leftOut !== null;
  const bound = isBounded ? { bound: { proved, unproved, leftOut } } : {};
  return resultParts({ ...opened, ...bound }, coordinatesOf("int64", row.sum));
}

/** Undefined for what is no release, and for one that no message holds: it is in the database, and in the parts of the sum. */
function textOf(release: NoisedRelease | undefined): string | undefined {
  if (release === undefined) return undefined;
  const text = JSON.stringify(release);
  return Buffer.byteLength(text) > TOPICS.release.maxBytes ? undefined : text;
}
