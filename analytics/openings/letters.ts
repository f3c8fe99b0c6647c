/**
 * Letters of a job: requests to aggregators and outputs to the utility are sealed, signed and cut into chunks; answers
 * are put together, opened, and checked against topic and schema. What does not fit is counted and dropped: whatever is
 * not answered is asked again.
 */
import type { z } from "zod";
import { ChunkAssembler, sealLetter, type ServerParty, takeLetter } from "../../protocol/envelope/index.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import {
  type JobAnswer,
  jobAnswer,
  type JobOutcome,
  jobOutcome,
  type JobRequest,
  type OutputMessage,
} from "../../protocol/messages/ckks.ts";
import { aggregatorId } from "../../protocol/names.ts";
import { topicOf } from "../../protocol/topics.ts";
import { MIB } from "../settings.ts";

export interface LetterPorts {
  /** Real time in seconds that does not go back. */
  now(): number;
  /** Resolves when the broker has the message; rejects while there is no connection. */
  publish(topic: string, payload: Uint8Array): Promise<void>;
  answered(aggregator: number, answer: JobAnswer): void;
  settled(outcome: JobOutcome): void;
  refuse(code: string, detail: string): void;
}

const UTILITY = "utility";
/** Aggregators' lists of needs and the utility's results: the largest has 64 outputs of 16,384 numbers, 8 MiB. */
const LIMITS = { maxSenders: 16, maxMessages: 256, maxBytes: 16 * MIB, maxAgeSeconds: 120 };

export class Letters {
  readonly #party: ServerParty;
  readonly #ports: LetterPorts;
  readonly #chunks: ChunkAssembler;

  constructor(party: ServerParty, ports: LetterPorts) {
    this.#party = party;
    this.#ports = ports;
    this.#chunks = new ChunkAssembler(() => ports.now(), LIMITS);
  }

  /** Rejects as `publish` does. */
  async ask(job: string, aggregator: number, request: JobRequest): Promise<void> {
    const topic = topicOf("jobRequest", { job, agg: String(aggregator) });
    await this.#send(topic, request, aggregatorId(aggregator));
  }

  /** Hands the utility what it combines partial decryptions with. Rejects as `publish` does. */
  async handOver(job: string, output: OutputMessage): Promise<void> {
    await this.#send(topicOf("jobOutput", { job }), output, UTILITY);
  }

  async #send(topic: string, message: unknown, to: string): Promise<void> {
    for (const chunk of await sealLetter(message, this.#party, to)) await this.#ports.publish(topic, chunk);
  }

  /** Takes one chunk of an aggregator's answer. */
  async takeAnswer(aggregator: number, job: string, type: string, chunk: Uint8Array): Promise<void> {
    const answer = await this.#open(aggregatorId(aggregator), job, chunk, jobAnswer);
    if (answer === undefined) return;
    // The topic is only the broker's word; what counts is signed.
    if (answer.job === job && answer.type === type) this.#ports.answered(aggregator, answer);
    else {
      const came = `${answer.type} of job ${answer.job} under ${type} of ${job}`;
      this.#ports.refuse("job-wrong-topic", `aggregator ${aggregator}: ${came}`);
    }
  }

  /** Takes one chunk of the utility's outcome. */
  async takeOutcome(job: string, chunk: Uint8Array): Promise<void> {
    const outcome = await this.#open(UTILITY, job, chunk, jobOutcome);
    if (outcome === undefined) return;
    if (outcome.job === job) this.#ports.settled(outcome);
    else this.#ports.refuse("job-wrong-topic", `utility: job ${outcome.job} under ${job}`);
  }

  async #open<T>(sender: string, job: string, chunk: Uint8Array, schema: z.ZodType<T>): Promise<T | undefined> {
    try {
      return await takeLetter({ chunks: this.#chunks, party: this.#party }, sender, chunk, schema);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#ports.refuse(`job-${error.code}`, `${sender}, job ${job}: ${error.message}`);
      return undefined;
    }
  }
}
