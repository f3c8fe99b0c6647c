/**
 * Letters of an opening: first halves from analytics, parts from aggregators, outcomes to analytics. Each is put
 * together, opened, and checked against topic and schema; what does not fit is counted and dropped.
 */
import type { z } from "zod";
import { ChunkAssembler, sealLetter, type ServerParty, takeLetter } from "../../protocol/envelope/index.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { jobIdOf } from "../../protocol/ckks/job.ts";
import {
  type JobOutcome,
  type OutputMessage,
  outputMessage,
  type PartialMessage,
  partialMessage,
} from "../../protocol/messages/ckks.ts";
import { aggregatorId } from "../../protocol/names.ts";
import { topicOf } from "../../protocol/topics.ts";

export interface OpenedLetterPorts {
  /** Real time in seconds that does not go back. */
  now(): number;
  /** Rejects while there is no connection; what is lost is asked for again. */
  publish(topic: string, payload: Uint8Array): Promise<void>;
  output(job: string, message: OutputMessage): Promise<void>;
  partial(message: PartialMessage): Promise<void>;
  refuse(code: string, detail: string): void;
}

const ANALYTICS = "analytics";
/** Many jobs may be under way, and their messages mixed. */
const LIMITS = { maxSenders: 16, maxMessages: 64, maxBytes: 64 * 1024 * 1024, maxAgeSeconds: 120 };

export class OpenedLetters {
  readonly #party: ServerParty;
  readonly #ports: OpenedLetterPorts;
  readonly #chunks: ChunkAssembler;

  constructor(party: ServerParty, ports: OpenedLetterPorts) {
    this.#party = party;
    this.#ports = ports;
    this.#chunks = new ChunkAssembler(() => ports.now(), LIMITS);
  }

  /** Takes one chunk of first halves from the topic of that job. */
  async takeOutput(job: string, chunk: Uint8Array): Promise<void> {
    const message = await this.#open(ANALYTICS, job, chunk, outputMessage);
    if (message === undefined) return;
    // The topic is only the broker's word; what counts is signed.
    if (jobIdOf(message.transcript) === job) await this.#ports.output(job, message);
    else this.#ports.refuse("opened-wrong-topic", `analytics: a transcript of another job came under ${job}`);
  }

  /** Takes one chunk of a part from the topic of that aggregator and job. */
  async takePartial(aggregator: number, job: string, chunk: Uint8Array): Promise<void> {
    const message = await this.#open(aggregatorId(aggregator), job, chunk, partialMessage);
    if (message === undefined) return;
    if (message.job === job && message.index === aggregator) await this.#ports.partial(message);
    else {
      const { job: other, index } = message;
      this.#ports.refuse("opened-wrong-topic", `aggregator ${aggregator}: part ${index} of ${other} under ${job}`);
    }
  }

  /** Tells analytics what became of a job. Lost when the broker is away: analytics asks again. */
  async tell(outcome: JobOutcome): Promise<void> {
    const topic = topicOf("jobResult", { job: outcome.job });
    for (const chunk of await sealLetter(outcome, this.#party, ANALYTICS)) await this.#ports.publish(topic, chunk);
  }

  async #open<T>(sender: string, job: string, chunk: Uint8Array, schema: z.ZodType<T>): Promise<T | undefined> {
    try {
      return await takeLetter({ chunks: this.#chunks, party: this.#party }, sender, chunk, schema);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#ports.refuse(`opened-${error.code}`, `${sender}, job ${job}: ${error.message}`);
      return undefined;
    }
  }
}
