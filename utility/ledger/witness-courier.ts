/**
 * Shows checkpoints to the witnesses (c2sp.org/tlog-witness) and keeps their cosignatures. A witness that has seen more
 * than there is, or other entries than there are, says that this log was rolled back or forked: that is told, loudly.
 */
import {
  formatWitnessRequest,
  LogError,
  parseCheckpoint,
  parseKey,
  parseNote,
  parseSize,
} from "../../protocol/log/index.ts";
import type { UtilityDatabase } from "../store/open.ts";
import type { Checkpoints, KeptCheckpoint } from "./checkpoints.ts";
import { TreeReader } from "./tree.ts";

export interface WitnessAddress {
  /** vkey. */
  readonly key: string;
  /** Submission prefix. */
  readonly url: string;
}

export type WitnessAlarm = "witness-rollback" | "witness-fork" | "witness-refuses" | "witness-silent";

export interface WitnessCourierOptions {
  readonly db: UtilityDatabase;
  readonly checkpoints: Checkpoints;
  readonly witnesses: readonly WitnessAddress[];
  readonly timeoutSeconds: number;
  readonly alarm: (code: WitnessAlarm, message: string) => void;
}

/** Sizes may have to be agreed upon once; more is a fault. */
const MOST_ATTEMPTS = 3;
const MAX_ANSWER_BYTES = 65_536;

interface Answer {
  readonly status: number;
  readonly text: string;
}

export class WitnessCourier {
  readonly #options: WitnessCourierOptions;
  readonly #tree: TreeReader;
  /** What each witness cosigned last, as far as this process knows. */
  readonly #sizes = new Map<string, number>();
  #running: Promise<void> | undefined;

  constructor(options: WitnessCourierOptions) {
    this.#options = options;
    this.#tree = new TreeReader(options.db);
  }

  /** Shows the head to every witness that has not seen it. Calls that overlap are joined. Never rejects. */
  show(): Promise<void> {
    this.#running ??= this.#show().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #show(): Promise<void> {
    const { checkpoints, witnesses, alarm } = this.#options;
    if (witnesses.length === 0) return;
    const head = await checkpoints.take();
    if (head === undefined) return;
    await Promise.all(
      witnesses.map(async (witness) => {
        const { name } = parseKey(witness.key);
        if (this.#sizes.get(name) === head.size) return;
        try {
          await this.#submit(witness, name, head);
        } catch (error) {
          alarm("witness-silent", `${name} at ${witness.url} cannot be asked: ${reasonOf(error)}`);
        }
      }),
    );
  }

  async #submit(witness: WitnessAddress, name: string, { size, checkpoint }: KeptCheckpoint): Promise<void> {
    const { checkpoints, alarm } = this.#options;
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      const oldSize = this.#sizes.get(name) ?? 0;
      const proof = await this.#tree.consistency(oldSize, size);
      const { status, text } = await this.#post(witness.url, formatWitnessRequest({ oldSize, proof, checkpoint }));
      if (status === 200) {
        try {
          await checkpoints.cosign(size, text);
          this.#sizes.set(name, size);
        } catch (error) {
          if (!(error instanceof LogError)) throw error;
          alarm("witness-refuses", `${name} answered with something else than its cosignature: ${error.message}`);
        }
        return;
      }
      const seen = status === 409 ? parseSize(text.trim()) : undefined;
      if (seen === undefined || seen === oldSize) {
        const forked = status === 422 || seen === oldSize;
        const what = forked ? "has seen other entries: this log is not the one that it knows" : `answers ${status}`;
        alarm(forked ? "witness-fork" : "witness-refuses", `${name} ${what}, and does not cosign ${size} entries`);
        return;
      }
      if (seen > size) {
        alarm("witness-rollback", `${name} has seen ${seen} entries, there are ${size}: this log was rolled back`);
        return;
      }
      this.#sizes.set(name, seen);
    }
    alarm("witness-refuses", `${name} names another size each time`);
  }

  async #post(url: string, body: string): Promise<Answer> {
    const { timeoutSeconds } = this.#options;
    const response = await fetch(`${url.replace(/\/+$/, "")}/add-checkpoint`, {
      method: "POST",
      body,
      headers: { "content-type": "text/plain; charset=utf-8" },
      redirect: "error",
      signal: AbortSignal.timeout(timeoutSeconds * 1_000),
    });
    const bytes = Buffer.from(await response.arrayBuffer());
    return { status: response.status, text: bytes.subarray(0, MAX_ANSWER_BYTES).toString("utf8") };
  }
}

/** `fetch failed` says nothing; its cause does. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error
    ? error.cause.message || String((error.cause as NodeJS.ErrnoException).code)
    : error.message;
}

/** What is published of a checkpoint, for anyone. */
export function publishedCheckpoint({ checkpoint }: KeptCheckpoint, time: number): string {
  const { origin, size, root } = parseCheckpoint(parseNote(checkpoint).text);
  return JSON.stringify({
    time: Math.floor(time),
    origin,
    size,
    root: Buffer.from(root).toString("base64"),
    checkpoint,
  });
}
